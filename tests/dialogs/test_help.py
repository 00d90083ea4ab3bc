"""Help is whole, true and short: every command has a line, every example works, nobody is told what they may not do."""

from datetime import timedelta

import pytest

from bot.demo import build
from bot.play import BOT, Player, Recorder
from bot.telegram_transport import HEADS, RESIDENTS
from classifier import Classifier, load_lexicon
from dialogs import registry, topics
from dialogs.answers import plain, spelled
from dialogs.topics import ENTRIES, Entry
from domain.messages import Address, Incoming, Sender
from domain.people import Person
from domain.rights import Action
from domain.rules import Rules
from services.help import rights_here
from services.turn import Turn
from storage import people, places
from storage.database import Database, Tx
from tests.support.chat import START
from texts import has, say, words

EVERYTHING = frozenset(Action)
HONEST = "我不收钱，也不要验证码"


CLASSIFIER = Classifier(load_lexicon())


def name(entry: Entry) -> str:
    return entry.name


def test_every_command_is_told_of() -> None:
    told = {entry.flow for entry in ENTRIES} | topics.UNTOLD
    missing = sorted({command.flow for command in registry.COMMANDS} - told)
    assert not missing, f"dialogs/topics.py lacks {missing}: a line each, or name it in UNTOLD with the reason"
    assert not told - set(registry.FLOWS), "dialogs/topics.py names flows that are gone"
    assert not {entry.flow for entry in ENTRIES} & topics.UNTOLD


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_every_example_starts_what_it_is_for(entry: Entry) -> None:
    line = say(f"help.line_{entry.name}")
    example = plain(line.rpartition("：")[2])
    flows = {command.flow for command, _ in registry.find_commands(example)}
    assert entry.flow in flows or CLASSIFIER.guess(example).ticket, example
    assert len(line) <= 24 and "\n" not in line


def test_no_line_is_for_nobody() -> None:
    lines = [entry.name for entry in ENTRIES]
    assert len(lines) == len(set(lines))
    for topic in (*topics.EVERYBODYS, *topics.OFFICERS):
        assert has(f"help.topic_{topic}") and say(f"help.topic_{topic}") in words(f"help.names_{topic}")


@pytest.mark.parametrize("topic", [*topics.EVERYBODYS, *topics.OFFICERS])
def test_a_topic_fits_on_a_phone(topic: str) -> None:
    assert 1 <= len(topics.of_topic(topic, EVERYTHING)) <= 7


def test_the_short_help_and_the_menu_fit_on_a_phone() -> None:
    assert len(topics.EVERYBODYS) <= 7
    assert len(topics.PARTS) <= 8  # and what everybody may do: nine answers
    assert all(len(known) <= 9 for known in topics.PARTS.values())
    assert all(len(say(f"help.part_{part}")) <= 6 for part in topics.PARTS)


def test_every_topic_of_the_officers_is_in_the_menu_once() -> None:
    assert sorted(topic for known in topics.PARTS.values() for topic in known) == sorted(topics.OFFICERS)


@pytest.mark.parametrize(
    ("word", "topic"),
    [
        *(("统计", "figures"), ("三率", "figures"), ("12345", "figures"), ("回访", "ending"), ("合并", "ending")),
        *(
            ("延期", "later"),
            ("工单", "work"),
            ("转派", "routes"),
            ("海报", "entry"),
            ("停水", "group"),
            ("注销", "data"),
        ),
    ],
)
def test_a_topic_is_found_by_its_words(word: str, topic: str) -> None:
    named = [each for each in (*topics.OFFICERS, *topics.EVERYBODYS) if word in words(f"help.names_{each}")]
    assert named[:1] == [topic]


def test_a_poster_promises_what_everybody_may_ask_for() -> None:
    known = {word for topic in topics.EVERYBODYS for word in words(f"help.names_{topic}")}
    assert set(say("posters.uses").split("\n")) <= known


# --- Telegram's menu --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.slash], ids=name)
def test_a_word_of_the_menu_is_understood(entry: Entry) -> None:
    assert has(f"words.slash_{entry.slash}") and has(f"commands.{entry.slash}")
    shown = say(f"commands.{entry.slash}")
    said = spelled(shown[shown.index("/") :] if "/" in shown else f"/{entry.slash}")
    flows = {command.flow for command, _ in registry.find_commands(plain(said))}
    assert entry.flow in flows, said


def test_the_menus_are_the_tables() -> None:
    """Residents get what needs no right; a work chat gets what needs one, and of the rest what serves there."""
    everybodys = [entry.slash for entry in ENTRIES if entry.slash and entry.needs is None]
    officers = [entry.slash for entry in ENTRIES if entry.slash and entry.needs is not None]
    assert list(RESIDENTS) == everybodys
    assert list(HEADS[: len(officers)]) == officers
    assert set(HEADS[len(officers) :]) <= set(everybodys)


def test_first_words_are_no_help_page() -> None:
    assert spelled("/start") == spelled("/start abc")
    assert registry.find_commands(spelled("/start"))[0][1]["first"]


# --- who is told what -------------------------------------------------------------------------------------------


@pytest.fixture
async def demo(database: Database) -> Database:
    await database.run(build, BOT)
    return database


async def rights(database: Database, user: str, group: str = "") -> frozenset[Action]:
    def see(tx: Tx) -> frozenset[Action]:
        person = people.find_person(tx, BOT, user) or Person(0, user, user)
        chat = places.find_chat(tx, BOT, group) if group else None
        return rights_here(Turn(tx, BOT, "u:1", START, Rules()), person, chat)

    return await database.read(see)


async def test_rights_are_those_of_the_place(demo: Database) -> None:
    assert await rights(demo, "王阿姨") == await rights(demo, "新来的", "3栋群") == frozenset()
    assert Action.APPROVE in await rights(demo, "老刘")
    assert Action.APPROVE in await rights(demo, "老刘", "3栋群")
    assert Action.APPROVE in await rights(demo, "老刘", "3栋党小组群")
    assert await rights(demo, "老刘", "5栋群") == frozenset()
    assert Action.APPOINT in await rights(demo, "周书记", "5栋群")
    assert await rights(demo, "吴师傅", "5栋群") == {Action.HANDLE, Action.CALL_OFF, Action.SEE_FILES}


async def test_every_answer_is_short_and_says_that_it_costs_nothing(demo: Database) -> None:
    transport = Recorder()
    player = Player(demo, transport, Rules())
    people_here = ("王阿姨", "老刘", "周书记", "孙主任", "吴师傅", "小林", "新来的")
    asked = ("帮助", "0", "帮助 班子", "0", "帮助 工单", "0", "帮助 没有的", "0", "/start", "/help 报修")
    for number, (who, line) in enumerate((who, line) for who in people_here for line in asked):
        address, before = Address(who, private=True), len(transport.sent)
        at = START + timedelta(seconds=number)
        said = Incoming(BOT, f"h{number}", address, Sender(who, who), line, at)
        await player.hear(said)
        for message in [each.message for each in transport.sent[before:]] if line != "0" else ():
            assert HONEST in message.text, (who, line)
            assert message.to == address
            assert len(message.text.splitlines()) + len(message.choices) <= 13, (who, line)
