"""What the peer posts to a webhook, and when again."""

import pytest
from telegram import (
    Bot,
    Update,
)
from telegram.error import (
    Conflict,
)

from tests.peers.telegram.hook import Hook
from tests.peers.telegram.house import GROUP, WANG, ids
from tests.peers.telegram.peer import TelegramPeer


async def test_a_webhook_is_tried_again_until_it_says_yes(peer: TelegramPeer, bot: Bot) -> None:
    first = peer.say(GROUP, WANG, "早")["update_id"]
    async with Hook(403, 500).listening() as hook:
        await bot.set_webhook(hook.url, secret_token="s-1", max_connections=5, allowed_updates=["message"])
        await peer.wait_for(lambda: peer.deliveries.get(first) == 3 and not peer.pending)
        peer.block(WANG)
        second = peer.say(GROUP, WANG, "好")["update_id"]
        await peer.wait_for(lambda: not peer.pending)
        assert hook.ids() == [first, first, first, second]
        assert {secret for secret, _ in hook.got} == {"s-1"}
        assert Update.de_json(hook.got[0][1], bot).message is not None
        info = await bot.get_webhook_info()
        assert (info.url, info.pending_update_count, info.max_connections) == (hook.url, 0, 5)
        assert info.last_error_message == "Wrong response from the webhook: 500 Internal Server Error"
        assert peer.webhook is not None
        with pytest.raises(Conflict, match="webhook is active"):
            await bot.get_updates()
        await bot.delete_webhook()
        third = peer.raw_update({"message": peer.say(GROUP, WANG, "好")["message"]})["update_id"]
        assert ids(await bot.get_updates())[-1] == third
        assert peer.webhook is None


async def test_a_webhook_that_is_away_gets_its_updates_later(peer: TelegramPeer, bot: Bot) -> None:
    async with Hook().listening() as hook:
        url = hook.url
    await bot.set_webhook(url)
    update = peer.say(GROUP, WANG, "早")["update_id"]
    await peer.wait_for(lambda: peer.deliveries.get(update, 0) >= 2)
    info = await bot.get_webhook_info()
    assert (info.last_error_message, info.pending_update_count) == ("Connection refused", 1)
    async with Hook().listening() as hook:
        await bot.set_webhook(hook.url)
        await peer.wait_for(lambda: not peer.pending)
        assert hook.ids() == [update]


@pytest.mark.parametrize(("parallel", "connections", "most"), [(1, 40, 1), (4, 40, 4), (4, 2, 2)])
async def test_as_many_posts_at_once_as_are_allowed(
    peer: TelegramPeer, bot: Bot, parallel: int, connections: int, most: int
) -> None:
    for number in range(8):
        peer.say(GROUP, WANG, str(number))
    peer.webhook_parallel = parallel
    async with Hook().listening() as hook:
        hook.gate.clear()
        await bot.set_webhook(hook.url, max_connections=connections)
        await peer.wait_for(lambda: hook.busy == most)
        hook.gate.set()
        await peer.wait_for(lambda: not peer.pending)
        assert hook.most == most
        assert len(set(hook.ids())) == len(hook.ids()) == 8


async def test_a_webhook_that_never_takes_is_given_up(peer: TelegramPeer, bot: Bot) -> None:
    peer.webhook_patience(tries=3, pause=0.001)
    async with Hook(*[403] * 3).listening() as hook:
        await bot.set_webhook(hook.url)
        lost, taken = peer.say(GROUP, WANG, "早"), peer.say(GROUP, WANG, "好")
        await peer.wait_for(lambda: not peer.pending)
        assert peer.given_up == [lost]
        assert hook.ids() == [lost["update_id"]] * 3 + [taken["update_id"]]
