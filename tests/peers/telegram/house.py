"""A compound on the peer, for the tests of the peer itself: three groups, two people, a python-telegram-bot bot."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.request import HTTPXRequest

from tests.peers.telegram.peer import TelegramPeer
from tests.peers.telegram.request import Json

TOKEN = "123456:secret"
ME: Json = {"id": 7000000001, "username": "linli_bot", "first_name": "小助手", "can_read_all_group_messages": True}
GROUP, FORUM, BASIC, WANG, LIU = -1002000000003, -1002000000009, -4000003, 5100001, 5100002
KEYS = InlineKeyboardMarkup([[InlineKeyboardButton("我来", callback_data="|接单 1")]])


@asynccontextmanager
async def compound() -> AsyncIterator[TelegramPeer]:
    async with TelegramPeer(token=TOKEN, me=ME) as peer:
        peer.group(GROUP, title="3栋群")
        peer.group(FORUM, title="和谐小区", forum=True)
        peer.group(BASIC, title="老群", kind="group")
        peer.person(WANG, "王阿姨")
        peer.person(LIU, "刘", last_name="建国", username="laoliu3", opened=False)
        yield peer


def telegram_bot(peer: TelegramPeer, token: str = TOKEN) -> Bot:
    return Bot(
        token,
        base_url=f"{peer.url}/bot",
        base_file_url=f"{peer.url}/file/bot",
        request=HTTPXRequest(httpx_kwargs={"trust_env": False, "verify": False}),
        get_updates_request=HTTPXRequest(httpx_kwargs={"trust_env": False, "verify": False}),
    )


def ids(updates: tuple[Update, ...]) -> list[int]:
    return [update.update_id for update in updates]
