"""A webhook on 127.0.0.1 that records what is posted to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.peers.telegram.request import Json
from tests.peers.telegram.server import QuietServer


class Hook:
    """A bot's webhook: records what comes and answers with the statuses it is given, then with 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[tuple[str | None, Json]] = []
        self.busy = self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""

    async def take(self, request: Request) -> Response:
        update = await request.json()
        self.got.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), update))
        self.busy += 1
        self.most = max(self.most, self.busy)
        await self.gate.wait()
        self.busy -= 1
        return Response(status_code=self.statuses.pop(0) if self.statuses else 200)

    def ids(self) -> list[int]:
        return [update["update_id"] for _, update in self.got]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Hook"]:
        app = Starlette(routes=[Route("/hook", self.take, methods=["POST"])])
        server = QuietServer(uvicorn.Config(app, port=0, http="h11", ws="none", lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve())
        await server.listening.wait()
        self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/hook"
        try:
            yield self
        finally:
            self.gate.set()
            server.leaving.set()
            await serving
