"""Cards are drawn as they should be; `linli figures export` writes a workbook; the calendar says what it must, once."""

import asyncio
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from PIL import Image
from typer.testing import CliRunner

from bot.cli import cli
from bot.config import DATABASE_URL
from bot.demo import build
from bot.play import BOT
from domain.rules import Rules
from services import clock, figure_clock
from storage import places
from storage.audit import Audit
from storage.database import Database, Tx, open_database
from storage.migrate import upgrade
from storage.outbox import Outbox
from storage.timers import TimerRow
from tests.services.test_ticket_figures import add

ZONE = ZoneInfo("Asia/Shanghai")
SUNDAY = datetime(2026, 11, 22, 4, 10, tzinfo=ZONE)


def data(**more: object) -> dict[str, Any]:
    rate = {"name": "响应率", "large": "95.3%", "small": "164/172", "share": 0.953}
    words = {
        "name": "和谐小区党支部",
        "title": "工单统计",
        "period": "11月16日到22日",
        "numbers": [["新报", 212], ["办结", 197], ["在办", 41], ["超时", 3], ["挂账", 6], ["重办", 4]],
        "rates": [rate, rate, {"name": "满意率", "large": "—", "small": "", "share": 0.0}],
        "composite": ["综合", "95.5%"],
        "medians": [["一半在多久内联系上", "2.4小时"], ["一半在多久内办好", "1.7天"]],
        "called": "应回访197，有效172",
        "heat": {"caption": "哪栋", "total": "合计", "columns": ["电梯", "给排水"], "rows": [["3栋", [9, 1]]]},
        "foot": "按办结日算月份",
    }
    return {**words, **more}


def drawn(**more: object) -> Image.Image:
    pytest.importorskip("typst", reason="NOT TESTED: pip install linli[pictures]")
    from bot.pictures import draw

    return Image.open(io.BytesIO(draw("figures_card", data(**more), format="png"))).convert("RGB")


def heat(rows: int) -> dict[str, Any]:
    return {
        "caption": "哪栋",
        "total": "合计",
        "columns": ["电梯"],
        "rows": [[f"{each}栋", [each]] for each in range(rows)],
    }


def test_a_card_is_as_wide_as_a_page_and_as_high_as_its_table() -> None:
    sizes = [drawn(heat=heat(rows)).size for rows in (0, 1, 14)]
    assert len({width for width, _ in sizes}) == 1
    assert sizes[0][1] < sizes[1][1] < sizes[2][1]


def test_the_more_the_darker() -> None:
    """The three cells of a row, from left to right as their counts grow."""
    table = {"caption": "x", "total": "y", "columns": ["a", "b", "c"], "rows": [["3栋", [1, 10, 20]]]}
    page = drawn(heat=table)
    row = page.crop((0, page.height * 3 // 4, page.width, page.height))
    counted: list[Any] = row.getcolors(1_000_000) or []
    large = [colour for count, colour in counted if count > 3_000 and colour != (255, 255, 255)]
    pixels = [row.getpixel((x, y)) for x in range(row.width) for y in range(0, row.height, 4)]
    from_left = sorted(large, key=pixels.index)
    assert len(from_left) == 3
    assert sorted(from_left, key=sum, reverse=True) == from_left


def test_a_long_name_stays_on_its_line() -> None:
    page = drawn(name="咸宁市咸安区永安街道和谐小区（原地质队宿舍、原棉纺厂家属院东区）党支部", heat=heat(2))
    edge = page.crop((page.width - page.width * 6 // 148, 0, page.width, page.height // 12))
    assert edge.getcolors() == [(edge.width * edge.height, page.getpixel((2, 2)))]
    assert page.height <= drawn(heat=heat(2)).height


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'linli.db'}"
    monkeypatch.setenv(DATABASE_URL, url)
    upgrade(url)

    async def settle() -> None:
        async with open_database(url) as database:
            await database.run(build, "linli")

    asyncio.run(settle())
    return url


def test_the_command_writes_a_workbook_and_it_is_recorded(url: str, tmp_path: Path) -> None:
    out = tmp_path / "november.xlsx"
    done = CliRunner().invoke(cli, ["figures", "export", "和谐小区", "--month", "2026-11", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert openpyxl.load_workbook(out).sheetnames == ["工单", "三率", "热度"]

    def exports(tx: Tx) -> list[dict[str, Any]]:
        return [row.data for row in tx.execute(Audit.__table__.select()) if row.action == "figures_exported"]

    async def recorded() -> list[dict[str, Any]]:
        async with open_database(url) as database:
            return await database.read(exports)

    (said,) = asyncio.run(recorded())
    assert said["month"] == "2026-11"
    assert f"sha256 {said['digest']}" in done.output


def test_no_such_compound_and_no_such_folder(url: str, tmp_path: Path) -> None:
    out = tmp_path / "gone" / "x.xlsx"
    for name, said in (("无名小区", "no compound 无名小区"), ("和谐小区", f"cannot write to {out}: No such file")):
        done = CliRunner().invoke(cli, ["figures", "export", name, "--month", "2026-11", "--out", str(out)])
        assert done.exit_code == 1
        assert said in done.output


# --- the calendar ---------------------------------------------------------------------------------------------------


async def test_each_work_chat_gets_one_card_a_week_and_no_group_of_residents(database: Database) -> None:
    """Wound daily, ticked twice: 3栋 reported something, so its group, those above and nobody else hear of the week."""

    def work(tx: Tx) -> list[tuple[str, str]]:
        demo = build(tx, BOT)
        add(tx, 1, ("satisfied", ""), opened_at=SUNDAY - timedelta(days=3), closed_at=SUNDAY - timedelta(days=2))
        bodies = {chat.body_id for chat in places.all_chats(tx, BOT) if chat.body_id}
        assert (
            figure_clock.wind(tx, SUNDAY, Rules()) == len(bodies) + 2
        )  # the branch and the community are reminded too
        assert figure_clock.wind(tx, SUNDAY, Rules()) == 0
        monday = (SUNDAY + timedelta(days=1)).replace(hour=9, minute=0)
        assert demo.compound_id
        for minutes in (-1, 0, 1, 60):
            clock.tick(tx, monday + timedelta(minutes=minutes), Rules())
        dues = [row.due_at for row in tx.execute(TimerRow.__table__.select()) if row.kind == figure_clock.WEEK]
        assert dues == [monday + timedelta(days=7)] * len(bodies)
        rows = tx.execute(Outbox.__table__.select()).all()
        return sorted((row.chat_id, row.message["file"][1]) for row in rows)

    expected = ["3栋党小组群", "小区党支部群", "社区群"]
    assert await database.run(work) == [(chat, "工单统计.png") for chat in sorted(expected)]
