"""kill -9 at random points of turns, sends and confirms: every update has exactly one effect, no message is lost, no
update is confirmed before its commit."""

import pytest

from storage.database import open_database
from tests.crash.killing import run_kills
from tests.crash.peer import Peer, Stream
from tests.crash.story import BUILDING_CHATS, START, Story
from tests.crash.verdict import Watch, judge, prepare

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize(("database_url", "kills"), [("sqlite", 20), ("postgresql", 5)], indirect=["database_url"])
async def test_killed_and_started_again(crash_peer: Peer, database_url: str, kills: int) -> None:
    figures = await run_kills(crash_peer, database_url, kills)
    assert not figures.wrong, str(figures)
    assert figures.kills == kills
    assert figures.inside > kills / 2, "the kills missed the turns"


async def test_told_to_leave_in_the_middle_of_its_sending(crash_peer: Peer, database_url: str) -> None:
    """It sends and marks what is due before it goes, so that nothing is sent again after a restart."""
    story = Story(BUILDING_CHATS)
    crash_peer.begin(hasty=True)
    async with open_database(database_url) as database:
        settled = await prepare(database)
    for upto in (40, 80):
        stream = Stream(story.line, upto, confirmed=upto - 40)
        await crash_peer.live(crash_peer.spawn(database_url, stream), START)
    lines = [story.line(number) for number in range(1, 81)]
    async with open_database(database_url) as database:
        figures = await database.read(judge, Watch(), lines, crash_peer.sent, settled)
    assert not figures.wrong, str(figures)
    assert figures.repeated == 0
