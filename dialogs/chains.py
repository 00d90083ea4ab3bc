"""接龙: lists that cross on the way lose somebody; the bot sees all of them and says who. In memory alone."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from dialogs.engine import Talk
from domain.chains import Chain, ChainWords, Entry, emit, merge, parse, same
from texts import pattern, say

_KEPT = timedelta(days=1)
_HEAD = 200  # characters within which a list says that it is one
_MOST = 5  # lists of one chat that run at the same time


@cache
def chain_words() -> ChainWords:
    return ChainWords(
        label=say("chains.label"),
        example_label=say("chains.example_label"),
        head=pattern("chains.head"),
        example=pattern("chains.example"),
        meta=pattern("chains.meta"),
        room=pattern("chains.room"),
        persons=pattern("chains.persons"),
        proxy=pattern("chains.proxy"),
        withdrawn=pattern("chains.withdrawn"),
    )


@dataclass(slots=True)
class Known:
    """One list of a chat as everybody together sent it. told: lost entries that were spoken of, once each."""

    chain: Chain
    at: datetime
    told: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Lost:
    """Entries that the newest list lacks though nobody took them back."""

    known: Known
    entries: tuple[Entry, ...]

    def settled(self) -> None:
        self.known.told |= {entry.key for entry in self.entries}


@dataclass(slots=True)
class Lists:
    """The lists of one chat."""

    known: list[Known] = field(default_factory=list)

    def take(self, came: Chain, user: str, now: datetime) -> Lost | None:
        """What a list lost, if that was not said yet."""
        self.known = [known for known in self.known if now - known.at < _KEPT][-_MOST:]
        found = next((known for known in self.known[::-1] if same(known.chain, came, user)), None)
        merged = merge(found.chain if found else None, came, user)
        if found is None:
            self.known.append(Known(merged.chain, now))
            return None
        found.chain, found.at = merged.chain, now
        lost = tuple(entry for entry in merged.lost if entry.key not in found.told)
        return Lost(found, lost) if lost else None


def read(text: str) -> Chain | None:
    """The list in a message."""
    return parse(text, chain_words()) if pattern("chains.mark").search(text, 0, _HEAD) else None


def say_lost(talk: Talk, lost: Lost) -> None:
    """Who is missing, and apart from it the whole list, so that it can be copied and gone on from."""
    names = "、".join(say("chains.lost_entry", name=entry.name, room=entry.room) for entry in lost.entries)
    talk.announce(say("chains.lost", names=names))
    for part in emit(lost.known.chain, chain_words()):
        talk.announce(part, quote=False)
