"""The group chat in the terminal: what typed lines mean, and the whole program on a pipe and on a terminal."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.service import opened
from bot.terminal_desk import Desk, Leave, Neighbour, Neighbourhood, Note, Spoken, clean, suggestions
from bot.terminal_transport import bot_block
from domain.messages import Address, Choice, Incoming, Outgoing, numbered
from domain.people import Chat, Place

ROOT = Path(__file__).parents[2]
TEAM = Place(1, 3, building="3")
CHATS = (
    Chat("linli", "3栋党小组群", "3栋党小组群", TEAM, 7),
    Chat("linli", "3栋群", "3栋群", TEAM, None),
    Chat("linli", "5栋群", "5栋群", Place(1, 5, building="5"), None),
)
PEOPLE = (
    Neighbour("老刘", "3栋党小组", "3", True),
    Neighbour("王阿姨", "3栋2单元", "3"),
    Neighbour("7-702", "7栋", "7"),
)


@pytest.fixture
def desk() -> Desk:
    return Desk("linli", Neighbourhood(CHATS, PEOPLE))


def heard(desk: Desk, line: str) -> Incoming:
    spoken = desk.read(line)
    assert isinstance(spoken, Spoken)
    return spoken.incoming


def test_the_first_resident_speaks_in_the_chat_of_the_own_building(desk: Desk) -> None:
    incoming = heard(desk, "楼道灯又不亮了")
    assert (incoming.sender.user, incoming.address, incoming.text) == ("王阿姨", Address("3栋群"), "楼道灯又不亮了")


@pytest.mark.parametrize("line", ["老刘: 我来", "老刘：我来", "  老刘 :我来"])
def test_a_name_before_a_colon_speaks_and_goes_on_speaking(desk: Desk, line: str) -> None:
    assert (heard(desk, line).sender.name, heard(desk, "好").sender.name) == ("老刘", "老刘")


def test_any_new_name_is_a_stranger_once(desk: Desk) -> None:
    first, second = desk.read("小新: 你好"), desk.read("小新: 在吗")
    assert isinstance(first, Spoken)
    assert isinstance(second, Spoken)
    assert (first.stranger, second.stranger) == (True, False)


@pytest.mark.parametrize("line", ["通知: 今晚停水", "晚上7:30开会", "https://example.org", "今天 老刘: 来过"])
def test_what_only_looks_like_a_name(desk: Desk, line: str) -> None:
    incoming = heard(desk, line)
    assert (incoming.sender.name, incoming.text) == ("王阿姨", line)


def test_a_room_may_be_a_name(desk: Desk) -> None:
    assert heard(desk, "7-702: 30分钟了").sender.name == "7-702"


def test_chats_and_people_are_switched_by_slash(desk: Desk) -> None:
    for line in ("/5栋群", "/老刘"):
        assert desk.read(line) == Note("")
    assert heard(desk, "在").address == Address("5栋群")
    assert desk.read("/5") == Note("")
    assert isinstance(desk.read("/3栋"), Note)  # two begin so
    assert heard(desk, "在").address == Address("5栋群")


def test_private_and_back(desk: Desk) -> None:
    desk.read("/私聊")
    assert heard(desk, "在").address == Address("王阿姨", private=True)
    assert heard(desk, "老刘: 在").address == Address("老刘", private=True)
    desk.read("/群")
    assert heard(desk, "在").address == Address("3栋群")


def test_a_command_of_the_bot_may_wear_the_slash(desk: Desk) -> None:
    assert heard(desk, "/查 12").text == "查 12"


@pytest.mark.parametrize("line", ["/啊啊啊", "/", "//", "/帮助"])
def test_an_unknown_command_gets_a_kind_line(desk: Desk, line: str) -> None:
    note = desk.read(line)
    assert isinstance(note, Note)
    assert "/帮助" in note.text or "/退出" in note.text


@pytest.mark.parametrize("line", ["", "   ", "\x1b\x00\x07", "王阿姨:", "王阿姨：  ", ">", "》 "])
def test_nothing_said(desk: Desk, line: str) -> None:
    assert desk.read(line) is None


def test_leaving(desk: Desk) -> None:
    assert isinstance(desk.read("/退出"), Leave)


def test_the_bots_name_is_heard_and_taken_out(desk: Desk) -> None:
    for line in ("@小助手 怎么用", "怎么用 @小助手", "老刘: ＠小助手 怎么用"):
        incoming = heard(desk, line)
        assert (incoming.at_me, incoming.text) == (True, "怎么用")
    assert heard(desk, "@小助手").at_me
    assert not heard(desk, "@小王 在吗").at_me


@pytest.mark.parametrize("line", [">好", "》 好", "老刘: > 好", "> 老刘: 好"])
def test_an_answer_to_the_bots_last_message_in_this_chat(desk: Desk, line: str) -> None:
    number = desk.sent(Outgoing(Address("3栋群"), "来吗"))
    desk.sent(Outgoing(Address("5栋群"), "别处"))
    incoming = heard(desk, line)
    assert (incoming.text, incoming.reply_to_me, incoming.reply_to) == ("好", True, number)


def test_an_answer_where_the_bot_said_nothing(desk: Desk) -> None:
    incoming = heard(desk, "> 好")
    assert (incoming.text, incoming.reply_to_me, incoming.reply_to) == ("好", False, "")


def test_a_number_is_a_press_on_the_newest_message_with_commands(desk: Desk) -> None:
    offer = Outgoing(Address("3栋群"), "#12", (Choice(1, "我来", "接单 12"),))
    desk.sent(offer)
    assert heard(desk, "老刘: 1").text == "接单 12"
    assert heard(desk, "1").text == "1"  # somebody has spoken since
    assert heard(desk, "> 1").text == "接单 12"
    desk.sent(Outgoing(Address("3栋群"), "选哪个", numbered([(1, "好")]), question="q"))
    assert heard(desk, "1").text == "1"  # the dialog reads its own numbers


def test_update_ids_are_new_for_ever_and_in_order(desk: Desk) -> None:
    ids = [heard(desk, str(number)).update_id for number in range(20)]
    time.sleep(0.001)
    ids += [heard(Desk("linli", Neighbourhood(CHATS, PEOPLE)), "1").update_id]
    assert ids == sorted(set(ids))
    assert max(map(len, ids)) <= 64


def test_what_steers_a_terminal_is_taken_out() -> None:
    assert clean("a\x1b[31mb\x00\u202ec\ud800\td👨‍👩‍👧") == "a[31mbc d👨‍👩‍👧"


def test_a_block_names_its_chat_and_quotes(desk: Desk) -> None:
    asked = heard(desk, "楼道灯又不亮了，都三天了也没人来看一眼")
    offer = (Choice(1, "我来", "接单 12"),)
    here = bot_block(Outgoing(Address("3栋群"), "✅ 记下了\n已转", offer, reply_to=asked.update_id), desk)
    lines = ["".join(text for _, text in line) for line in here.lines]
    assert lines == ["小助手 → 3栋群（回王阿姨：楼道灯又不亮了，都三天了也没人来…）", "✅ 记下了", "已转", "1 我来"]
    assert here.tone == "group"
    assert bot_block(Outgoing(Address("5栋群"), "x"), desk).tone == "elsewhere"
    assert bot_block(Outgoing(Address("5栋群"), "x", urgent=True), desk).tone == "urgent"
    private = bot_block(Outgoing(Address("老刘", private=True), "x"), desk)
    assert (private.tone, private.lines[0][0][1]) == ("private", "小助手 → 老刘（私聊）")


def test_completion(desk: Desk) -> None:
    offered = [name for _, name, _ in suggestions(desk, "/")]
    assert offered.index("/3栋群") < offered.index("/王阿姨") < offered.index("不报了") < offered.index("/5栋群")
    assert [(end, name) for end, name, _ in suggestions(desk, "/阿姨")] == [("/阿姨", "/王阿姨")]
    assert [(end, name) for end, name, _ in suggestions(desk, "王")] == [("王", "王阿姨: ")]
    assert [(end, name) for end, name, _ in suggestions(desk, "老刘: 接")] == [("接", "接单")]
    assert not list(suggestions(desk, "楼道灯"))


def test_one_group_is_bound_to_nothing(desk: Desk) -> None:
    assert desk.read("/新建的群") == Note("")
    incoming = heard(desk, "老刘: 绑定 482173")
    assert incoming.address == Address("新建的群")
    assert ("/新建的群", "还没绑的群，可试 绑定") in [(name, about) for _, name, about in suggestions(desk, "/新")]


def test_once_bound_the_next_is_another() -> None:
    bound = Chat("linli", "新建的群", "9栋群", Place(1, 9, building="9"), None)
    chats = Desk("linli", Neighbourhood((*CHATS, bound), PEOPLE)).chats
    assert chats["新建的群"] is bound and chats["新建的群2"].place.building_id is None


def test_nowhere_there_is_no_group_to_bind() -> None:
    desk = Desk("linli", Neighbourhood())
    assert desk.chats == {} and desk.private


# The whole program.


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One database for all of them, so that only the first has to make it."""
    folder = tmp_path_factory.mktemp("terminal")
    terminal = {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", "PYTHONUTF8": "1"}
    return {**os.environ, **terminal, "LINLI_DATABASE_URL": f"sqlite:///{folder / 'linli.db'}"}


STRANGE = f"""
王阿姨: 楼道灯又不亮了

/啊啊
\x1b[2J\x00\x07
😀😀😀
小新: 你好
/私聊
王阿姨: 查 1
查 99999
{"灯" * 10_000}
/群
大家吃了吗
"""


def test_a_pipe_with_all_that_people_type(environment: dict[str, str]) -> None:
    done = _demo(STRANGE.encode() + b"\xff\xfe\n" + "王阿姨: 最后一句没有换行".encode(), environment)
    said = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert "记下了 #1" in said
    assert "没有“啊啊”这个群或人" in said
    assert "小新 是头一回来" in said
    assert re.search(r"小助手 → 王阿姨（私聊）\n  #1 .*还没人接", said)
    assert "没有 #99999" in said
    assert "\x1b" not in said
    assert "Traceback" not in said + _log(environment)


def test_a_group_is_bound_in_the_demo(environment: dict[str, str]) -> None:
    """A head's code, said in the group that is bound to nothing."""
    asked = _demo("/私聊\n周书记: 绑群 小区\n".encode(), environment).stdout.decode()
    code = re.search(r"码：(\d{6})", asked)
    assert code, asked
    done = _demo(f"/新建的群\n周书记: 绑定 {code[1]}\n".encode(), environment).stdout.decode()
    assert "小区群绑好了" in done  # its first words may wait for the morning
    again = _demo("/小区群\n王阿姨: 大家好\n/新建的群2\n王阿姨: 大家好\n".encode(), environment).stdout.decode()
    assert "这个群或人" not in again, again


def _demo(lines: bytes, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "bot", "demo"]
    return subprocess.run(command, input=lines, env=environment, cwd=ROOT, capture_output=True, timeout=30, check=False)


def _log(environment: dict[str, str]) -> str:
    return Path(environment["LINLI_DATABASE_URL"].removeprefix("sqlite:///")).with_name("linli.log").read_text("utf-8")


async def test_a_database_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "linli.db").write_text("no database " * 1000, encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        async with opened(f"sqlite:///{tmp_path / 'linli.db'}"):
            pass
    assert "file is not a database" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_terminal_with_colours_completion_and_a_request_to_end(environment: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "bot", "demo"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT) as process:
        os.close(theirs)
        try:
            seen = _until(ours, lambda text: "王阿姨> " in text)
            assert "试试" in seen
            os.write(ours, "小赵: 3栋门禁坏了，进不去\r".encode())
            seen = _until(ours, lambda text: "记下了 #" in text)
            assert re.search(r"\x1b\[[0-9;]*3[0-9]m", seen)
            os.write(ours, b"/")
            _until(ours, lambda text: "3栋党小组群" in text and "换到工作群" in text)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            process.kill()
            os.close(ours)
    assert "Traceback" not in seen + _log(environment)


def _until(terminal: int, enough: Callable[[str], bool]) -> str:
    """What the terminal shows, read until it is enough."""
    seen, ends = b"", time.monotonic() + 15
    while not enough(seen.decode("utf-8", "replace")):
        assert time.monotonic() < ends, seen.decode("utf-8", "replace")
        seen += os.read(terminal, 65_536)
    return seen.decode("utf-8", "replace")
