"""What is kept about one person, over all tables: to show it to them, to erase it, to encrypt it anew."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import aliased

from storage import outbox, rosters
from storage.base import Moment
from storage.conversations import ConversationRow
from storage.database import Tx
from storage.lanes import Lane
from storage.lessons import Lesson
from storage.members import Consent, HomeRequest, Leaver
from storage.outbox import Outbox
from storage.people import Identity, PersonRow, Resident
from storage.places import Building, Household, Unit
from storage.polls import PollVoter
from storage.rosters import RosterBatch, RosterChange
from storage.ticket_files import TicketFile
from storage.ticket_reports import Report, TicketText
from storage.tickets import TicketRow
from storage.vault import Vault

_NIGHTS = timedelta(days=2)  # what was sent before has lost its words in the night
_UNDELIVERED = timedelta(days=400)  # such words are kept less long, whatever the rules say
_TOKEN = "gAAAAA"  # how every sealed text begins
_me: BindParameter[int] = bindparam("person")
_person = select(PersonRow.name, PersonRow.phone, PersonRow.paper).where(PersonRow.id == _me)
_homes = (
    select(Building.number, func.coalesce(Unit.number, ""), Household.room, Resident.relation)
    .join_from(Resident, Household, Household.id == Resident.household_id)
    .join(Building, Building.id == Household.building_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
    .where(Resident.person_id == _me)
    .order_by(Household.id)
)
_tickets = (
    select(TicketRow.number)
    .join_from(Report, TicketRow, TicketRow.id == Report.ticket_id)
    .where(Report.person_id == _me)
    .order_by(Report.id.desc())
)
_consents = (
    select(Consent.purpose, Consent.given_at)
    .where(Consent.person_id == _me, Consent.withdrawn_at.is_(None))
    .order_by(Consent.id)
)
_files = select(func.count(TicketFile.id)).where(TicketFile.person_id == _me)
_identities = select(Identity.bot_id, Identity.user_id).where(Identity.person_id == _me)
_withdraw_consents = (
    update(Consent).where(Consent.person_id == _me, Consent.withdrawn_at.is_(None)).values(withdrawn_at=bindparam("at"))
)
_my_homes = select(Resident.household_id).where(Resident.person_id == _me)
_my_helpers = (Consent.person_id == _me, Consent.purpose == "helper", Consent.withdrawn_at.is_(None))
_other, _housemate = aliased(Consent), aliased(Resident)
_agreed_by_another = (
    select(_other.id)
    .join(_housemate, _housemate.person_id == _other.person_id)
    .where(
        _housemate.household_id == Resident.household_id,
        _other.person_id != _me,
        _other.helper_id == Resident.person_id,
        _other.withdrawn_at.is_(None),
    )
    .exists()
)
# A consent from before helpers were named may be for any helper whom nobody else in the home agreed to.
_helpers = delete(Resident).where(
    Resident.relation == "helper",
    Resident.household_id.in_(_my_homes),
    Resident.person_id != _me,
    or_(
        Resident.person_id.in_(select(Consent.helper_id).where(*_my_helpers, Consent.helper_id.is_not(None))),
        select(Consent.id).where(*_my_helpers, Consent.helper_id.is_(None)).exists(),
    ),
    ~_agreed_by_another,
)
_no_numbers = {"phone": None, "phone_key": None, "paper": None, "paper_key": None}
_forget_numbers = update(PersonRow).where(PersonRow.id == _me).values(_no_numbers)
_at = bindparam("at", type_=Moment())
_erase_person = update(PersonRow).where(PersonRow.id == _me).values(_no_numbers | {"name": None, "erased_at": _at})
_erase_words = update(TicketText).where(TicketText.person_id == _me).values(text=bindparam("mark"))
_erase = (
    delete(TicketFile).where(TicketFile.person_id == _me),
    delete(Resident).where(Resident.person_id == _me),
    delete(Identity).where(Identity.person_id == _me),
    update(HomeRequest).where(HomeRequest.person_id == _me).values(name=""),
    delete(Leaver).where(Leaver.person_id == _me),
    update(PollVoter).where(PollVoter.person_id == _me).values(person_id=None),  # the household has voted
    update(Lesson)
    .where(
        Lesson.reporter_id == _me,
        or_(Lesson.ticket_id.in_(select(Report.ticket_id).where(Report.person_id == _me)), Lesson.ticket_id.is_(None)),
    )
    .values(text=""),
)
_withdraw_request = (
    update(HomeRequest)
    .where(HomeRequest.person_id == _me, HomeRequest.state == "open")
    .values(state="withdrawn", decided_at=bindparam("ended", type_=Moment()))
)
_bot: BindParameter[str] = bindparam("bot")
_user: BindParameter[str] = bindparam("user")
# The private chat has the id of the person on the platform: where it stands beside a report, it is taken out.
_erase_account = (
    delete(ConversationRow).where(ConversationRow.bot_id == _bot, ConversationRow.user_id == _user),
    delete(Outbox).where(Outbox.bot_id == _bot, Outbox.chat_id == _user),
    delete(Lane).where(Lane.bot_id == _bot, Lane.chat_id == _user),
    delete(Leaver).where(Leaver.bot_id == _bot, Leaver.user_id == _user),
    update(TicketRow).where(TicketRow.bot_id == _bot, TicketRow.chat_id == _user).values(chat_id=""),
)
# What would undo a roster with the person in it: the newest of each compound where they live.
_rosters = (
    select(func.max(RosterBatch.id))
    .join_from(Resident, Household, Household.id == Resident.household_id)
    .join(RosterBatch, RosterBatch.compound_id == Household.compound_id)
    .where(Resident.person_id == _me, RosterBatch.state == rosters.APPLIED)
    .group_by(RosterBatch.compound_id)
)
_move_reports = update(Report).where(Report.person_id == _me, Report.chat_id == _user).values(chat_id="")
_sealed_people = (
    select(PersonRow.id, PersonRow.phone, PersonRow.paper)
    .where(PersonRow.id > bindparam("after"), or_(PersonRow.phone.is_not(None), PersonRow.paper.is_not(None)))
    .order_by(PersonRow.id)
    .limit(bindparam("most"))
)
_renew_person = (
    update(PersonRow)
    .where(
        and_(
            PersonRow.id == bindparam("row"),  # and not changed meanwhile
            PersonRow.phone.is_not_distinct_from(bindparam("old_phone")),
            PersonRow.paper.is_not_distinct_from(bindparam("old_paper")),
        )
    )
    .values({name: bindparam(f"new_{name}") for name in _no_numbers})
)
_changes = (
    select(RosterChange.id, RosterChange.data)
    .where(RosterChange.id > bindparam("after"))
    .order_by(RosterChange.id)
    .limit(bindparam("most"))
)
_renew_change = update(RosterChange).where(RosterChange.id == bindparam("row")).values(data=bindparam("new"))


@dataclass(frozen=True, slots=True)
class Kept:
    """phone, paper: sealed; homes: (building, unit, room, relation); tickets: numbers, the newest first."""

    name: str
    phone: str | None
    paper: str | None
    homes: list[tuple[str, str, str, str]]
    tickets: list[int]
    files: int
    accounts: int
    consents: list[tuple[str, datetime]]


def kept(tx: Tx, person_id: int) -> Kept:
    me = {"person": person_id}
    name, phone, paper = tx.execute(_person, me).one()
    return Kept(
        name or "",
        phone,
        paper,
        homes=[(row[0], row[1], row[2], row[3]) for row in tx.execute(_homes, me)],
        tickets=[row[0] for row in tx.execute(_tickets, me)],
        files=tx.execute(_files, me).scalar_one(),
        accounts=len(tx.execute(_identities, me).all()),
        consents=[(row[0], row[1]) for row in tx.execute(_consents, me)],
    )


def withdraw_consents(tx: Tx, person_id: int, at: datetime) -> int:
    """All that the person agreed to, and what stood on the ground of it: numbers, and who acts for them at home."""
    tx.execute(_forget_numbers, {"person": person_id})
    if any(purpose == "helper" for purpose, _ in tx.execute(_consents, {"person": person_id})):
        tx.execute(_helpers, {"person": person_id})
    return tx.execute(_withdraw_consents, {"person": person_id, "at": at}).rowcount


def erase(tx: Tx, person_id: int, *, at: datetime, mark: str) -> None:
    """All of the person but a number: tickets and audit rows go on naming it. mark: stands where their words stood."""
    me = {"person": person_id}
    for bot, user in tx.execute(_identities, me).all():
        for statement in _erase_account:
            tx.execute(statement, {"bot": bot, "user": user})
        tx.execute(_move_reports, {**me, "user": user})
    withdraw_consents(tx, person_id, at)
    for batch in [row[0] for row in tx.execute(_rosters, me)]:
        rosters.forget_notes(tx, batch)
    outbox.forget_words(tx, before=at, since=at - _NIGHTS)
    if len(name := tx.execute(_person, me).one().name or "") > 1:  # one character may be part of any word
        outbox.forget_name(tx, name, since=at - _UNDELIVERED)
    tx.execute(_withdraw_request, {**me, "ended": at})
    tx.execute(_erase_person, {**me, "at": at})
    tx.execute(_erase_words, {**me, "mark": mark})
    for statement in _erase:
        tx.execute(statement, me)


def renew_people(tx: Tx, ring: Vault, *, after: int, most: int) -> tuple[int | None, int]:
    """Numbers of the next people under the newest key: (the last one seen or None, how many were changed)."""
    rows = tx.execute(_sealed_people, {"after": after, "most": most}).all()
    changed = 0
    for row, phone, paper in rows:
        old = {"phone": phone, "paper": paper}
        new = _renewed({**old, "phone_key": None, "paper_key": None}, ring)
        if new["phone"] != phone or new["paper"] != paper:
            values = {f"new_{name}": new[name] for name in _no_numbers}
            tx.execute(_renew_person, {"row": row, "old_phone": phone, "old_paper": paper, **values})
            changed += 1
    return (rows[-1].id if rows else None), changed


def renew_changes(tx: Tx, ring: Vault, *, after: int, most: int) -> tuple[int | None, int]:
    """The same for what undoes a roster."""
    rows = tx.execute(_changes, {"after": after, "most": most}).all()
    changed = 0
    for row, data in rows:
        new = _renewed(data, ring)
        if new != data:
            tx.execute(_renew_change, {"row": row, "new": new})
            changed += 1
    return (rows[-1].id if rows else None), changed


def _renewed(value: Any, ring: Vault) -> Any:
    """Every sealed text in a value under the newest key, and the digests that stand beside phones and papers."""
    if isinstance(value, str) and value.startswith(_TOKEN):
        return ring.renewed(value) or value
    if isinstance(value, list):
        return [_renewed(each, ring) for each in value]
    if not isinstance(value, dict):
        return value
    new = {name: _renewed(each, ring) for name, each in value.items()}
    for name in ("phone", "paper"):
        token = new.get(name)
        if isinstance(token, str) and token.startswith(_TOKEN) and f"{name}_key" in new:
            new[f"{name}_key"] = ring.key_of(ring.open(token))
    return new
