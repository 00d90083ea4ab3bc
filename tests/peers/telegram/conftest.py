from collections.abc import AsyncIterator

import pytest
from telegram import Bot

from tests.peers.telegram.house import compound, telegram_bot
from tests.peers.telegram.peer import TelegramPeer


@pytest.fixture
async def peer() -> AsyncIterator[TelegramPeer]:
    async with compound() as peer:
        yield peer


@pytest.fixture
async def bot(peer: TelegramPeer) -> AsyncIterator[Bot]:
    async with telegram_bot(peer) as bot:
        yield bot
