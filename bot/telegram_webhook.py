"""Receiving by webhook: an endpoint for Telegram, which says 200 only after the effects of an update are committed."""

import asyncio
import hashlib
import hmac
import json
import logging
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from typing import Any
from urllib.parse import unquote, urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

log = logging.getLogger(__name__)

CONNECTIONS = 16  # posts at once that Telegram is asked for

_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_LARGEST = 1024 * 1024  # bytes of an update
_FAR = 100  # ids apart: no gap, Telegram counts anew

Take = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]


def secret_of(token: str) -> str:
    """What Telegram shows with every post: only who knows the bot's token can make it, and it does not give it away."""
    return hmac.new(token.encode(), b"linli telegram webhook", hashlib.sha256).hexdigest()


def path_of(webhook: str) -> str:
    return unquote(urlsplit(webhook).path) or "/"


def webhook_app(path: str, secret: str, take: Take, *, gap: float = 1.0) -> Starlette:
    """The endpoint alone. `take` returns when the update's effects are committed; what it raises makes Telegram post
    the update again. gap: seconds that an update waits for those before it."""
    turns = Turns(gap)

    async def post(request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get(_HEADER, "").encode(), secret.encode()):
            return Response(status_code=403)
        body = await _body(request)
        if body is None:
            return Response(status_code=413)
        try:
            data = json.loads(body)
            number = int(data["update_id"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return Response(status_code=400)
        try:
            await turns.take(number, lambda: take(data))
        except Exception as error:  # whatever the database raises
            log.error("update=%s not taken: %s", number, type(error).__name__)
            return Response(status_code=503)
        return Response(status_code=200)

    app = Starlette(routes=[Route(path, post, methods=["POST"])])
    app.router.redirect_slashes = False
    return app


async def _body(request: Request) -> bytes | None:
    """None where it is larger than any update."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            return None
    return bytes(body)


class Turns:
    """Begins work by its number: one that came too early waits a moment for those before it that did not come yet, or
    failed and will come again. Numbers that came before pass at once."""

    def __init__(self, gap: float) -> None:
        self._gap = gap
        self._next: int | None = None
        self._missing: dict[int, asyncio.TimerHandle] = {}
        self._waiting: list[tuple[int, int, Callable[[], None]]] = []
        self._arrivals = count()

    async def take(self, number: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        began: asyncio.Future[asyncio.Task[None]] = asyncio.get_running_loop().create_future()

        def begin() -> None:  # tasks start in the order in which they are made
            if not began.done():
                began.set_result(asyncio.create_task(work()))

        heappush(self._waiting, (number, next(self._arrivals), begin))
        self._arrived(number)
        self._go_on()
        try:
            await (await began)
        except BaseException:
            self._miss(number)
            raise

    def _arrived(self, number: int) -> None:
        if timer := self._missing.pop(number, None):
            timer.cancel()
        if self._next is None:
            self._miss(-1)  # nobody knows what came before: the first ones wait once
        elif self._next < number <= self._next + _FAR:
            for between in range(self._next, number):
                self._miss(between)
        if self._next is None or not self._next - _FAR <= number < self._next:
            self._next = number + 1

    def _miss(self, number: int) -> None:
        if number not in self._missing:
            self._missing[number] = asyncio.get_running_loop().call_later(self._gap, self._give_up, number)

    def _give_up(self, number: int) -> None:
        del self._missing[number]
        self._go_on()

    def _go_on(self) -> None:
        first = min(self._missing, default=None)
        while self._waiting and (first is None or self._waiting[0][0] < first):
            heappop(self._waiting)[2]()


def listening(listen: str) -> socket.socket:
    """The socket of host:port. OSError where it is taken or no address of this machine."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, int(port)), family=family)


async def serve(app: Starlette, listener: socket.socket, grace: int) -> None:
    """Until cancelled; what is in hand then has so many seconds to end."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=grace,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the business of who runs the bot."""
        yield
