"""A compound of one's own from nothing: the organisation by one command, everything else by chat."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from typer.testing import CliRunner

from bot.cli import cli
from bot.commands.compounds import found
from bot.config import DATABASE_URL
from bot.play import BOT, Player, Recorder
from domain.messages import Address, Incoming, Sender
from domain.people import Level
from domain.rules import Rules
from storage import people, places
from storage.database import Database, Tx

NAMES: dict[str, Any] = {
    "compound": "通湖小区",
    "community": "永安社区党组织",
    "street": "永安街道党工委",
    "director": ("sun", "孙主任"),
}
GROUP = Address("3dong")


def homes(tx: Tx) -> None:
    compound = places.add_compound(tx, "通湖小区")
    for number in ("1", "3"):
        building = places.add_building(tx, compound, number)
        unit = places.add_unit(tx, compound, building, "2")
        places.add_households(tx, compound, building, unit, ["501", "502"])


async def test_five_levels_and_a_group_for_every_building(database: Database) -> None:
    await database.run(homes)
    made = await database.run(found, BOT, **NAMES)
    assert [body.level for body in made[:4]] == [Level.STREET, Level.COMMUNITY, Level.BRANCH, Level.PROPERTY]
    assert [body.name for body in made[4:]] == ["1栋党小组", "3栋党小组"]
    assert await database.run(found, BOT, **NAMES) == [], "again changes nothing"
    sun = await database.read(people.find_person, BOT, "sun")
    assert sun is not None
    assert [(post.role.value, post.body.level) for post in sun.posts] == [("director", Level.COMMUNITY)]


async def test_from_nothing_to_a_ticket_by_chat(database: Database) -> None:
    """The director binds the group and lets a resident in; she reports, and the body over her building hears it."""
    await database.run(homes)
    await database.run(found, BOT, **NAMES)
    transport = Recorder()
    player, count = Player(database, transport, Rules()), 0
    now = datetime(2026, 11, 23, 10, tzinfo=ZoneInfo("Asia/Shanghai"))

    async def say(user: str, name: str, text: str, at: Address | None = None) -> list[str]:
        nonlocal now, count
        count, now = count + 1, now + timedelta(seconds=2)
        before = len(transport.sent)
        address = at or Address(user, private=True)
        await player.hear(Incoming(BOT, f"{count}", address, Sender(user, name), text, now, message_id=f"{count}"))
        return [said.message.text for said in transport.sent[before:]]

    code = re.search(r"\d{6}", "".join(await say("sun", "孙主任", "绑群 3栋")))
    assert code
    await say("wang", "王阿姨", f"绑定 {code[0]}", GROUP)
    chat = await database.read(places.find_chat, BOT, GROUP.chat)
    assert chat and chat.place.building == "3"
    door = re.search(r"\d{8}|\d{4} \d{4}", "".join(await say("sun", "孙主任", "门牌码 3-2-501")))
    assert door
    await say("wang", "王阿姨", f"我是 3-2-501 王阿姨 业主 {door[0]}")
    wang = await database.read(people.find_person, BOT, "wang")
    assert wang and wang.place and wang.place.building == "3"
    said = await say("wang", "王阿姨", "3栋楼道灯不亮", GROUP)
    assert any("#1" in text for text in said)


def test_by_the_command_line(tmp_path: Path, monkeypatch: object) -> None:
    env = {DATABASE_URL: f"sqlite:///{tmp_path / 'linli.db'}"}
    asked = [
        "compound",
        "add",
        "通湖小区",
        "--community",
        "永安社区",
        "--street",
        "永安街道",
        "--director",
        "77 孙主任",
    ]
    first, again = CliRunner().invoke(cli, asked, env=env), CliRunner().invoke(cli, asked, env=env)
    assert (first.exit_code, again.exit_code) == (0, 0), first.output
    assert "通湖小区党支部" in first.output
    assert again.output.startswith("0 new")
    wrong = CliRunner().invoke(cli, [*asked[:-1], "77"], env=env)
    assert wrong.exit_code == 2
