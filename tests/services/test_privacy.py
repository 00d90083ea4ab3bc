"""What is kept of a person is shown, masked and erased; keys are exchanged without losing anybody."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, delete, insert, select

from bot.demo import build
from domain.errors import Refusal
from domain.messages import Address, Outgoing
from domain.people import Person
from domain.rules import Rules
from services import privacy
from services.turn import Turn
from storage import members, models, outbox, people, personal
from storage.database import Database, Tx
from storage.lessons import Lesson
from storage.members import Consent, Leaver
from storage.outbox import Outbox
from storage.people import PersonRow, Resident
from storage.rosters import RosterBatch, RosterChange
from storage.vault import VARIABLE, KeysError, Vault, new_key
from tests.support import numbers
from texts import wording

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
BOT, WANG, PHONE, PAPER = "linli", "王阿姨", "13800001234", "42010619580101123X"


def turn(tx: Tx) -> Turn:
    return Turn(tx, BOT, "u:1", NOW, Rules())


def who(tx: Tx, user: str = WANG) -> Person:
    found = people.find_person(tx, BOT, user)
    assert found is not None
    return found


def everything(tx: Tx) -> str:
    """All rows of all tables."""
    tables: list[Table] = list(models.Base.metadata.tables.values())
    return "\n".join(repr(tuple(row)) for table in tables for row in tx.execute(select(table)))


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Vault:
    key = new_key()
    monkeypatch.setenv(VARIABLE, key)
    return Vault([key])


@pytest.fixture
async def demo(database: Database, ring: Vault) -> Database:
    def settle(tx: Tx) -> None:
        build(tx, BOT)
        numbers.set_numbers(tx, who(tx).id, ring, phone=PHONE, paper=PAPER)
        row = {"person_id": who(tx).id, "purpose": "helper", "given_at": NOW, "recorded_by": None}
        tx.execute(insert(Consent), row)
        household = who(tx).household_id
        assert household
        people.add_resident(tx, who(tx, "小赵").id, household, "helper")

    await database.run(settle)
    return database


def test_masks() -> None:
    assert wording.phone_masked(PHONE) == "138****1234"
    assert wording.phone_masked("8123456") == "****56"
    assert wording.phone_masked("") == ""
    assert wording.paper_masked(PAPER) == "****123X"


async def test_stored_encrypted_and_found(demo: Database, ring: Vault) -> None:
    text = await demo.read(everything)
    assert PHONE not in text
    assert PAPER not in text
    wang = await demo.read(who)
    assert await demo.read(numbers.by_phone, ring, PHONE) == [wang.id]
    assert await demo.read(numbers.by_phone, ring, "13900000000") == []


async def test_the_copy_is_masked(demo: Database) -> None:
    facts = await demo.read(lambda tx: privacy.copy(turn(tx), who(tx)))
    assert facts["phone"] == "138****1234"
    assert facts["paper"] == "****123X"
    assert facts["homes"] == "3栋2单元501（业主）"
    assert facts["consents"] == "请人代办（2026年11月23日）"


async def test_erased_from_every_table(demo: Database) -> None:
    def erase(tx: Tx) -> int:
        person = who(tx)
        privacy.erase(turn(tx), person)
        return person.id

    assert WANG in await demo.read(everything)
    number = await demo.run(erase)
    text = await demo.read(everything)
    assert WANG not in text
    row = await demo.read(lambda tx: tx.execute(select(PersonRow).where(PersonRow.id == number)).one())
    assert row.erased_at == NOW
    assert not any((row.name, row.phone, row.phone_key, row.paper, row.paper_key))
    assert await demo.read(lambda tx: people.find_person(tx, BOT, WANG)) is None
    assert await demo.read(lambda tx: who(tx, "小赵").name) == "小赵"


async def test_an_officer_is_not_erased(demo: Database) -> None:
    with pytest.raises(Refusal, match=r"privacy\.office"):
        await demo.run(lambda tx: privacy.erase(turn(tx), who(tx, "老刘")))
    assert await demo.read(lambda tx: who(tx, "老刘").name) == "老刘"


async def test_erased_where_others_were_told(demo: Database) -> None:
    """What was said to a head, what lies undelivered, what would undo a roster, leavers and lessons."""

    def erase(tx: Tx) -> str:
        person = who(tx)
        undo = {"batch_id": _roster(tx, person), "kind": "people", "data": {"of": [WANG]}}
        tx.execute(insert(RosterChange), undo)
        left = {"bot_id": BOT, "chat_id": "3栋群", "user_id": "another account", "person_id": person.id}
        tx.execute(
            insert(Leaver), [{**left, "left_at": NOW}, {**left, "user_id": WANG, "person_id": None, "left_at": NOW}]
        )
        tx.execute(insert(Lesson), [_lesson(person.id, "楼道灯不亮"), _lesson(who(tx, "小赵").id, "下水道堵")])
        for number, state in enumerate((outbox.SENT, outbox.DEAD, outbox.HELD, outbox.MERGED)):
            _said(tx, number, f"{WANG}想请您联系一下", state)
        _said(tx, 5, "小赵想请您联系一下", outbox.HELD)
        privacy.erase(turn(tx), person)
        return everything(tx)

    text = await demo.run(erase)
    assert WANG not in text
    assert "楼道灯不亮" not in text and "下水道堵" in text
    assert "小赵想请您联系一下" in text
    assert await demo.read(lambda tx: tx.execute(select(Leaver.user_id)).all()) == []
    held = select(Outbox.id).where(Outbox.state == outbox.HELD)
    assert len(await demo.read(lambda tx: tx.execute(held).all())) == 1


def _said(tx: Tx, number: int, words: str, state: str) -> None:
    message = Outgoing(Address("老刘", private=True), words).to_json()
    row = {"bot_id": BOT, "key": f"u:{number}/0", "chat_id": "老刘", "message": message, "urgent": False, "due_at": NOW}
    values = {
        "state": state,
        "attempts": 1,
        "leased": False,
        "part": 0,
        "post": "",
        "done_at": NOW - timedelta(hours=1),
    }
    tx.execute(insert(Outbox), row | values)


def _lesson(person: int, words: str) -> dict[str, Any]:
    return {
        "compound_id": 1,
        "kind": "rejected",
        "category": "",
        "was": "lighting",
        "text": words,
        "reporter_id": person,
        "at": NOW,
    }


def _roster(tx: Tx, person: Person) -> int:
    assert person.place
    batch = {"compound_id": person.place.compound_id, "file": "名册.xlsx", "digest": "", "at": NOW, "counts": {}}
    row: int = tx.execute(insert(RosterBatch).returning(RosterBatch.id), {**batch, "state": "applied"}).scalar_one()
    return row


async def test_one_helper_goes_the_other_stays(demo: Database) -> None:
    """王阿姨 agreed to 小赵, somebody else of the home to 何老师: she takes back hers alone."""

    def settle(tx: Tx) -> int:
        home, agreed = who(tx).household_id, who(tx, "陈奶奶").id
        assert home
        people.add_resident(tx, agreed, home, "family")
        for giver, helper, at in ((who(tx).id, "小赵", NOW), (agreed, "何老师", NOW + timedelta(hours=1))):
            members.add_consent(tx, giver, "helper", at=at, by=None)
            person = who(tx, helper).id
            members.settle(tx, person_id=person, household_id=home, relation="helper", source="head", since=at)
        tx.execute(delete(Consent).where(Consent.helper_id.is_(None)))
        privacy.withdraw_consent(turn(tx), who(tx))
        return home

    home = await demo.run(settle)
    left = select(Resident.person_id).where(Resident.household_id == home, Resident.relation == "helper")
    assert await demo.read(lambda tx: list(tx.scalars(left))) == [(await demo.read(who, "何老师")).id]


async def test_consent_taken_back(demo: Database) -> None:
    await demo.run(lambda tx: privacy.withdraw_consent(turn(tx), who(tx)))
    facts = await demo.read(lambda tx: privacy.copy(turn(tx), who(tx)))
    assert (facts["phone"], facts["paper"], facts["consents"]) == ("", "", "")
    relations = select(Resident.relation).where(Resident.relation == "helper")
    assert await demo.read(lambda tx: tx.execute(relations).all()) == []
    assert facts["homes"] == "3栋2单元501（业主）"


async def test_rotation_loses_nobody_and_can_be_run_again(
    demo: Database, ring: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rows a transaction, stopped after the first: the second run ends it, the third finds nothing."""
    users = ["小赵", "陈奶奶", "老刘", "何老师"]

    def more(tx: Tx) -> None:
        for place, user in enumerate(users):
            numbers.set_numbers(tx, who(tx, user).id, ring, phone=f"1390000000{place}")
        undo = {"old": {"phone": ring.seal(PHONE), "phone_key": ring.key_of(PHONE), "names": [ring.seal(WANG)]}}
        tx.execute(insert(RosterChange), {"batch_id": 1, "kind": "change", "data": undo})

    await demo.run(more)
    key = new_key()
    new = Vault([key])
    both = Vault([key, os.environ[VARIABLE]])
    monkeypatch.setattr(privacy, "CHUNK", 2)
    await demo.run(personal.renew_people, both, after=0, most=2)
    for place, user in enumerate(users):  # half-way everybody is found
        person = await demo.read(who, user)
        assert await demo.read(numbers.by_phone, both, f"1390000000{place}") == [person.id]
    assert await privacy.rotate(demo, both) == 4
    assert await privacy.rotate(demo, both) == 0
    wang = await demo.read(who)
    assert await demo.read(numbers.by_phone, new, PHONE) == [wang.id]
    kept = await demo.read(personal.kept, wang.id)
    assert kept.phone and new.open(kept.phone) == PHONE
    assert kept.paper and new.open(kept.paper) == PAPER
    data = await demo.read(lambda tx: tx.execute(select(RosterChange.data)).scalar_one())
    assert data["old"]["phone_key"] == new.key_of(PHONE)
    assert new.open(data["old"]["names"][0]) == WANG


async def test_rotation_without_the_old_key_changes_nothing(demo: Database) -> None:
    before = await demo.read(everything)
    with pytest.raises(KeysError, match="old key"):
        await privacy.rotate(demo, Vault([new_key()]))
    assert await demo.read(everything) == before
