"""Pictures, voice notes and other files: which ticket they belong to, what is asked where nobody knows, who sees them.

A file is fetched after the commit (bot/files.py); what belongs to no ticket is never fetched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.errors import Refusal
from domain.messages import Address, File, Incoming, Outgoing
from domain.people import Body, Chat, Level, Person, Post, Role
from domain.promises import is_quiet, quiet_end
from domain.rights import Action, may
from domain.tickets import LIVE, Status, Ticket
from services import people, ticket_notices, ticket_search
from services.conversations import LATER
from services.turn import Turn
from storage import conversations, ticket_files, ticket_merging, ticket_reports, tickets, timers
from storage import people as people_rows
from storage.conversations import Conversation
from texts import say, wording

WAIT, QUESTION = "ticket.file", "tickets.picture"
KINDS = ("photo", "voice", "video", "document")  # a location is not kept: nobody has a use for it yet
MOST = 9  # of one person for one ticket
FOLLOW = timedelta(minutes=10)  # so long a file without words belongs to its sender's own ticket
_CALLS = timedelta(minutes=10)  # between two calls on a head to listen, for one person
_PATIENCE = timedelta(hours=1)
# Dialogs of which a report comes, so that files sent meanwhile are kept for it.
REPORTS = frozenset({QUESTION, "tickets.report", "tickets.unsure"})
_EVER = timedelta(days=3650)


def packed(files: Sequence[File]) -> list[list[str]]:
    """As timers and dialogs keep files."""
    return [[file.kind, file.ref] for file in files]


def unpacked(parts: Sequence[Sequence[str]]) -> tuple[File, ...]:
    return tuple(File(kind, ref) for kind, ref in parts)


def attach(turn: Turn, person: Person, ticket: Ticket, files: Sequence[File]) -> str:
    """Keep the files with a ticket in which the person has a part; sent again, a file stays once.

    Returns what is worth a word: "added" (the person's first), "enough" (there was no room for one of them) or "".
    """
    wanted = {file.ref: file for file in files if file.kind in KINDS}
    there = ticket_files.refs(turn.tx, ticket.id, person.id) if wanted else set()
    new = [file for ref, file in wanted.items() if ref not in there][: MOST - len(there)]
    ticket_files.add(turn.tx, ticket.id, new, person_id=person.id, bot_id=turn.bot_id, at=turn.now)
    if len(there | wanted.keys()) > MOST:
        return "enough"
    return "added" if new and not there else ""


def add(turn: Turn, person: Person, ticket_id: int, files: Sequence[File]) -> bool:
    """Files that follow the sender's own report; False where it is theirs no more or nobody works on it."""
    ticket = tickets.get(turn.tx, ticket_id)
    if ticket.status not in (*LIVE, Status.DONE) or not ticket_reports.took_part(turn.tx, ticket_id, person.id):
        return False
    attach(turn, person, ticket, files)
    return True


def own(turn: Turn, person: Person, here: Address) -> Ticket | None:
    """The ticket a file without words belongs to: in private the own one of the last minutes; in answer to the bot's
    post the newest own one of that group, else the newest own one."""
    if not person.id:
        return None
    if here.private:
        found = ticket_files.own_ticket(turn.tx, person.id, since=turn.now - FOLLOW)
    else:
        since = turn.now - _EVER
        found = ticket_files.own_ticket(turn.tx, person.id, since=since, chat_id=here.chat)
        found = found or ticket_files.own_ticket(turn.tx, person.id, since=since)
    return tickets.get(turn.tx, found) if found else None


def wait(turn: Turn, incoming: Incoming, said: Sequence[tuple[str, datetime, tuple[File, ...]]]) -> None:
    """Files beside fragments of a report: words for them are waited for. said: (update, when, files)."""
    for update, at, files in said:
        data = {
            "chat": incoming.address.chat,
            "user": incoming.sender.user,
            "message": incoming.message_id,
            "at": at.isoformat(),
            "files": packed(files),
        }
        _wait(turn, data, update, turn.now + turn.rules.join_window)


def _wait(turn: Turn, data: dict[str, Any], update: str, due_at: datetime) -> None:
    key = f"{turn.bot_id}:{data['chat']}:{data['user']}:{update}"[-200:]
    timers.set_timer(turn.tx, WAIT, key, bot_id=turn.bot_id, due_at=due_at, data={**data, "update": update})


def due_file(turn: Turn, data: dict[str, Any]) -> None:
    """No words came with a file, or they came without us: with the ticket reported since, else one private question."""
    here, files, at = Address(data["chat"]), unpacked(data["files"]), datetime.fromisoformat(data["at"])
    person = people_rows.find_person(turn.tx, turn.bot_id, data["user"]) or Person(0, data["user"], "")
    if person.id:
        if ticket_files.known(turn.tx, person.id, [file.ref for file in files]):
            return
        since = at - turn.rules.join_window
        reported = ticket_files.own_ticket(turn.tx, person.id, since=since, chat_id=here.chat)
        if reported and add(turn, person, reported, files):
            return
    quote = Outgoing(here, say("common.talk_privately"), reply_to=data["message"])
    fallback = None if is_quiet(turn.now, turn.rules) else quote
    if not ask(turn, person, people.find_chat(turn, here), here, files, fallback=fallback) and (
        turn.now - at < _PATIENCE
    ):
        _wait(turn, data, data["update"], turn.now + LATER)


def ask(
    turn: Turn,
    person: Person,
    chat: Chat | None,
    here: Address,
    files: Sequence[File],
    *,
    fallback: Outgoing | None = None,
) -> bool:
    """One private question for all files without words; a head is asked to listen to a voice note.

    The answer becomes a report with the files. False where another dialog is open.
    """
    user = person.user
    waiting = conversations.find(turn.tx, turn.bot_id, user, user, turn.now)
    if waiting and waiting.flow not in REPORTS:
        return False
    args: dict[str, Any] = dict(waiting.args) if waiting else {"chat": here.chat}
    first = not args.get("files")
    args["files"] = list({ref: [kind, ref] for kind, ref in [*args.get("files", ()), *packed(files)]}.values())[:MOST]
    voice = any(file.kind == "voice" for file in files) and not _called(turn, args)
    if voice:
        args["called"] = turn.now.isoformat()
    text = say("tickets.file_got" if waiting and waiting.labels else "tickets.file_what", kind=kinds(files))
    question = waiting.question if waiting else f"{WAIT}:{turn.cause}"[:64]
    expires = turn.now + turn.rules.dialog_window
    waiting = waiting or Conversation(QUESTION, args, [], "what", question, expires)
    waiting.args = args
    conversations.save(turn.tx, turn.bot_id, user, user, waiting)
    if voice:
        people.tell_person(turn, user, _listen(turn, person, chat, here), fallback=fallback)
    elif first:
        people.tell_person(turn, user, text, fallback=fallback)
    return True


def asked_about(turn: Turn, person: Person) -> tuple[File, ...]:
    """Files that the person was just asked about, for the report that comes, wherever it comes; the question ends."""
    waiting = conversations.find(turn.tx, turn.bot_id, person.user, person.user, turn.now)
    if waiting is None or waiting.flow != QUESTION:
        return ()
    if turn.now - (waiting.expires_at - turn.rules.dialog_window) >= _PATIENCE:
        return ()
    conversations.close(turn.tx, turn.bot_id, person.user, person.user)
    return unpacked(waiting.args["files"])


def _called(turn: Turn, args: dict[str, Any]) -> bool:
    return "called" in args and turn.now - datetime.fromisoformat(args["called"]) < _CALLS


def _listen(turn: Turn, person: Person, chat: Chat | None, here: Address) -> str:
    """Ask a head to listen (who spoke in private is to be asked); returns what the speaker is told of it."""
    text = say("tickets.voice_call_private" if here.private else "tickets.voice_call", name=person.name)
    try:
        office = "" if person.posts else people.call_head(turn, person, chat, text)
    except Refusal:
        office = ""
    if not office:
        return say("tickets.voice_alone")
    morning = ""
    if is_quiet(turn.now, turn.rules):
        morning = wording.moment(quiet_end(turn.now, turn.rules).astimezone(turn.rules.zone), turn.local)
    return say("tickets.voice_private" if here.private else "tickets.voice", office=office, morning=morning)


def kinds(files: Sequence[File] | Sequence[ticket_files.Stored]) -> str:
    """照片、语音"""
    return "、".join(dict.fromkeys(kind_name(file.kind) for file in files))


def kind_name(kind: str) -> str:
    return say(f"tickets.kind_{kind}")


def hint(turn: Turn, ticket: Ticket) -> str:
    """The line that tells a handler of files and how to see them; "" where there are none."""
    there = [file for file in _shown_with(turn, ticket) if file.state != ticket_files.LOST]
    return say("tickets.files_hint", kinds=kinds(there), number=ticket.number) if there else ""


def _shown_with(turn: Turn, ticket: Ticket) -> list[ticket_files.Stored]:
    """The ticket's files, with those of what was merged with it and of the whole it is a part of."""
    whole = ticket.merged_into or ticket.id
    family = [*ticket_merging.family(turn.tx, whole), *([ticket.parent_id] if ticket.parent_id else [])]
    return [file for each in family for file in ticket_files.of_ticket(turn.tx, each)]


def wants_after(turn: Turn, person: Person, ticket: Ticket) -> bool:
    """The category asks for a picture of the result, and who finished the ticket has just sent none."""
    asks = ticket.category in turn.rules.limits.photo_categories
    return asks and not ticket_files.sent_since(turn.tx, ticket.id, person.id, since=turn.now - FOLLOW)


def with_after(turn: Turn, ticket: Ticket) -> str:
    """The words that go with the handler's note where a picture of the result came with it."""
    if ticket.finished_by is None or ticket.closed_at is None:
        return ""
    since = ticket.closed_at - FOLLOW
    sent = ticket_files.sent_since(turn.tx, ticket.id, ticket.finished_by, since=since)
    return say("endings.with_photo") if sent else ""


def post(turn: Turn, ticket: Ticket, body: Body, *, files: bool = True) -> None:
    """The new ticket to the responsible body's work chat, with a word about its files (if there may be any)."""
    lines = (say("tickets.to_body", **ticket_notices.facts(turn, ticket)), hint(turn, ticket) if files else "")
    text = "\n".join(line for line in lines if line)
    ticket_notices.to_body(turn, ticket, body, text, choices=ticket_notices.take_it(ticket))


@dataclass(frozen=True, slots=True)
class Shown:
    """The files that this person may see, and whether the chat they ask in may see them too."""

    files: tuple[File, ...]
    here: bool


def show(turn: Turn, person: Person, chat: Chat | None, ticket: Ticket) -> Shown:
    """What is kept of a ticket's files: all of it to who may handle it, else the person's own.

    Raises Refusal where there is nothing to see. The property company sees none of a discreet ticket.
    """
    body = people.get_body(turn, ticket.body_id)
    handles = ticket_search.may_handle(turn, person, ticket, Action.SEE_FILES)
    closed = handles and ticket.discreet and all(post.body.level is Level.PROPERTY for post in person.posts)
    there = _shown_with(turn, ticket)
    if closed or not handles:  # one's own; who reported it sees the result too
        seen = {person.id} if closed else {person.id, ticket.finished_by}
        there = [file for file in there if file.person_id in seen]
    if closed and not there:
        raise Refusal("tickets.files_closed", number=ticket.number, office=people.office(body, ticket.building))
    kept = tuple(File(file.kind, file.name) for file in there if file.state == ticket_files.KEPT)
    if not kept:
        states = {file.state for file in there}
        why = "coming" if ticket_files.WANTED in states else "lost" if states else "none"
        raise Refusal(f"tickets.files_{why}", number=ticket.number)
    return Shown(kept, handles and not ticket.discreet and _work_chat_of(turn, chat, body))


def _work_chat_of(turn: Turn, chat: Chat | None, body: Body) -> bool:
    """This is the work chat of a body whose members may all handle that body's tickets."""
    if chat is None or chat.body_id is None:
        return False
    member = Person(0, "", "", posts=(Post(Role.STAFF, people.get_body(turn, chat.body_id)),))
    return may(member, Action.SEE_FILES, body)
