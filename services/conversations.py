"""The open dialogs, kept for the dialogs room (which may not touch storage)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from domain.messages import Address, Outgoing, numbered
from services.turn import Turn
from storage import conversations
from storage.conversations import Conversation

__all__ = ["LATER", "Conversation", "begin", "close", "find", "save"]

LATER = timedelta(minutes=10)  # until a question is put to somebody who is in the middle of another dialog


def find(turn: Turn, address: Address, user: str) -> Conversation | None:
    return conversations.find(turn.tx, turn.bot_id, address.chat, user, turn.now)


def save(turn: Turn, address: Address, user: str, conversation: Conversation) -> None:
    conversations.save(turn.tx, turn.bot_id, address.chat, user, conversation)


def close(turn: Turn, address: Address, user: str) -> None:
    conversations.close(turn.tx, turn.bot_id, address.chat, user)


def begin(
    turn: Turn,
    user: str,
    text: str,
    *,
    flow: str,
    pending: str,
    args: dict[str, Any],
    labels: Sequence[tuple[int, str]] = (),
    bot_id: str = "",
) -> bool:
    """A private dialog that nobody started by a word, at its first question; False where another is open: ask later.

    pending: the key of that question in the flow; labels: none for an answer in own words.
    """
    bot_id = bot_id or turn.bot_id
    if conversations.is_open(turn.tx, bot_id, user, user, turn.now):
        return False
    question = f"{flow}:{'-'.join(map(str, args.values()))}"[:48] + f":{turn.now.timestamp():.0f}"
    conversation = Conversation(
        flow=flow,
        args=args,
        answers=[],
        pending=pending,
        question=question,
        expires_at=turn.now + timedelta(hours=turn.rules.dialog_hours),
        labels=[list(label) for label in labels],
    )
    conversations.save(turn.tx, bot_id, user, user, conversation)
    message = Outgoing(Address(user, private=True), text, numbered(labels), question)
    turn.say(message, bot_id=bot_id)
    return True
