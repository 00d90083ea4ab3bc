"""One peer for all crash tests: its nursery takes a second or two to load. So they share an event loop, too."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.crash.peer import Peer


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def crash_peer() -> AsyncIterator[Peer]:
    async with Peer().running() as peer:
        yield peer
