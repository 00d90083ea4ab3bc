"""What the database and the peer's notes say after a run of crashes, against what the story says must be there."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import func, select

from bot.demo import build
from storage import audit, lanes, outbox, people, places, ticket_reports, tickets, timers
from storage.database import Database, Tx
from tests.crash.story import BUILDING_CHATS, SECOND_CHATS, Line
from tests.support.crashing import BOT


@dataclass(slots=True)
class Figures:
    """All but `kills`, `inside`, `updates`, `effects`, `again` and `repeated` must be 0.

    inside: kills with updates in hand; repeated: messages sent more than once, each in flight at a kill.
    """

    kills: int = 0
    inside: int = 0
    updates: int = 0
    effects: int = 0
    lost: int = 0
    doubled: int = 0
    strange: int = 0  # rows that no update explains, and counters that do not add up
    early: int = 0  # confirmed before the commit
    unsent: int = 0
    foretold: int = 0  # sent before the commit
    repeated: int = 0
    again: int = 0  # updates that came again though their effects stood already
    unexplained: int = 0  # sent again though not in flight at a kill
    disordered: int = 0

    @property
    def wrong(self) -> dict[str, int]:
        fine = {"kills", "inside", "updates", "effects", "again", "repeated"}
        return {name: count for name, count in asdict(self).items() if count and name not in fine}

    def __str__(self) -> str:
        return ", ".join(f"{name} {count}" for name, count in asdict(self).items())


@dataclass(slots=True)
class Watch:
    """What was seen at the kills: which outbox rows were in flight, and the figures so far."""

    figures: Figures = field(default_factory=Figures)
    in_flight: Counter[int] = field(default_factory=Counter)
    known: dict[str, int] = field(default_factory=dict)  # message → outbox row

    def after_kill(
        self, tx: Tx, confirmed: Iterable[Line], handed: Iterable[Line], sent: Iterable[dict[str, Any]]
    ) -> None:
        """confirmed, handed (but not confirmed), sent: those of the life that has just ended."""
        self.figures.kills += 1
        self.figures.again += sum(lanes.was_seen(tx, bot_id=BOT, update_id=line.id) for line in handed)
        for line in confirmed:
            if line.effect and not lanes.was_seen(tx, bot_id=BOT, update_id=line.id):
                self.figures.early += 1
        after = max(self.known.values(), default=0) - 500  # PostgreSQL: ids are not committed in their order
        self.known |= {_text(row.message): row.id for row in tx.execute(_rows.where(outbox.Outbox.id > after))}
        self.figures.foretold += sum(_text(message) not in self.known for message in sent)
        self.in_flight.update(tx.scalars(_begun).all())


_rows = select(outbox.Outbox.id, outbox.Outbox.key, outbox.Outbox.chat_id, outbox.Outbox.state, outbox.Outbox.message)

_begun = select(outbox.Outbox.id).where(outbox.Outbox.state != outbox.SENT, outbox.Outbox.attempts > 0)
_lanes = select(lanes.Lane.chat_id, lanes.Lane.seq)


def _text(message: dict[str, Any]) -> str:
    return json.dumps(message, sort_keys=True, ensure_ascii=False)


async def prepare(database: Database, *, second_chats: bool = False) -> int:
    """The demo compound, each building with a second chat if wanted; returns how many people live there."""

    def make(tx: Tx) -> None:
        demo = build(tx, BOT)
        for first, second in zip(BUILDING_CHATS, SECOND_CHATS, strict=True) if second_chats else ():
            chat = places.find_chat(tx, BOT, first)
            assert chat is not None
            demo.chat(second, chat.place)

    await database.run(make)
    return await database.read(lambda tx: count(tx, people.PersonRow))


def judge(tx: Tx, watch: Watch, lines: list[Line], sent: list[dict[str, Any]], settled: int) -> Figures:
    """The figures at the end. lines: all that was handed out; settled: people who were there before."""
    figures = watch.figures
    _judge_effects(tx, figures, lines, settled)
    judge_sends(tx, watch, lines, sent)
    return figures


def _judge_effects(tx: Tx, figures: Figures, lines: list[Line], settled: int) -> None:
    """One audit row for each line with an effect, its outbox rows, and all tables as many rows as they must have."""
    effects = [line.effect for line in lines if line.effect]
    actor = select(people.Identity.user_id, audit.Audit.action).join_from(
        audit.Audit, people.Identity, people.Identity.person_id == audit.Audit.actor_id
    )
    found = Counter((user, action) for user, action in tx.execute(actor))
    expected = Counter((effect.user, effect.action) for effect in effects)
    keys = Counter(key.rsplit("/", 1)[0] for key in tx.scalars(select(outbox.Outbox.key)))
    rows = {f"u:{line.id}": line.effect.rows for line in lines if line.effect}
    figures.updates, figures.effects = len(lines), found.total()
    figures.lost = (expected - found).total() + sum(keys[key] < count for key, count in rows.items())
    figures.doubled = (found - expected).total() + sum(count > rows.get(key, 0) for key, count in keys.items())
    seen = set(tx.scalars(select(lanes.Inbox.update_id)))
    figures.strange += len(seen ^ {line.id for line in lines if line.effect})
    turns = Counter(line.chat for line in lines if line.effect)
    figures.strange += turns != Counter({row.chat_id: row.seq for row in tx.execute(_lanes)})
    figures.strange += _odd_counts(tx, Counter(effect.action for effect in effects), settled)


def _odd_counts(tx: Tx, actions: Counter[str], settled: int) -> int:
    """How many tables have not the rows that so many reports and withdrawals leave."""
    opened, reports = actions["opened"], actions["opened"] + actions["joined"]
    live = tx.scalars(select(tickets.TicketRow.id).where(tickets.TicketRow.status == "open"))
    numbers = tx.scalars(select(tickets.TicketRow.number).order_by(tickets.TicketRow.number)).all()
    counter = tx.scalar(select(func.max(audit.Counter.value))) or 0
    withdrawn = ticket_reports.Report.outcome == "withdrawn"
    facts = (
        (list(numbers), list(range(1, opened + 1))),
        (counter, opened),
        (count(tx, ticket_reports.Report), reports),
        (count(tx, ticket_reports.TicketText), reports),
        (count(tx, ticket_reports.Report, withdrawn), actions["withdrawn"]),
        (count(tx, audit.Audit), actions.total()),
        (count(tx, people.PersonRow), settled + reports),
        (set(tx.scalars(select(timers.TimerRow.key))), set(map(str, live))),  # a promise each, for no other
    )
    return sum(found != expected for found, expected in facts)


def judge_sends(tx: Tx, watch: Watch, lines: list[Line], sent: list[dict[str, Any]]) -> None:
    """Every row sent, in each chat's order (what one chat's updates say to a chat); again only what was in flight at a
    kill, once for each such kill."""
    figures = watch.figures
    times = Counter(_text(message) for message in sent)
    first = {text: place for place, text in reversed(list(enumerate(map(_text, sent))))}
    place_of = {f"u:{line.id}": place for place, line in enumerate(lines)}
    lane_of = {f"u:{line.id}": line.chat for line in lines}
    last: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (-1, -1))
    for row in tx.execute(_rows.order_by(outbox.Outbox.id)):
        text = _text(row.message)
        if row.state != outbox.SENT or not times[text]:
            figures.unsent += 1
            continue
        figures.repeated += times[text] > 1
        figures.unexplained += times[text] - 1 > watch.in_flight[row.id]
        cause = row.key.rsplit("/", 1)[0]
        way, order = (lane_of.get(cause, ""), row.chat_id), (place_of.get(cause, -1), first[text])
        before, last[way] = last[way], order
        figures.disordered += order[0] < before[0] or order[1] <= before[1]
        del times[text]
    figures.foretold += len(times)


def count(tx: Tx, table: Any, *where: Any) -> int:
    return tx.scalar(select(func.count()).select_from(table).where(*where)) or 0
