"""linli doctor: what it finds in a place that is well, and in ones that are not."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.config import DATABASE_URL
from bot.demo import build
from bot.doctor import examine
from domain.people import Level, Place
from storage import people, places
from storage.database import Tx, open_database
from storage.migrate import upgrade
from storage.vault import VARIABLE, new_key


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database at the newest schema, which the environment names."""
    url = f"sqlite:///{tmp_path / 'linli.db'}"
    monkeypatch.setenv(DATABASE_URL, url)
    upgrade(url)
    return url


async def said(config: Path | None = None) -> str:
    return "\n".join(str(finding) for finding in await examine(config))


async def test_the_demo_compound_is_well(url: str) -> None:
    async with open_database(url) as database:
        await database.run(build, "linli")
    text = await said()
    assert text.endswith("✓ nothing serious")
    for number in ("lift", "gas", "power", "duty"):
        assert f"rules.numbers.{number} is empty" in text
    assert "nobody in office" in text
    assert "on duty" not in text


async def test_an_empty_database_says_how_to_bind_chats(url: str) -> None:
    text = await said()
    assert "no chat is bound" in text
    assert "linli demo" in text


async def test_bodies_that_nobody_hears_and_nobody_on_duty(url: str) -> None:
    def lonely(tx: Tx) -> None:
        demo = build(tx, "linli")
        people.add_body(tx, Level.BUILDING_GROUP, "lonely group", parent=None, compound_id=demo.compound_id)
        other = places.add_compound(tx, "other")
        places.bind_chat(tx, bot_id="linli", chat_id="x", title="x", place=Place(other))

    async with open_database(url) as database:
        await database.run(lonely)
    findings = await examine(None)
    assert any(finding.serious and "lonely group" in finding.what for finding in findings)
    assert any("nobody is on duty" in finding.what for finding in findings)


async def test_mistakes_in_the_settings_come_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[rules]\nquiet_from = "late"\nduty_minute = 3\n', encoding="utf-8")
    findings = await examine(path)
    assert [finding.serious for finding in findings] == [True, True]
    assert "did you mean rules.duty_minutes?" in str(findings[0])
    assert "write quiet_from" in findings[1].mend


async def test_a_database_that_is_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "linli.db"
    monkeypatch.setenv(DATABASE_URL, f"sqlite:///{path}")
    text = await said()
    assert "no database yet" in text
    assert "linli db upgrade" in text
    assert not path.parent.exists()


async def test_a_database_without_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "linli.db").touch()
    monkeypatch.setenv(DATABASE_URL, f"sqlite:///{tmp_path / 'linli.db'}")
    assert "run linli db upgrade" in await said()


async def test_a_file_that_is_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "linli.db").write_text("no database " * 1000, encoding="utf-8")
    monkeypatch.setenv(DATABASE_URL, f"sqlite:///{tmp_path / 'linli.db'}")
    assert "file is not a database" in await said()


async def test_a_server_that_does_not_answer_and_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE_URL, "postgresql://me:geheim@127.0.0.1:1/linli")
    text = await said()
    assert "the database cannot be used" in text
    assert "geheim" not in text


async def test_without_the_package_for_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE_URL, "postgresql://me@127.0.0.1:1/linli")
    monkeypatch.setattr("bot.doctor.find_spec", lambda name: None)
    text = await said()
    assert 'pip install "linli[postgres]"' in text
    assert 'pip install "linli[fast]"' in text


async def test_without_a_token_it_says_where_to_get_one(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LINLI_TELEGRAM_TOKEN", raising=False)
    config = tmp_path / "config.toml"
    config.write_text('[bot]\ntransport = "telegram"\n', encoding="utf-8")
    text = await said(config)
    assert "✗ there is no token" in text
    assert "LINLI_TELEGRAM_TOKEN" in text


async def test_chats_where_the_bot_may_not_speak(url: str) -> None:
    def close(tx: Tx) -> None:
        build(tx, "linli")
        places.set_state(tx, "linli", "3栋群", places.GONE)
        places.set_state(tx, "linli", "5栋群", places.MUTED)
        people.close_private(tx, "linli", "老刘", datetime.now(UTC))

    async with open_database(url) as database:
        await database.run(close)
    text = await said()
    assert "put out of 3栋群" in text
    assert "may not speak in 5栋群" in text
    assert "1 of those in office cannot be written to" in text


async def test_keys_unset_and_malformed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert "LINLI_KEYS is unset" in await said()
    monkeypatch.setenv(VARIABLE, "not-a-key")
    assert "✗ key 1 in LINLI_KEYS is malformed" in await said()
    assert "not-a-key" not in await said()
    monkeypatch.setenv(VARIABLE, new_key())
    assert "LINLI_KEYS" not in await said()
