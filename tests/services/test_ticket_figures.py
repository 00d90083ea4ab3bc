"""Figures of tickets: recomputed by pandas from the exported sheets; frozen months; who sees what; no scans."""

import io
import random
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas  # type: ignore[import-untyped]
import pytest
from sqlalchemy import event, insert, update

from bot.demo import build
from bot.figure_sheets import write
from bot.play import BOT
from domain import figures
from domain.errors import Refusal
from domain.figures import Period
from domain.people import Body, Level, Person
from domain.rules import Rules
from domain.tickets import Outcome, Status
from services import figure_lists, figure_words, ticket_figures
from services.ticket_figures import Sheet
from services.turn import Turn
from storage import people, places, ticket_bodies
from storage import ticket_figures as rows
from storage.audit import Audit
from storage.database import Database, Tx
from storage.ticket_reports import Report
from storage.tickets import TicketRow

ZONE = ZoneInfo("Asia/Shanghai")
NOVEMBER, DECEMBER = figures.month(date(2026, 11, 1), ZONE), figures.month(date(2026, 12, 1), ZONE)
NOW = datetime(2026, 12, 2, 10, 0, tzinfo=ZONE)
CATEGORIES = ("water", "lift", "power", "property", "noise", "parking")


def turn_at(tx: Tx, now: datetime = NOW) -> Turn:
    return Turn(tx, BOT, "test", now, Rules())


def person(tx: Tx, user: str) -> Person:
    found = people.find_person(tx, BOT, user)
    assert found is not None
    return found


def compound(tx: Tx) -> int:
    chat = places.find_chat(tx, BOT, "3栋群")
    assert chat is not None
    return chat.place.compound_id


def body(tx: Tx, level: Level, building: str = "") -> Body:
    if building:
        found = people.find_group_of_building(tx, places.find_building(tx, compound(tx), building) or 0)
        assert found is not None
        return found[0]
    own = people.bodies_of_compound(tx, compound(tx))
    branch = next(each for each in own if each.level is Level.BRANCH)
    return next(each for each in [*own, *people.chain(tx, branch)] if each.level is level)


def add(tx: Tx, number: int, *answers: tuple[str | None, str], **given: Any) -> int:
    """A ticket of building 3 done on November 10; answers: (outcome, excluded) of each who reported it."""
    building = given.pop("building", "3")
    group = body(tx, Level.BUILDING_GROUP, building)
    opened = given.pop("opened_at", datetime(2026, 11, 9, 9, tzinfo=ZONE))
    closed = given.pop("closed_at", datetime(2026, 11, 10, 9, tzinfo=ZONE))
    answered = given.pop("answered_at", closed + timedelta(hours=3) if closed else None)
    called = given.pop("called_at", None)
    values: dict[str, Any] = {
        **{"series": compound(tx), "number": number, "compound_id": compound(tx), "building_id": group.building_id},
        **{
            "category": "water",
            "matter": "管",
            "summary": "水管漏水",
            "urgent": False,
            "danger": "",
            "discreet": False,
        },
        **{"status": Status.CLOSED.value, "body_id": group.id, "bot_id": BOT, "chat_id": "3栋群", "report_at": opened},
        **{"opened_at": opened, "closed_at": closed, "respond_by": opened + timedelta(hours=24)},
        **{"resolve_by": opened + timedelta(days=7), "kind": "complaint"},
        **given,
    }
    ticket = int(tx.execute(insert(TicketRow).returning(TicketRow.id), values).scalar_one())
    for at, (outcome, excluded) in enumerate(answers):
        said = {"outcome": outcome, "excluded": excluded, "answered_at": answered if outcome else None}
        part = {"ticket_id": ticket, "person_id": at + 1, "chat_id": "3栋群", "at": opened, "called_at": called}
        tx.execute(insert(Report), {**part, **said})
    return ticket


def fill(tx: Tx, count: int = 400) -> None:
    """Tickets of October to December as chance will have it: silent, unreached, excluded, reopened, withdrawn …"""
    chance = random.Random(12345)
    outcomes = [*(each.value for each in Outcome), "satisfied", "satisfied", None, "unreached", "withdrawn"]
    for number in range(1, count + 1):
        opened = datetime(2026, 10, 20, tzinfo=ZONE) + timedelta(minutes=chance.randrange(60_000))
        done = opened + timedelta(minutes=chance.randrange(12_000))
        status = chance.choice([Status.CLOSED, Status.CLOSED, Status.DONE, Status.OPEN, Status.DECLINED])
        spoken = opened + timedelta(minutes=chance.randrange(3_000)) if chance.random() < 0.8 else None
        answers = [
            (chance.choice(outcomes), chance.choice(["", "", "", "excluded"])) for _ in range(chance.randrange(4))
        ]
        add(
            tx,
            number,
            *answers,
            building=str(chance.randrange(1, 11)),
            opened_at=opened,
            closed_at=None if status is Status.OPEN else done,
            status=status.value,
            contacted_at=spoken,
            category=chance.choice(CATEGORIES),
            hotline=f"A{number:08d}" if chance.random() < 0.1 else "",
            reopened=chance.choice([0, 0, 0, 1]),
            answered_at=done + timedelta(minutes=chance.randrange(6_000)),
        )


@pytest.fixture
async def demo(database: Database) -> Database:
    await database.run(build, BOT)
    return database


def workbook(content: dict[str, Any]) -> dict[str, pandas.DataFrame]:
    book = io.BytesIO(write(content))
    sheets: dict[str, pandas.DataFrame] = pandas.read_excel(
        book, sheet_name=None, keep_default_na=False, engine="openpyxl"
    )
    return sheets


def recomputed(tickets: pandas.DataFrame) -> dict[str, tuple[float, int]]:
    """(numerator, denominator) of the three rates from nothing but the sheet of tickets."""
    answers = {"满意": 1.0, "还行": 0.9, "不满意": 0.0, "没好": 0.0}
    valid = tickets[tickets["计入"].ne("") & tickets["回访结果"].isin(list(answers))]
    in_time = valid["首次联系"].ne("") & (valid["首次联系"] <= valid["响应时限"])
    whole = len(valid)
    return {
        "响应率": (int(in_time.sum()), whole),
        "解决率": (int(valid["回访结果"].ne("没好").sum()), whole),
        "满意率": (float(valid["回访结果"].map(answers).sum()), whole),
    }


async def test_pandas_finds_the_same_rates_in_the_exported_sheets(demo: Database) -> None:
    def work(tx: Tx) -> tuple[dict[str, Any], Sheet]:
        fill(tx)
        turn, branch = turn_at(tx), body(tx, Level.BRANCH)
        content = ticket_figures.export(turn, branch, NOVEMBER, by=7, who="周书记")
        return content, ticket_figures.gather(turn, branch, NOVEMBER)

    content, sheet = await demo.run(work)
    sheets = workbook(content)
    rates = sheets["三率"].set_index("指标")
    found = recomputed(sheets["工单"])
    assert found["响应率"][1] > 60
    for name, (part, whole) in found.items():
        assert rates.loc[name, "分子"] == pytest.approx(part)
        assert rates.loc[name, "分母"] == whole
        assert rates.loc[name, "比率"] == pytest.approx(part / whole)
    composite = sum(
        weight * part / whole for weight, (part, whole) in zip((0.1, 0.5, 0.4), found.values(), strict=True)
    )
    assert rates.loc["综合", "比率"] == pytest.approx(composite)
    opened = sheets["工单"][sheets["工单"]["受理时间"].str.startswith("2026-11")]
    assert sheets["热度"]["合计"].sum() == len(opened) == sum(each.count for each in sheet.intake)
    done = sheets["工单"][sheets["工单"]["计入"] == "本月办结"]
    assert rates.loc["办结（应回访）", "分子"] == len(done)
    assert rates.loc["其中未诉先办", "分子"] == done["12345编号"].eq("").sum()
    minutes = (pandas.to_datetime(done["办结时间"]) - pandas.to_datetime(done["受理时间"])).dt.total_seconds() / 60
    assert sheet.medians["resolution"] == pytest.approx(minutes.median(), abs=1)
    spoken = done[done["首次联系"] != ""]
    waited = (pandas.to_datetime(spoken["首次联系"]) - pandas.to_datetime(spoken["受理时间"])).dt.total_seconds() / 60
    assert sheet.medians["response"] == pytest.approx(waited.median(), abs=1)


async def test_a_formula_stays_text_and_no_person_is_on_the_sheets(demo: Database) -> None:
    def work(tx: Tx) -> dict[str, Any]:
        add(tx, 1, ("satisfied", ""), hotline='=HYPERLINK("x")')
        return ticket_figures.export(turn_at(tx), body(tx, Level.BRANCH), NOVEMBER, by=7, who="=cmd")

    content = await demo.run(work)
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(write(content)))
    cells = [cell for sheet in book for line in sheet.iter_rows() for cell in line if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    assert all("王阿姨" not in str(cell.value) for cell in cells)
    assert any(str(cell.value).startswith("=cmd 2026-12-02 10:00 导出；未关账；sha256 ") for cell in cells)


async def test_one_answer_a_ticket(demo: Database) -> None:
    """The first who answered, unless anybody says it is not solved; who took it back or was excluded is not heard."""
    cases: list[tuple[list[tuple[str | None, str]], str]] = [
        ([("fair", ""), ("satisfied", "")], "fair"),
        ([("satisfied", ""), ("unsolved", "")], "unsolved"),
        ([(None, ""), ("unsatisfied", "")], "unsatisfied"),
        ([("unsolved", "excluded"), ("satisfied", "")], "satisfied"),
        ([("withdrawn", ""), ("fair", "")], "fair"),
        ([("satisfied", "excluded")], "excluded"),
        ([(None, "")], ""),
        ([], ""),
    ]

    def work(tx: Tx) -> dict[int, str]:
        for number, (answers, _) in enumerate(cases, 1):
            add(tx, number, *answers)
        add(tx, 99, ("unreached", ""), called_at=NOW)
        found = ticket_figures.export(turn_at(tx), body(tx, Level.BRANCH), NOVEMBER, by=7, who="x")
        return {ticket["number"]: ticket["answer"] for ticket in found["tickets"]}

    expected = {number: answer for number, (_, answer) in enumerate(cases, 1)} | {99: "unreached"}
    assert await demo.run(work) == expected


async def test_a_closed_month_stays_and_later_answers_count_in_the_next(demo: Database) -> None:
    def answer(tx: Tx, ticket: int, outcome: str) -> None:
        said = {"outcome": outcome, "answered_at": NOW + timedelta(days=1)}
        tx.execute(update(Report).where(Report.ticket_id == ticket).values(**said))

    def work(tx: Tx) -> None:
        fill(tx, 120)
        silent, content = add(tx, 801, (None, "")), add(tx, 802, ("satisfied", ""))
        again = add(tx, 803, ("satisfied", ""))
        turn, branch, zhou = turn_at(tx), body(tx, Level.BRANCH), person(tx, "周书记")
        sheet, digest = ticket_figures.close(turn, zhou, branch, NOVEMBER)
        frozen = rows.frozen(tx, branch.id, NOVEMBER.month)
        assert frozen is not None
        assert figures.digest(frozen.figures) == frozen.digest == digest
        counts = figures.tally(sheet.cells)
        assert counts.silent > 0
        later = turn_at(tx, NOW + timedelta(days=2))
        december = figures.tally(ticket_figures.gather(later, branch, DECEMBER).cells)
        answer(tx, silent, "fair")
        answer(tx, content, "unsolved")
        opened = {"status": Status.OPEN.value, "closed_at": None, "reopened": 1}
        tx.execute(update(TicketRow).where(TicketRow.id == again).values(**opened))
        assert ticket_figures.gather(later, branch, NOVEMBER).cells == sheet.cells
        content_now = ticket_figures.export(later, branch, NOVEMBER, by=zhou.id, who="x")
        assert content_now["digest"] == digest
        assert recomputed(workbook(content_now)["工单"])["满意率"] == pytest.approx(
            (float(figures.rates(counts, Rules().figures).satisfied.part), counts.valid)
        )
        after = figures.tally(ticket_figures.gather(later, branch, DECEMBER).cells)
        assert (after.valid, after.fair, after.late) == (december.valid + 1, december.fair + 1, december.late + 1)
        assert after.done == december.done
        changed = {each.number: (each.was, each.now) for each in ticket_figures.corrections(later, branch, NOVEMBER)}
        assert changed == {801: ("", "fair"), 802: ("satisfied", "unsolved"), 803: ("satisfied", None)}
        with pytest.raises(Refusal) as refused:
            ticket_figures.close(later, zhou, branch, NOVEMBER)
        assert refused.value.code == "figures.closed_already"
        assert rows.frozen(tx, branch.id, NOVEMBER.month) == frozen
        actions = [row.action for row in tx.execute(Audit.__table__.select()) if row.subject == "body"]
        assert actions == ["month_closed", "figures_exported"]

    await demo.run(work)


@pytest.mark.parametrize(
    ("user", "of", "period", "code"),
    [
        ("老刘", (Level.BRANCH, ""), NOVEMBER, "rights.refused"),
        ("周书记", (Level.COMMUNITY, ""), NOVEMBER, "rights.refused"),
        ("周书记", (Level.BUILDING_GROUP, "3"), NOVEMBER, "figures.close_who"),
        ("周书记", (Level.BRANCH, ""), DECEMBER, "figures.close_early"),
    ],
)
async def test_who_closes_what(demo: Database, user: str, of: tuple[Level, str], period: Period, code: str) -> None:
    def work(tx: Tx) -> None:
        with pytest.raises(Refusal) as refused:
            ticket_figures.close(turn_at(tx), person(tx, user), body(tx, *of), period)
        assert refused.value.code == code

    await demo.run(work)


async def test_each_sees_its_subtree_and_frozen_parts_add_up(demo: Database) -> None:
    """Community and branch the whole compound, a group its building, the property company what it has in hand."""

    def work(tx: Tx) -> None:
        fill(tx, 200)
        firm = body(tx, Level.PROPERTY)
        for number, category in enumerate(("lift", "property"), 901):
            add(tx, number, ("satisfied", ""), body_id=firm.id, category=category)
        turn = turn_at(tx)

        def done(level: Level, building: str = "") -> int:
            return figures.tally(ticket_figures.gather(turn, body(tx, level, building), NOVEMBER).cells).done

        def groups() -> list[int]:
            return [done(Level.BUILDING_GROUP, str(number)) for number in range(1, 11)]

        whole, parts = done(Level.BRANCH), groups()
        assert whole == sum(parts) == done(Level.COMMUNITY) == done(Level.STREET)
        assert done(Level.PROPERTY) == 1
        ticket_figures.close(turn, person(tx, "周书记"), body(tx, Level.BRANCH), NOVEMBER)
        assert (done(Level.BRANCH), groups(), done(Level.PROPERTY)) == (whole, parts, 1)
        lifts = ticket_figures.gather(turn, body(tx, Level.BRANCH), NOVEMBER, "lift")
        assert {cell.category for cell in lifts.cells} == {"lift"}

    await demo.run(work)


async def test_what_was_split_counts_once_as_the_whole(demo: Database) -> None:
    def work(tx: Tx) -> int:
        whole = add(tx, 1, ("satisfied", ""))
        for number in (2, 3):
            add(tx, number, parent_id=whole)
        return figures.tally(ticket_figures.gather(turn_at(tx), body(tx, Level.BRANCH), NOVEMBER).cells).done

    assert await demo.run(work) == 1


async def test_nobody_sees_a_complaint_about_themselves(demo: Database) -> None:
    """About a building group, or about its head in person: the branch counts and lists it, the group does not."""

    def work(tx: Tx) -> dict[Level, list[int]]:
        group, liu = body(tx, Level.BUILDING_GROUP, "3"), person(tx, "老刘")
        for number in (1, 2, 3):
            add(tx, number, ("unsatisfied", ""))
        ids = {ticket["number"]: ticket["id"] for ticket in tickets(tx, body(tx, Level.BRANCH))}
        ticket_bodies.bar(tx, ids[1], body_id=group.id)
        ticket_bodies.bar(tx, ids[2], person_id=liu.id)
        return {
            each.level: [ticket["number"] for ticket in tickets(tx, each)] for each in (group, body(tx, Level.BRANCH))
        }

    def tickets(tx: Tx, of: Body) -> list[dict[str, Any]]:
        turn = turn_at(tx)
        content: list[dict[str, Any]] = ticket_figures.export(turn, of, NOVEMBER, by=7, who="x")["tickets"]
        assert figures.tally(ticket_figures.gather(turn, of, NOVEMBER).cells).done == len(content)
        assert len(figure_lists.lines(turn, of, "unhappy", NOVEMBER)) == 1 + len(content)
        return content

    assert await demo.run(work) == {Level.BUILDING_GROUP: [3], Level.BRANCH: [1, 2, 3]}


async def test_lists_name_what_is_to_be_done(demo: Database) -> None:
    def work(tx: Tx) -> dict[str, list[str]]:
        add(tx, 1, ("unsatisfied", ""))
        add(tx, 2, ("unsolved", ""), status=Status.OPEN.value, closed_at=None, reopened=1)
        add(tx, 3, (None, ""), opened_at=NOW - timedelta(days=20))
        shelved = {"status": Status.SHELVED.value, "closed_at": None, "review_at": NOW + timedelta(days=18)}
        add(tx, 4, opened_at=NOW - timedelta(days=5), **shelved)
        turn, branch = turn_at(tx), body(tx, Level.BRANCH)
        names = ("unhappy", "shelved", "repeated", "uncalled")
        return {name: figure_lists.lines(turn, branch, name, NOVEMBER) for name in names}

    assert await demo.run(work) == {
        "unhappy": ["11月不满意、没好的", "#1 3栋 水管漏水：不满意", "#2 3栋 水管漏水：没好，重办中"],
        "shelved": ["挂账的，按复核日", "#4 3栋 水管漏水：周日（12月20日）再看"],
        "repeated": ["30天内同一处报了3次以上", "3栋 给排水：4件"],
        "uncalled": ["11月办结还没回访的", "#3 3栋 水管漏水：周二（11月10日）办结"],
    }


async def test_under_five_answers_no_percentage_is_said(demo: Database) -> None:
    def work(tx: Tx) -> tuple[str, str]:
        said = []
        for number in range(1, 6):
            add(
                tx, number, ("satisfied" if number > 1 else "fair", ""), contacted_at=NOW - timedelta(days=22, hours=20)
            )
            if number >= 4:
                turn = turn_at(tx)
                sheet = ticket_figures.gather(turn, body(tx, Level.BRANCH), NOVEMBER)
                card = figure_words.card(turn, sheet).drawing
                assert card is not None and ("%" in str(card.data["rates"])) is (number == 5)
                said.append(figure_words.text(turn, sheet))
        return said[0], said[1]

    four, five = await demo.run(work)
    assert "%" not in four
    assert "解决率 4/4" in four
    assert "满意率 98.0% (4.9/5)" in five


async def test_the_statements_are_as_many_as_ever_and_none_reads_a_table_whole(demo: Database) -> None:
    said: list[tuple[str, Any]] = []

    def hear(_tx: object, _cursor: object, sql: str, values: Any, *_more: object) -> None:
        said.append((sql, values))

    def heard(tx: Tx, work: Callable[[], object]) -> list[tuple[str, Any]]:
        said.clear()
        event.listen(tx, "before_cursor_execute", hear)
        try:
            work()
        finally:
            event.remove(tx, "before_cursor_execute", hear)
        return list(said)

    def work(tx: Tx) -> None:
        turn, branch = turn_at(tx), body(tx, Level.BRANCH)
        ticket_figures.close(turn, person(tx, "周书记"), branch, NOVEMBER)

        def everything() -> None:
            ticket_figures.gather(turn, branch, DECEMBER)
            ticket_figures.gather(turn, branch, figures.week_before(NOW.date(), ZONE))
            ticket_figures.corrections(turn, branch, NOVEMBER)
            for name in ("unhappy", "shelved", "repeated", "uncalled"):
                figure_lists.lines(turn, branch, name, NOVEMBER)
            rows.find_hotline(tx, [compound(tx)], "A1", since=NOW - timedelta(days=180))

        few = heard(tx, everything)
        fill(tx, 300)
        many = heard(tx, everything)
        assert [sql for sql, _ in many] == [sql for sql, _ in few]
        plans = []
        if demo.dialect == "postgresql":
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN " if demo.dialect == "sqlite" else "EXPLAIN "
        for sql, values in many:
            plans += [(str(row[-1]).strip(), sql) for row in tx.exec_driver_sql(explain + sql, values)]
        whole = [
            (line, sql)
            for line, sql in plans
            if "Seq Scan on" in line or (line.startswith("SCAN ") and line.split()[1] in ("ticket", "ticket_report"))
        ]
        assert not whole
        all_of_compound = [
            line for line, _ in plans if re.search(r"ticket\w* USING INDEX \w+ \(compound_id=\?\)", line)
        ]
        assert not all_of_compound, "walks through all tickets the compound ever had"
        assert any("ix_ticket_live" in line for line, _ in plans)
        assert any("ix_ticket_closed" in line for line, _ in plans)

    await demo.run(work)
