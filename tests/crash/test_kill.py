"""kill -9 at random points of turns, sends and confirms: every update has exactly one effect, no message is lost, no
update is confirmed before its commit."""

import pytest

from tests.crash.killing import run_kills
from tests.crash.peer import Peer

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize(("database_url", "kills"), [("sqlite", 20), ("postgresql", 5)], indirect=["database_url"])
async def test_killed_and_started_again(crash_peer: Peer, database_url: str, kills: int) -> None:
    figures = await run_kills(crash_peer, database_url, kills)
    assert not figures.wrong, str(figures)
    assert figures.kills == kills
    assert figures.inside > kills / 2, "the kills missed the turns"
