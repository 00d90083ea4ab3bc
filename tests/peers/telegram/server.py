"""The HTTP side of the peer: a uvicorn server in a task of the running loop."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.peers.telegram.faults import Faults
from tests.peers.telegram.limits import Arrival, is_limited
from tests.peers.telegram.methods import Methods
from tests.peers.telegram.request import ApiError, Json, read


class QuietServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening, self.leaving = asyncio.Event(), asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.leaving.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the tests."""
        yield


class Desk:
    """Answers HTTP calls and keeps record of them."""

    def __init__(self, token: str, methods: Methods, faults: Faults) -> None:
        self.token, self.methods, self.faults = token, methods, faults
        self.calls: list[tuple[str, Json]] = []
        self.arrivals: list[Arrival] = []
        self.port = 0
        self._app = Starlette(
            routes=[
                Route("/bot{token}/{method}", self._call, methods=["GET", "POST"]),
                Route("/file/bot{token}/{path:path}", self._download),
                Route("/{rest:path}", self._nothing, methods=["GET", "POST"]),
            ]
        )
        self._server: QuietServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; the first port is any free one and is kept."""
        # Without the protocol named, asyncio leaves Nagle's delay on: 40 ms a call.
        line = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.bind(("127.0.0.1", self.port))
        self.port = line.getsockname()[1]
        config = uvicorn.Config(self._app, http="h11", ws="none", lifespan="off", log_config=None, access_log=False)
        self._server = QuietServer(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[line]))
        await self._server.listening.wait()

    async def stop(self) -> None:
        """Break all lines and listen no more."""
        if self._server is None or self._serving is None:
            return
        self._abort()
        self.methods.updates.release()
        self._server.leaving.set()
        await self._serving
        for _ in range(5):  # lines that were just being accepted
            await asyncio.sleep(0.005)
            self._abort()
        self._server = self._serving = None

    def _abort(self) -> None:
        if self._server:
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()

    async def _call(self, request: Request) -> Response:
        at, method = time.monotonic(), request.path_params["method"]
        try:
            if request.path_params["token"] != self.token:
                raise ApiError(401, "Unauthorized")
            params = await read(request)
            chat = params.values.get("chat_id")
            self.calls.append((method, params.values))
            if is_limited(method) and isinstance(chat, int):
                self.arrivals.append(Arrival(at, chat, method))
            self.faults.before(method, chat)
            result = await self.methods.call(method, params)
        except ApiError as error:
            return JSONResponse(error.answer(), error.code)
        if self.faults.drops_now(method):
            await self._break(request)
        return JSONResponse({"ok": True, "result": result})

    async def _download(self, request: Request) -> Response:
        if request.path_params["token"] != self.token:
            return JSONResponse(ApiError(401, "Unauthorized").answer(), 401)
        for file in self.methods.world.files.values():
            if file.path == request.path_params["path"] and len(file.data) <= self.methods.file_limit:
                return Response(file.data, media_type="application/octet-stream")
        return await self._nothing(request)

    async def _nothing(self, _: Request) -> Response:
        return JSONResponse(ApiError(404, "Not Found").answer(), 404)

    async def _break(self, request: Request) -> None:
        """Close the line of this request and wait until it is closed, so that nothing can be answered."""
        assert self._server is not None
        for connection in list(self._server.server_state.connections):
            if request.client is not None and getattr(connection, "client", None) == tuple(request.client):
                connection.transport.abort()
        while (await request.receive())["type"] != "http.disconnect":
            pass
