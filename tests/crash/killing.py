"""Kill the bot at random points and start it again, over and over; then see what became of every update."""

import random
from datetime import timedelta

from storage.database import open_database
from tests.crash.peer import Kill, Peer, Stream
from tests.crash.story import BUILDING_CHATS, START, Story
from tests.crash.verdict import Figures, Watch, judge, prepare

_BETWEEN = timedelta(seconds=61)  # on the bot's clock: what a killed life had leased is free for the next
_SLOWEST = 0.4  # seconds from the first update to a kill, at most
_MORE = 20  # updates after the last kill


def plan(chance: random.Random) -> Kill:
    """Half of the kills at any time, the others just after something was said: a send, its answer, a confirm."""
    match chance.randrange(8):
        case 0 | 1:
            return Kill("send", count=chance.randint(1, 40))
        case 2:
            return Kill("sent", count=chance.randint(1, 40))
        case 3:
            return Kill("confirm", count=chance.randint(1, 16))
    return Kill("time", seconds=chance.uniform(0, _SLOWEST))


async def run_kills(peer: Peer, url: str, kills: int, *, seed: int = 1) -> Figures:
    """The figures after so many kills on the database at `url`, which has all tables and no rows."""
    chance, story, watch = random.Random(seed), Story(BUILDING_CHATS), Watch()
    stream = Stream(story.line)
    peer.begin(seed)
    async with open_database(url) as database:
        settled = await prepare(database)
    for number in range(kills):
        life, before, said = peer.spawn(url, stream), stream.confirmed, len(peer.sent)
        await peer.live(life, START + number * _BETWEEN, plan(chance))
        watch.figures.inside += life.inside
        confirmed = [story.line(each) for each in range(before + 1, stream.confirmed + 1)]
        handed = [story.line(each) for each in range(stream.confirmed + 1, life.handed + 1)]
        async with open_database(url) as database:
            await database.read(watch.after_kill, confirmed, handed, peer.sent[said:])
    stream.last = stream.handed + _MORE
    await peer.live(peer.spawn(url, stream), START + kills * _BETWEEN)
    lines = [story.line(number) for number in range(1, stream.last + 1)]
    async with open_database(url) as database:
        return await database.read(judge, watch, lines, peer.sent, settled)
