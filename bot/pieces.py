"""A message too long for its platform, in pieces that end where a sentence ends."""

import re
from dataclasses import replace

from bot.transport import Limits, as_text
from domain.messages import Outgoing

_ENDS = (re.compile(r"\n+"), re.compile(r"[。！？!?；;…]+[”’」』）)]*|\.\s"), re.compile(r"[，、,：:]|\s"))
_LEAST = 0.3  # of a piece: an earlier end would make crumbs


def width(text: str) -> int:
    """UTF-16 units, as Telegram counts."""
    return len(text) + sum(char > "\uffff" for char in text)


def split(text: str, most: int) -> list[str]:
    """Pieces of at most `most` units; nothing but blanks between them is lost."""
    pieces = []
    while width(text) > most:
        end = _end(text, most)
        pieces.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*pieces, text] if text or not pieces else pieces


def _end(text: str, most: int) -> int:
    """Where the first piece ends: after a line, else a sentence, a clause, or where there is no more room."""
    room = most
    while width(text[:room]) > most:
        room -= width(text[:room]) - most
    for ends in _ENDS:
        found = [match.end() for match in ends.finditer(text, 0, room)]
        if found and found[-1] >= room * _LEAST:
            return found[-1]
    while room > 1 and (text[room] in "\u200d\ufe0f" or text[room - 1] == "\u200d"):  # no emoji is torn
        room -= 1
    return room


def pieces(message: Outgoing, limits: Limits) -> list[Outgoing]:
    """What is sent one after another: the file and the quote go with the first piece, names with the first words, the
    answers with the last."""
    more = sum(width(person.name) + 2 for person in message.mentions)
    if not limits.buttons:
        more += width(as_text(message)) - width(message.text)
    texts = split(message.text, max(limits.text_length - more, 2))
    if message.file and width(message.text) + more > limits.caption_length:
        texts = ["", *texts]
    last, named = len(texts) - 1, 1 if not texts[0] and len(texts) > 1 else 0
    return [
        replace(
            message,
            text=text,
            choices=message.choices if number == last else (),
            reply_to=message.reply_to if number == 0 else "",
            mentions=message.mentions if number == named else (),
            file=message.file if number == 0 else None,
        )
        for number, text in enumerate(texts)
    ]
