"""The open dialogs, kept for the dialogs room (which may not touch storage)."""

from domain.messages import Address
from services.turn import Turn
from storage import conversations
from storage.conversations import Conversation

__all__ = ["Conversation", "close", "find", "save"]


def find(turn: Turn, address: Address, user: str) -> Conversation | None:
    return conversations.find(turn.tx, turn.bot_id, address.chat, user, turn.now)


def save(turn: Turn, address: Address, user: str, conversation: Conversation) -> None:
    conversations.save(turn.tx, turn.bot_id, address.chat, user, conversation)


def close(turn: Turn, address: Address, user: str) -> None:
    conversations.close(turn.tx, turn.bot_id, address.chat, user)
