"""Settings: the example is complete, mistakes are all told at once, secrets stay out of files and messages."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.config import DATABASE_URL, ConfigError, Settings, keys, load, read

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATABASE_URL, raising=False)


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text))
    return list(caught.value.errors)


def flat(table: dict[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return found


def test_the_example_shows_every_setting_with_its_default() -> None:
    shown = {key: list(value) if isinstance(value, tuple) else value for key, value in keys()}
    assert flat(tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))) == shown
    assert read(EXAMPLE) == Settings() == load(None)


def test_every_setting_of_the_example_has_a_comment_above_it_or_its_neighbour() -> None:
    paragraphs = EXAMPLE.read_text(encoding="utf-8").split("\n\n")
    assert all("#" in paragraph for paragraph in paragraphs)


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    settings = load(write(tmp_path, '[rules]\nduty_minutes = 5\n[rules.numbers]\nlift = "963333"\n'))
    assert (settings.rules.duty_minutes, settings.rules.numbers.lift) == (5, "963333")
    assert settings.rules.quiet_from == Settings().rules.quiet_from


def test_all_mistakes_are_told_at_once_each_with_its_key_and_its_remedy(tmp_path: Path) -> None:
    text = """
        [rules]
        quiet_from = "7:30"
        timezone = "Asia/Wuhan"
        duty_minutes = 0
        merge_days = "3"
        join_second = 9
        [rules.numbers]
        lift = 963333
        gas = "ring them"
        [bot]
        id = "a b"
        transport = "pigeon"
    """
    found = {each.split(":", 1)[0]: each for each in mistakes(tmp_path, text)}
    assert set(found) == {
        "rules.quiet_from",
        "rules.timezone",
        "rules.duty_minutes",
        "rules.merge_days",
        "rules.join_second",
        "rules.numbers.lift",
        "rules.numbers.gas",
        "bot.id",
        "bot.transport",
    }
    assert "did you mean rules.join_seconds?" in found["rules.join_second"]
    assert 'write lift = "963333"' in found["rules.numbers.lift"]
    assert 'write quiet_from = "21:30"' in found["rules.quiet_from"]
    assert 'found "3"' in found["rules.merge_days"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lift = 1", "lift: no such setting; did you mean rules.numbers.lift?"),
        ("[databse]", "databse: no such setting; did you mean database?"),
        ("[zzz]\nqqq = 1", "zzz: no such setting; see config.example.toml"),
        ("rules = 3", "rules: expected a table, found 3"),
        ("[[rules]]", "rules: expected a table, found a list"),
        ("[rules]\nduty_minutes = true", "found true"),
        ("[rules]\nquiet_to = 07:30:00", "rules.quiet_to: expected a text in quotes, found 07:30:00"),
        ('[rules]\nquiet_to = "21:30"', "rules.quiet_to: the same as rules.quiet_from"),
        ('[rules]\nreport_noon = "08:00"', "rules.report_noon: 08:00 is not after rules.report_morning (09:00)"),
        ('[database]\nurl = "mysql://me@host/x"', "database.url: expected sqlite:///"),
        ('[database]\nurl = "sqlite:///:memory:"', "database.url: expected sqlite:///"),
        ("[rules", "not TOML: "),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, text: str, said: str) -> None:
    found = mistakes(tmp_path, text)
    assert len(found) == 1
    assert said in found[0]


def test_a_password_in_the_file_is_refused_and_never_shown(tmp_path: Path) -> None:
    for url in ("postgresql://me:geheim@host/x", "mysql://me:geheim@host/x"):
        (said,) = mistakes(tmp_path, f'[database]\nurl = "{url}"')
        assert "geheim" not in said


def test_the_environment_says_last_where_the_database_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, '[database]\nurl = "sqlite:///elsewhere.db"')
    monkeypatch.setenv(DATABASE_URL, "postgresql://me:geheim@host/linli")
    for settings in (load(path), load(None)):
        assert settings.database.url == "postgresql://me:geheim@host/linli"
        assert "geheim" not in repr(settings)
    monkeypatch.setenv(DATABASE_URL, "geheim")
    with pytest.raises(ConfigError, match=DATABASE_URL) as caught:
        load(None)
    assert "geheim" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / "gbk.toml").write_bytes("# 楼道灯".encode("gbk"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "gbk.toml")
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbf[rules]\nmerge_days = 9\n")
    assert load(tmp_path / "bom.toml").rules.merge_days == 9
