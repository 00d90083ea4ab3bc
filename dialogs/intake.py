"""What is asked once a report is written down: where, who may know of it, whether it stands; reports for others."""

from dialogs.engine import Talk, find_open
from domain.errors import Refusal
from domain.guess import Guess
from domain.people import Person
from domain.tickets import Status, Ticket
from services import people, ticket_files, ticket_intake, ticket_notices, ticket_search
from services import tickets as services
from services.tickets import Reported
from texts import options, pattern, say, wording
from texts.wording import figure

_BETWEEN = " \u3000，,：:"


def ask_on(talk: Talk, reported: Reported, words: str) -> None:
    """One thing more is asked privately, if it matters and no other question is open."""
    ticket = reported.ticket
    waiting = find_open(talk.turn, talk.person)
    if not reported.opened or (waiting and waiting.flow not in ticket_files.REPORTS):
        return
    if reported.held:
        talk.then("intake.bypass", ticket=ticket.id)
    elif not pattern("intake.common_place").search(words):
        missing = ticket_intake.unplaced(talk.turn, talk.person, ticket)
        if missing:
            talk.then(f"intake.{missing}", ticket=ticket.id)


def building(talk: Talk) -> None:
    """Which building? Asked twice at most, then who has it comes and looks; the stairway is asked after."""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    said = talk.ask("building", say("intake.where_building", number=ticket.number))
    placed = _place(talk, ticket, said)
    if placed is None:
        placed = _place(talk, ticket, talk.ask("building_again", say("intake.where_building_again")))
    if placed is None:
        talk.say(say("intake.left_open", office=_office(talk, ticket)))
        return
    if ticket_intake.unplaced(talk.turn, talk.person, placed):
        talk.then("intake.unit", ticket=ticket.id)
    else:
        talk.say(say("intake.placed", number=ticket.number, place=wording.place(placed.building, placed.unit)))


def _place(talk: Talk, ticket: Ticket, said: str) -> Ticket | None:
    found = pattern("words.building").search(said) or pattern("words.choice").match(said)
    number = figure(found.groupdict().get("building") or found.groupdict().get("number") or "") if found else ""
    return ticket_intake.place_in(talk.turn, talk.person, ticket, number) if number else None


def unit(talk: Talk) -> None:
    """Which stairway? 1 1单元  2 2单元  3 3栋别处  4 说不清."""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    stairways = ticket_intake.stairways(talk.turn, ticket)
    office = _office(talk, ticket)
    texts = [say("intake.where_unit_choice", unit=number) for _, number in stairways]
    texts += [say("intake.where_elsewhere", building=ticket.building), say("intake.where_unsure", office=office)]
    question = say("intake.where_unit", number=ticket.number)
    chosen = talk.choose("unit", question, list(enumerate(texts, start=1)))
    if chosen <= len(stairways):
        placed = ticket_intake.place_at(talk.turn, talk.person, ticket, stairways[chosen - 1][0])
        talk.say(say("intake.placed", number=ticket.number, place=wording.place(placed.building, placed.unit)))
    else:
        talk.say(say("intake.left_open", office=office))


def bypass(talk: Talk) -> None:
    """A neighbour or a person is named: may those at the door know of it?"""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    office = _office(talk, ticket)
    question = say("intake.bypass", number=ticket.number, office=office)
    if talk.choose("bypass", question, options("intake.bypass_choices")) == 0:
        ticket_intake.stand(talk.turn, ticket)
        talk.say(say("intake.kept", number=ticket.number, office=office))
        return
    moved = ticket_intake.pass_by(talk.turn, talk.person, ticket)
    if moved.body_id == ticket.body_id:
        raise Refusal("intake.taken_already", number=ticket.number)
    talk.say(say("intake.bypassed", number=ticket.number, office=_office(talk, moved)))


def _office(talk: Talk, ticket: Ticket) -> str:
    return people.office(people.get_body(talk.turn, ticket.body_id), ticket.building)


def recalled(talk: Talk) -> None:
    """The message was taken back on its platform: does the report stand?"""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    question = say("intake.recalled", number=ticket.number)
    if talk.choose("still", question, options("intake.recalled_choices")) == 1:
        talk.say(say("intake.recalled_stays", number=ticket.number))
        return
    ended = services.withdraw(talk.turn, talk.person, ticket)
    talk.say(say("tickets.withdrawn" if ended else "tickets.withdrawn_self", number=ticket.number))


def on_behalf(talk: Talk, words: str) -> tuple[Person | None, str]:
    """Of `代报 陈奶奶 家里水管漏了`: for whom, if the bot knows them and the speaker may, and what is broken."""
    found = pattern("words.behalf_name").match(words)
    named = pattern("words.building").search(words)
    if found is None:
        return None, words
    try:
        number = figure(named["building"]) if named else ""
        place = people.locate(talk.turn, talk.person, talk.chat, building=number)
    except Refusal:
        return None, words
    elder = ticket_intake.neighbour(talk.turn, talk.person, place, found["name"])
    return (elder, words[found.end() :].lstrip(_BETWEEN)) if elder else (None, words)


def told(talk: Talk, reported: Reported, elder: Person) -> None:
    """Who it was reported for hears of it and may take it back; who reported it hears that."""
    ticket = reported.ticket
    office = _office(talk, ticket)
    when = ticket_notices.when(talk.turn, ticket)
    facts = {"number": ticket.number, "summary": ticket.summary, "when": when}
    talk.say(say("intake.behalf_done", name=elder.name, office=office, **facts))
    people.tell_person(talk.turn, elder.user, say("intake.behalf_told", name=talk.person.name, **facts))


def added(talk: Talk, guess: Guess | None) -> bool:
    """In private, a moment after one's report: more words of it, as a chat would have them in the group."""
    words = talk.incoming.text.strip()
    if guess is None or guess.ticket or pattern("words.aside").match(words):
        return False
    if not guess.matter and not any(pattern(f"words.{each}").search(words) for each in ("spot", "fragment")):
        return False
    recent = ticket_search.own(talk.turn, talk.person, Status.OPEN)[:1]
    if not recent or talk.turn.now - recent[0].opened_at > talk.turn.rules.join_window:
        return False
    ticket = recent[0]
    services.join(talk.turn, talk.person, ticket.id, address=talk.incoming.address, texts=(words,))
    found = pattern("words.unit").search(words)
    units = {number: unit_id for unit_id, number in ticket_intake.stairways(talk.turn, ticket)}
    if found and ticket.unit_id is None and (unit_id := units.get(figure(found["unit"]))):
        ticket_intake.place_at(talk.turn, talk.person, ticket, unit_id)
    talk.say(say("intake.added", number=ticket.number))
    return True


FLOWS = {
    "intake.building": building,
    "intake.unit": unit,
    "intake.bypass": bypass,
    "intake.recalled": recalled,
}
