"""`linli roster …` as people call it: files in, lines and exit codes out."""

import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import cli
from domain.rosters import Sheet
from storage.migrate import upgrade
from storage.vault import VARIABLE, new_key
from tests.support import rosters
from tests.support.rosters import write_xlsx

NAME = "幸福小区"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINLI_DATABASE_URL", f"sqlite:///{tmp_path / 'linli.db'}")
    monkeypatch.setenv(VARIABLE, new_key())
    return tmp_path


def linli(*args: object, answer: str = "") -> Result:
    return CliRunner().invoke(cli, ["roster", *map(str, args)], input=answer)


def clean(home: Path, blocks: int = 3) -> Path:
    return write_xlsx(home / f"名册{blocks}.xlsx", [Sheet("名册", rosters.clean(blocks))])


def faulty(home: Path) -> Path:
    grid = rosters.clean(3)
    grid[3][rosters.HEADER.index("手机号")] = "1380000"
    return write_xlsx(home / "错.xlsx", [Sheet("名册", grid)])


def count(home: Path, table: str) -> int:
    connection = sqlite3.connect(home / "linli.db")
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


def test_a_faulty_roster_is_told_and_marked(home: Path) -> None:
    told = linli("check", faulty(home), "--errors", home / "要改.xlsx")
    assert told.exit_code == 1
    assert "第4行 H列 手机号少了4位" in told.stdout and "1处要改" in told.stdout
    assert (home / "要改.xlsx").stat().st_size > 0
    assert not (home / "linli.db").exists(), "a check opens no database"


def test_a_faulty_roster_imports_nothing(home: Path) -> None:
    upgrade(f"sqlite:///{home / 'linli.db'}")
    told = linli("import", faulty(home), "--compound", NAME, "--yes")
    assert told.exit_code == 1 and "一行都没有导入" in told.stderr
    assert [count(home, table) for table in ("compound", "person", "roster_batch")] == [0, 0, 0]


def test_check_import_again_undo(home: Path) -> None:
    path = clean(home)
    upgrade(f"sqlite:///{home / 'linli.db'}")
    told = linli("check", path, "--compound", NAME)
    assert told.exit_code == 0, told.output
    assert "0处要改" in told.stdout and "新的：3栋，9户，15人" in told.stdout
    assert count(home, "person") == 0
    done = linli("import", path, "--compound", NAME, answer="y\n")
    assert done.exit_code == 0 and "导入好了，是第1批" in done.stdout, done.output
    assert (count(home, "person"), count(home, "household")) == (15, 9)
    again = linli("import", path, "--compound", NAME, "--yes")
    assert again.exit_code == 0 and "和现在的一样" in again.stdout
    less = linli("import", clean(home, 2), "--compound", NAME, "--yes")
    assert less.exit_code == 0 and "和现在的一样" in less.stdout, "buildings that are not in the file are left alone"
    undone = linli("undo")
    assert undone.exit_code == 0 and undone.stdout.strip() == "第1批退回去了"
    assert (count(home, "person"), count(home, "household"), count(home, "compound")) == (0, 0, 0)
    assert linli("undo").exit_code == 1


def test_no_is_no(home: Path) -> None:
    told = linli("import", clean(home), "--compound", NAME, answer="n\n")
    assert told.exit_code == 1 and "没有导入" in told.stderr
    assert count(home, "compound") == 0


def test_without_keys_it_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    told = linli("import", clean(home), "--compound", NAME, "--yes")
    assert told.exit_code == 0 and "30个电话和证件号不录" in told.stdout


def test_the_template_is_read_again(home: Path) -> None:
    written = linli("template", home / "空表.xlsx")
    assert written.exit_code == 0 and "空表.xlsx" in written.stdout
    told = linli("check", home / "空表.xlsx")
    assert told.exit_code == 0 and "0处要改" in told.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("check", "没有.xlsx"), "没有这个文件"),
        (("undo", "7"), "没有可以退回的导入"),
        (("undo", "--compound", "没有的"), "没有小区“没有的”"),
        (("template", "/nowhere/空.xlsx"), "cannot write"),
    ],
)
def test_what_cannot_be_is_one_line(args: tuple[str, ...], said: str) -> None:
    told = linli(*args)
    assert told.exit_code in (1, 2) and said in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1 and "Traceback" not in told.output


def test_a_comparison_needs_the_newest_schema(home: Path) -> None:
    told = linli("check", clean(home), "--compound", NAME)
    assert told.exit_code == 1 and "linli db upgrade" in told.stderr
