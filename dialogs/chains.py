"""接龙: lists that cross on the way lose somebody; the bot sees all of them and says who. In memory alone."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from dialogs.engine import Talk
from domain.chains import Chain, ChainWords, Entry, emit, merge, parse, same
from domain.messages import Outgoing
from texts import pattern, say

_KEPT = timedelta(days=1)
_CROSSING = timedelta(minutes=2)  # within which lists cross on their way
_PAUSE = timedelta(seconds=20)  # several who join at once lose several: they are named together
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
    lost: list[tuple[Entry, datetime]] = field(default_factory=list)  # those of the last moments


@dataclass(frozen=True, slots=True)
class Lost:
    """Entries that the lists of the last moments lack though nobody took them back."""

    known: Known
    entries: tuple[Entry, ...]

    def settled(self) -> None:
        new = [entry for entry in self.entries if entry.key not in self.known.told]
        self.known.lost += [(entry, self.known.at) for entry in new]
        self.known.told |= {entry.key for entry in new}


@dataclass(slots=True)
class Lists:
    """The lists of one chat."""

    known: list[Known] = field(default_factory=list)

    def idle(self, now: datetime) -> bool:
        return all(now - known.at >= _KEPT for known in self.known)

    def take(self, came: Chain, user: str, now: datetime) -> Lost | None:
        """What a list lost, if that was not said yet."""
        self.known = [known for known in self.known if now - known.at < _KEPT][-_MOST:]
        found = next((known for known in self.known[::-1] if same(known.chain, came, user)), None)
        # Who began a list strikes out what they have seen; what came a moment ago they have not.
        strikes = found is not None and user == found.chain.initiator and now - found.at > _CROSSING
        merged = merge(found.chain if found else None, came, user, strikes=strikes)
        if found is None:
            self.known.append(Known(merged.chain, now))
            return None
        found.chain, found.at = merged.chain, now
        found.lost = [(entry, at) for entry, at in found.lost if now - at < _CROSSING]
        new = tuple(entry for entry in merged.lost if entry.key not in found.told)
        return Lost(found, (*(entry for entry, _ in found.lost), *new)) if new else None


def read(text: str) -> Chain | None:
    """The list in a message."""
    return parse(text, chain_words()) if pattern("chains.mark").search(text, 0, _HEAD) else None


def say_lost(talk: Talk, lost: Lost) -> None:
    """Who is missing, and apart from it the whole list, so that it can be copied and gone on from. A list with phones
    or troubles in it is not said again."""
    chain, here, due_at = lost.known.chain, talk.incoming.address, talk.turn.now + _PAUSE
    names = "、".join(dict.fromkeys(entry.name for entry in lost.entries))
    private = any(pattern("chains.private").search(entry.said) for entry in chain.standing)
    post = f"list:{chain.title[:60]}"
    text = say("chains.lost_private" if private else "chains.lost", names=names)
    talk.turn.say(Outgoing(here, text, post=f"{post}:lost"), due_at=due_at)
    for number, part in enumerate(() if private else emit(chain, chain_words())):
        talk.turn.say(Outgoing(here, part, post=f"{post}:{number}"), due_at=due_at)
