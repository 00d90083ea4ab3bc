"""A ticket between bodies: passed on, offered, given back, decided from above; helpers and bodies that are called.

Whoever had it first keeps it until another has taken it (首接负责), so it never stands between two.
"""

from datetime import datetime
from typing import Any

from domain import limits
from domain.errors import Refusal
from domain.people import TREE, Body, Level, Person
from domain.promises import quiet_end
from domain.responsibility import OWNERS, chain_of
from domain.rights import LEADING, Action, allows
from domain.tickets import LIVE, Act, Status, Ticket, after
from services import (
    conversations,
    people,
    ticket_clock,
    ticket_files,
    ticket_limits,
    ticket_notices,
    ticket_search,
    ticket_steps,
)
from services.turn import Turn
from storage import offices, ticket_bodies, ticket_reports, tickets, timers
from storage import people as stored
from storage.ticket_bodies import ASSIST, WHISTLE
from texts import options, say, wording

ASK, SILENT = "ticket.route_ask", "ticket.whistle"
_WHISTLING = (Level.BRANCH, Level.COMMUNITY, Level.STREET)
_PENDING = {"tickets.offered": "offered", "tickets.decide": "decision"}


def pass_on(turn: Turn, person: Person, ticket: Ticket, body: Body) -> tuple[Ticket, bool]:
    """转派: whoever is above both bodies moves it, if nobody works on it; else the other body is asked. True: moved."""
    ticket, here = ticket_steps.hold_own(turn, person, ticket)
    _check_target(turn, ticket, body)
    if ticket.status in (Status.OPEN, Status.RETURNED) and over(person, here, body):
        return _move(turn, person, ticket, here, body), True
    if ticket.status is Status.RETURNED:
        raise Refusal("routing.above_decides", number=ticket.number)
    if ticket.status is Status.OPEN:  # whoever offers it has it until the other takes it
        ticket = ticket_steps.step(turn, ticket, Act.ACCEPTED, by=person.id, accepted_by=person.id)
    note: dict[str, object] = {"from": here.id, "to": body.id}
    ticket = ticket_steps.step(turn, ticket, Act.OFFERED, by=person.id, note=note, offered_to=body.id)
    ticket_limits.start(turn, ticket)
    _ask(turn, ticket, body, "tickets.offered")
    facts = ticket_notices.facts(turn, ticket) | {"office": people.office(here, ticket.building)}
    ticket_notices.to_body(turn, ticket, body, say("routing.offered_post", **facts), urgent=ticket.urgent)
    return ticket, False


def _check_target(turn: Turn, ticket: Ticket, body: Body, *, helper: bool = False) -> None:
    office = people.office(body, ticket.building)
    if not helper and body.level not in OWNERS:
        raise Refusal("routing.helps_only", number=ticket.number, office=office)
    if body.id == ticket.body_id:
        raise Refusal("routing.there_already", number=ticket.number, office=office)
    barred = ticket_bodies.barred(turn.tx, ticket.id)
    company = ticket.category == "property" and body.level is Level.PROPERTY
    if company or body.id in barred.bodies:
        raise Refusal("routing.concerned", number=ticket.number, office=office)
    if not people.reachable(turn, body, barred):
        raise Refusal("routing.nobody_there", office=office)


def over(person: Person, here: Body, body: Body) -> bool:
    """Somebody above both bodies (or taking it to their own, from below them) may move a ticket without asking."""
    return any(body.under(post.body) for post in _above(person, here))


def _above(person: Person, body: Body) -> list[Any]:
    return [
        post
        for post in person.posts
        if post.body.level in TREE and post.body.id != body.id and allows(post, Action.HANDLE, body)
    ]


def _move(turn: Turn, person: Person, ticket: Ticket, here: Body, body: Body) -> Ticket:
    """What was given back and is sent on by those above is designated: it is not given back again."""
    decided = ticket.status is Status.RETURNED
    note: dict[str, object] = {"from": here.id, "to": body.id}
    changes = {"body_id": body.id, "accepted_by": None, "offered_to": None, "designated": decided}
    ticket = ticket_steps.step(turn, ticket, Act.MOVED, by=person.id, note=note, **changes, **_anew(turn, ticket))
    ticket_limits.start(turn, ticket)
    ticket_files.post(turn, ticket, body)
    _tell_moved(turn, ticket, body)
    return ticket


def _anew(turn: Turn, ticket: Ticket) -> dict[str, Any]:
    """Another body has its own time to answer; the time to be done goes on, less what it stood still."""
    _, resolve_by = limits.resumed(ticket, turn.now)
    respond_by = limits.respond_by(turn.now, urgent=ticket.urgent, rules=turn.rules)
    return {"respond_by": respond_by, "resolve_by": resolve_by, "paused_at": None}


def _tell_moved(turn: Turn, ticket: Ticket, body: Body) -> None:
    facts = ticket_notices.facts(turn, ticket) | {"office": people.office(body, ticket.building)}
    ticket_notices.to_reporters(turn, ticket, say("routing.moved_reporter", **facts))


# --- the other body's answer ----------------------------------------------------------------------------------------


def take_over(turn: Turn, person: Person, ticket: Ticket) -> Ticket:
    """The body that was asked takes it: from now on it is the owner. Once; later answers find nothing to take."""
    ticket, body = _offered(turn, person, ticket)
    here = people.get_body(turn, ticket.body_id)
    note: dict[str, object] = {"from": here.id, "to": body.id}
    resumed = ticket_limits.resume(turn, ticket)  # it may have been shelved
    changes: dict[str, Any] = {"body_id": body.id, "offered_to": None, "accepted_by": person.id, "designated": False}
    changes |= resumed | _anew(turn, ticket) | {"review_at": None}
    if ticket.status is Status.WAITING:
        ticket = ticket_steps.step(turn, ticket, Act.MOVED, by=person.id, note=note, paused_at=None)
    ticket = ticket_steps.step(turn, ticket, Act.ACCEPTED, by=person.id, note=note, **changes)
    timers.cancel(turn.tx, ticket_clock.WATCH, str(ticket.id))
    ticket_limits.start(turn, ticket)
    if resumed:
        ticket_clock.promise(turn, ticket)
    office = people.acting_office(person.posts, body, ticket.building)
    ticket_notices.to_body(turn, ticket, here, say("routing.taken_over", number=ticket.number, office=office))
    when = ticket_notices.when(turn, ticket)
    text = say("tickets.accepted_reporter", number=ticket.number, office=office, when=when)
    ticket_notices.to_reporters(turn, ticket, text)
    return ticket


def refuse_over(turn: Turn, person: Person, ticket: Ticket, reason: str) -> None:
    """The body that was asked does not take it, with a reason: whoever had it keeps it."""
    ticket, body = _offered(turn, person, ticket)
    here = people.get_body(turn, ticket.body_id)
    note: dict[str, object] = {"from": here.id, "to": body.id, "refused": True}
    ticket = ticket_steps.step(turn, ticket, Act.PROGRESSED, by=person.id, note=note, offered_to=None)
    _reason(turn, person, ticket, reason)
    office = people.office(body, ticket.building)
    text = say("routing.refused_over", number=ticket.number, office=office, note=reason)
    ticket_notices.to_handlers(turn, ticket, here, text)


def _offered(turn: Turn, person: Person, ticket: Ticket) -> tuple[Ticket, Body]:
    ticket, _ = ticket_steps.hold(turn, person, ticket)
    body = people.get_body(turn, ticket.offered_to) if ticket.offered_to else None
    if body is None or ticket.status not in LIVE:
        raise Refusal("routing.no_offer", number=ticket.number)
    mine = [post for post in person.posts if post.body.id == body.id or body.under(post.body)]
    if not any(allows(post, Action.HANDLE, body) for post in mine):
        raise Refusal("tickets.not_your_office", number=ticket.number, office=people.office(body, ticket.building))
    return ticket, body


# --- given back -----------------------------------------------------------------------------------------------------


def give_back(turn: Turn, person: Person, ticket: Ticket, reason: str) -> tuple[Ticket, str]:
    """退单, with a reason; those above decide within a working day, else the clock goes up. Returns their office."""
    ticket, body = check_give_back(turn, person, ticket)
    upper = _decider(turn, ticket, body)
    if upper is None:
        raise Refusal("routing.nobody_above", number=ticket.number)
    note: dict[str, object] = {"from": body.id, "to": upper.id}
    ticket = ticket_steps.step(
        turn,
        ticket,
        Act.RETURNED,
        by=person.id,
        note=note,
        accepted_by=None,
        offered_to=None,
        respond_by=limits.add_workdays(turn.now, 1, turn.rules),
    )
    _reason(turn, person, ticket, reason)
    ticket_limits.start(turn, ticket)
    _ask(turn, ticket, upper, "tickets.decide")
    ticket_notices.to_reporters(turn, ticket, say("routing.returned_reporter", **ticket_notices.facts(turn, ticket)))
    return ticket, people.office(upper, ticket.building)


def check_give_back(turn: Turn, person: Person, ticket: Ticket) -> tuple[Ticket, Body]:
    """Refusal where it may not be given back, before a reason is asked for."""
    ticket, body = ticket_steps.hold_own(turn, person, ticket)
    ticket_steps.check(ticket, Act.RETURNED)
    if ticket.designated:
        raise Refusal("routing.designated", number=ticket.number, office=_decided_by(turn, ticket, body))
    return ticket, body


def _decided_by(turn: Turn, ticket: Ticket, body: Body) -> str:
    """The office of whoever designated the body; those above it where that is not known any more."""
    actor = ticket_bodies.designated_by(turn.tx, ticket.id)
    posts = stored.posts_of(turn.tx, actor) if actor else ()
    above = [post.body for post in posts if body.under(post.body) and post.body.id != body.id]
    upper = above[-1] if above else _decider(turn, ticket, body)
    return people.office(upper or body, ticket.building)


def _decider(turn: Turn, ticket: Ticket, body: Body) -> Body | None:
    """The next body above that somebody can reach and that it does not concern."""
    barred = ticket_bodies.barred(turn.tx, ticket.id)
    upper = [each for each in people.above(turn, body) if each.level in TREE]
    return next((each for each in upper if people.reachable(turn, each, barred)), None)


def check_decides(turn: Turn, person: Person, ticket: Ticket) -> Ticket:
    """Only those above decide on what was given back."""
    ticket, body = ticket_steps.hold_own(turn, person, ticket)
    if ticket.status is not Status.RETURNED:
        raise Refusal("routing.decided_already", number=ticket.number)
    if not _above(person, body):
        raise Refusal("routing.above_decides", number=ticket.number)
    return ticket


def uphold(turn: Turn, person: Person, ticket: Ticket) -> str:
    """The return is not granted: the body is designated and may not return it again. Returns its office."""
    ticket = check_decides(turn, person, ticket)
    body = people.get_body(turn, ticket.body_id)
    changes = {"designated": True, **_anew(turn, ticket)}
    ticket = ticket_steps.step(turn, ticket, Act.UPHELD, by=person.id, note={"body": body.id}, **changes)
    ticket_limits.start(turn, ticket)
    facts = ticket_notices.facts(turn, ticket) | {
        "office": people.office(_above(person, body)[-1].body, ticket.building)
    }
    text = say("routing.upheld", **facts)
    ticket_notices.to_body(turn, ticket, body, text, choices=ticket_notices.take_it(ticket), urgent=ticket.urgent)
    office = people.office(body, ticket.building)
    ticket_notices.to_reporters(turn, ticket, say("routing.moved_reporter", **facts | {"office": office}))
    return office


def targets(turn: Turn, ticket: Ticket) -> list[Body]:
    """To whom a ticket that was given back may go, the likely ones first."""
    barred = ticket_bodies.barred(turn.tx, ticket.id)
    here = people.get_body(turn, ticket.body_id)
    own = stored.bodies_of_compound(turn.tx, ticket.compound_id)
    near = [body for body in own if body.building_id in (None, ticket.building_id)]
    company = [body for body in near if body.level is Level.PROPERTY and ticket.category != "property"]
    group = [body for body in near if body.level is Level.BUILDING_GROUP]
    branch = next((body for body in near if body.level is Level.BRANCH), None)
    tree: list[Body] = [branch, *people.above(turn, branch)] if branch else []
    likely = [*company, *group] if chain_of(ticket.category).company_first else [*group, *company]
    found = [body for body in (*likely, *tree) if body.id != here.id]
    return [body for body in found if people.reachable(turn, body, barred)]


# --- help and whistle -----------------------------------------------------------------------------------------------


def assist(turn: Turn, person: Person, ticket: Ticket, body: Body) -> None:
    """协办: another body helps; it sees the ticket and works on it, but its owner ends it."""
    ticket, here = ticket_steps.hold_own(turn, person, ticket)
    _check_target(turn, ticket, body, helper=True)
    ticket_bodies.give_part(turn.tx, ticket.id, body.id, ASSIST, by=person.id, at=turn.now)
    ticket = ticket_steps.step(turn, ticket, Act.ASSIGNED, by=person.id, note={"body": body.id})
    facts = ticket_notices.facts(turn, ticket) | {"office": people.office(here, ticket.building)}
    ticket_notices.to_body(turn, ticket, body, say("routing.assist_post", **facts), urgent=ticket.urgent)


def whistle(turn: Turn, person: Person, ticket: Ticket, bodies: list[Body], answer_by: datetime) -> None:
    """吹哨: branch, community or street call several bodies; each answers with a word until that hour."""
    ticket, _ = ticket_steps.hold_own(turn, person, ticket)
    calling = [post for post in person.posts if post.body.level in _WHISTLING and post.role in LEADING]
    if not calling:
        raise Refusal("routing.whistle_above", number=ticket.number)
    if answer_by <= turn.now:
        raise Refusal("routing.whistle_late")
    for body in bodies:
        if body.id != ticket.body_id:
            _check_target(turn, ticket, body, helper=True)
    note: dict[str, object] = {"bodies": [body.id for body in bodies], "until": answer_by.isoformat()}
    ticket = ticket_steps.step(turn, ticket, Act.WHISTLED, by=person.id, note=note)
    when = ticket_notices.moment(turn, answer_by)
    facts = ticket_notices.facts(turn, ticket) | {
        "office": people.office(calling[0].body, ticket.building),
        "when": when,
    }
    for body in bodies:
        ticket_bodies.give_part(turn.tx, ticket.id, body.id, WHISTLE, by=person.id, at=turn.now, answer_by=answer_by)
        ticket_notices.to_body(turn, ticket, body, say("routing.whistle_post", **facts), urgent=ticket.urgent)
    data = {"ticket": ticket.id, "by": person.id, "until": answer_by.isoformat()}
    key = f"{ticket.id}:{answer_by.timestamp():.0f}"
    timers.set_timer(turn.tx, SILENT, key, bot_id=ticket.bot_id, due_at=answer_by, data=data)


def reply(turn: Turn, person: Person, ticket: Ticket, words: str) -> None:
    """A body that was called answers; whoever called it hears that."""
    ticket = ticket_steps.lock(turn, ticket.id)
    ticket_steps.check(ticket, Act.REPLIED)
    held = {post.body.id: post.body for post in person.posts if allows(post, Action.HANDLE, post.body)}
    if not ticket_search.may_handle(turn, person, ticket):
        held = {}
    called = [part for part in ticket_bodies.parts(turn.tx, ticket.id) if part.part == WHISTLE]
    mine = [part for part in called if part.body_id in held]
    if not mine:
        raise Refusal("routing.not_called", number=ticket.number)
    for part in mine:
        body = held[part.body_id]
        ticket_bodies.answer_whistle(turn.tx, ticket.id, body.id, by=person.id, at=turn.now)
        ticket_steps.step(turn, ticket, Act.REPLIED, by=person.id, note={"body": body.id})
        office = people.office(body, ticket.building)
        _tell_one(turn, ticket, part.asked_by, say("routing.replied", number=ticket.number, office=office, note=words))
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind="reply", at=turn.now, texts=(words,))


def due_silent(turn: Turn, data: dict[str, Any]) -> None:
    """The hour for answers has come: whoever called hears who has not answered."""
    ticket = ticket_steps.lock(turn, data["ticket"])
    until = datetime.fromisoformat(data["until"])
    called = [part for part in ticket_bodies.parts(turn.tx, ticket.id) if part.part == WHISTLE]
    silent = [part for part in called if part.answered_at is None and part.answer_by and part.answer_by <= until]
    if not silent or after(ticket.status, Act.REMINDED) is None:
        return
    ids = [part.body_id for part in silent]
    ticket_steps.record(turn, ticket, Act.REMINDED, by=None, silent=ids)
    names = wording.listed([people.office(people.get_body(turn, each), ticket.building) for each in ids])
    _tell_one(turn, ticket, data["by"], say("routing.silent", number=ticket.number, offices=names))


# --- asking who decides ---------------------------------------------------------------------------------------------


def _ask(turn: Turn, ticket: Ticket, body: Body, flow: str) -> None:
    """A numbered question to those who lead a body (where nobody does, to all in it), now or in the morning."""
    barred = ticket_bodies.barred(turn.tx, ticket.id)
    held = [each for each in offices.holders(turn.tx, [body.id]) if each.person_id not in barred.people]
    leading = [each for each in held if each.role in LEADING]
    for person_id in sorted({each.person_id for each in leading or held}):
        data = {"ticket": ticket.id, "person": person_id, "flow": flow, "body": body.id}
        due = turn.now if ticket.urgent else quiet_end(turn.now, turn.rules)
        timers.set_timer(turn.tx, ASK, f"{ticket.id}:{person_id}", bot_id=ticket.bot_id, due_at=due, data=data)


def due_ask(turn: Turn, data: dict[str, Any]) -> None:
    """Put the question, if it still stands; to who is in the middle of another dialog, a little later."""
    ticket, flow = tickets.get(turn.tx, data["ticket"]), data["flow"]
    offered = ticket.offered_to == data["body"] and ticket.status in LIVE
    stands = offered if flow == "tickets.offered" else ticket.status is Status.RETURNED
    user = stored.find_user(turn.tx, ticket.bot_id, data["person"])
    if not stands or user is None:
        return
    text, labels = question(turn, ticket, flow)
    about: dict[str, Any] = {"flow": flow, "pending": _PENDING[flow], "args": {"ticket": ticket.id}}
    if not conversations.begin(turn, user, text, **about, labels=labels, bot_id=ticket.bot_id):
        later = quiet_end(turn.now + conversations.LATER, turn.rules)
        key = f"{ticket.id}:{data['person']}"
        timers.set_timer(turn.tx, ASK, key, bot_id=ticket.bot_id, due_at=later, data=data)


def question(turn: Turn, ticket: Ticket, flow: str) -> tuple[str, tuple[tuple[int, str], ...]]:
    """The question of a dialog that asks who is to have a ticket."""
    office = people.office(people.get_body(turn, ticket.body_id), ticket.building)
    facts = ticket_notices.facts(turn, ticket) | {"office": office}
    if flow == "tickets.offered":
        return say("routing.offered", **facts), options("routing.offered_choices")
    reasons = ticket_reports.texts(turn.tx, ticket.id, "reason")
    facts["note"] = reasons[-1] if reasons else ""
    return say("routing.decide", **facts), options("routing.decide_choices")


def _reason(turn: Turn, person: Person, ticket: Ticket, reason: str) -> None:
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind="reason", at=turn.now, texts=(reason,))


def _tell_one(turn: Turn, ticket: Ticket, person_id: int | None, text: str) -> None:
    user = stored.find_user(turn.tx, ticket.bot_id, person_id) if person_id else None
    if user:
        people.tell_person(turn, user, text, bot_id=ticket.bot_id)
