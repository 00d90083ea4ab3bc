"""`linli compound unplaced` writes doors and numbers, never names."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.demo import build
from storage.database import open_database
from storage.migrate import upgrade


@pytest.fixture
async def config(tmp_path: Path) -> Path:
    url = f"sqlite:///{tmp_path / 'places.db'}"
    upgrade(url)
    database = open_database(url)
    await database.start()
    await database.run(build, "b")
    await database.close()
    file = tmp_path / "config.toml"
    file.write_text(f'[database]\nurl = "{url}"\n', encoding="utf-8")
    return file


def test_the_table_has_doors_and_no_names(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "没归队.csv"
    done = CliRunner().invoke(cli, ["compound", "unplaced", "和谐小区", "--out", str(out), "--config", str(config)])
    assert done.exit_code == 0, done.output
    with out.open(encoding="utf-8-sig", newline="") as file:
        header, *table = list(csv.reader(file))
    assert header == ["栋", "单元", "房号", "未归队的登记人数"]
    assert len(table) == 238  # of 240: the homes of the head and of the secretary have their place
    assert ["3", "2", "501", "1"] in table
    assert "王阿姨" not in out.read_text(encoding="utf-8-sig")


def test_a_compound_that_is_not_there(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    done = CliRunner().invoke(cli, ["compound", "unplaced", "不存在", "--out", str(out), "--config", str(config)])
    assert done.exit_code == 1
    assert not out.exists()
