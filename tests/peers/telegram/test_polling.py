"""getUpdates: offsets, waiting, one reader at a time."""

import asyncio
import random

import pytest
from telegram import (
    Bot,
    Update,
)
from telegram.error import (
    Conflict,
)

from tests.peers.telegram.house import GROUP, WANG, ids, telegram_bot
from tests.peers.telegram.peer import TelegramPeer


async def test_an_offset_confirms_everything_below_it(peer: TelegramPeer, bot: Bot) -> None:
    numbers = [peer.say(GROUP, WANG, str(number))["update_id"] for number in range(5)]
    assert ids(await bot.get_updates(limit=2)) == numbers[:2]
    assert ids(await bot.get_updates()) == numbers
    assert ids(await bot.get_updates(offset=numbers[3])) == numbers[3:]
    assert ids(await bot.get_updates(offset=-1)) == numbers[4:]
    assert ids(await bot.get_updates()) == numbers[4:]
    assert await bot.get_updates(offset=numbers[4] + 1) == ()
    assert peer.pending == []


async def test_a_long_poll_ends_with_the_first_update(peer: TelegramPeer, bot: Bot) -> None:
    reading = asyncio.create_task(bot.get_updates(timeout=30))
    await peer.wait_for(lambda: peer.calls and peer.calls[-1][0] == "getUpdates")
    update = peer.say(GROUP, WANG, "在吗")
    async with asyncio.timeout(10):
        assert ids(await reading) == [update["update_id"]]


async def test_of_two_readers_the_older_is_sent_away(peer: TelegramPeer, bot: Bot) -> None:
    older = asyncio.create_task(bot.get_updates(timeout=30))
    await peer.wait_for(lambda: peer.calls and peer.calls[-1][0] == "getUpdates")
    async with telegram_bot(peer) as second:
        newer = asyncio.create_task(second.get_updates(timeout=30))
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await older
        peer.say(GROUP, WANG, "在吗")
        assert len(await newer) == 1


async def test_only_wanted_kinds_come(peer: TelegramPeer, bot: Bot) -> None:
    await bot.get_updates(allowed_updates=["message"])
    peer.block(WANG)
    message = peer.say(GROUP, WANG, "在吗")
    assert ids(await bot.get_updates()) == [message["update_id"]]
    await bot.get_updates(offset=message["update_id"] + 1, allowed_updates=[])
    assert ids(await bot.get_updates()) == []
    assert ids((Update.de_json(peer.unblock(WANG), bot),)) == ids(await bot.get_updates())


async def test_updates_come_again_and_mixed(peer: TelegramPeer, bot: Bot) -> None:
    peer.duplicate(2)
    numbers = [peer.raw_update({"message": peer.say(GROUP, WANG, str(n))["message"]})["update_id"] for n in range(4)]
    last = numbers[-1] + 1
    given = sorted(ids(await bot.get_updates()))
    assert ids(await bot.get_updates(offset=last)) == given
    assert ids(await bot.get_updates(offset=last)) == given
    assert await bot.get_updates(offset=last) == ()
    peer.shuffle = random.Random(1)
    numbers = [peer.say(GROUP, WANG, str(number))["update_id"] for number in range(20)]
    mixed = ids(await bot.get_updates())
    assert mixed != numbers
    assert sorted(mixed) == numbers
