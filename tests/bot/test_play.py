"""`linli play` and `linli classify` as commands: good input, and every kind of bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import cli

LONG = "水" * 10_000


def linli(*args: str) -> Result:
    return CliRunner().invoke(cli, args)


def play(tmp_path: Path, text: str, *args: str) -> Result:
    path = tmp_path / "day.txt"
    path.write_text(text, encoding="utf-8")
    return linli("play", str(path), *args)


def test_a_day_is_played(tmp_path: Path) -> None:
    day = """\
08:00 王阿姨(3-2-501): 早上好
08:01 新来的(12-1-301): 12栋2单元下水道堵了，污水往上冒
08:05 老李(12-2-401): 下水道堵了
09:00 刘经理(物业): 接单 1
09:30 刘经理(物业): 办结 1 已疏通
10:00 推销(外来): 专业疏通下水道 24小时上门
"""
    done = play(tmp_path, day, "--json")
    assert done.exit_code == 0, done.stderr
    state = json.loads(done.stdout)
    (ticket,) = state["tickets"]
    assert ticket["number"] == 1 and ticket["category"] == "water" and not ticket["urgent"]
    assert ticket["status"] == "done" and ticket["group"] == "12栋党小组"
    assert ticket["place"] == "12栋2单元" and ticket["reporters"] == ["新来的", "老李"]
    assert ticket["texts"] == ["12栋2单元下水道堵了，污水往上冒", "下水道堵了"]
    assert {"at", "chat", "to", "text", "choices"} <= set(state["messages"][0])
    asked = [message for message in state["messages"] if message["choices"] and message["to"] == "新来的"]
    assert asked[0]["choices"][3] == "4 没好"
    shown = play(tmp_path, day)
    assert "08:01 新来的(12-1-301): 12栋2单元下水道堵了" in shown.stdout
    assert "小助手> ✅" in shown.stdout and "小助手→新来的> " in shown.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no lines"),
        ("hello", "line 1"),
        ("08:00 王阿姨(3-2-501): 早\n25:99 王阿姨(3-2-501): 早", "line 2"),
        ("08:00 王阿姨", "line 1"),
    ],
)
def test_a_malformed_transcript_is_explained(tmp_path: Path, text: str, said: str) -> None:
    done = play(tmp_path, text)
    assert done.exit_code == 2
    assert said in done.stderr and "HH:MM name(room): text" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "gbk.txt").write_bytes("08:00 王阿姨(3-2-501): 早".encode("gbk"))
    for path in (tmp_path / "none.txt", tmp_path, tmp_path / "gbk.txt"):
        done = linli("play", str(path))
        assert done.exit_code == 2 and "cannot read" in done.stderr and "Traceback" not in done.stderr


def test_odd_messages_leave_no_trace(tmp_path: Path) -> None:
    day = f"""\
08:00 王阿姨(3-2-501):{" "}
08:02 王阿姨(3-2-501): 👍👍👍
08:04 王阿姨(3-2-501): \x07\x1b[31m\x00楼道\x7f灯
08:06 王阿姨(3-2-501): {LONG}
08:08 无名: /foo
08:10 王阿姨(3-2-501): 查 999999
08:12 王阿姨(3-2-501): 不报 999999
08:14 王阿姨(没见过的标签): 查 1
08:16 何老师(5-1-401): 办结 1
"""
    done = play(tmp_path, day, "--json")
    assert done.exit_code == 0, done.stderr
    assert "Traceback" not in done.stderr
    state = json.loads(done.stdout)
    assert state["tickets"] == []
    assert [message["text"].split("，")[0] for message in state["messages"]] == [
        "没有 #999999",
        "没有 #999999",
        "没有 #1",
        "没有 #1",
    ]


def test_classify_answers_every_line() -> None:
    lines = ["楼道灯又不亮了", "", "哈哈哈", LONG, "\x00\x07", "电梯里有人困住了快来人"]
    command, given = [sys.executable, "-m", "bot", "classify"], "\n".join(lines) + "\n"
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["text"] for each in found] == lines
    keys = {"text", "ticket", "kind", "category", "urgent", "probability", "runner_up", "reasons"}
    assert all(set(each) == keys for each in found)
    assert found[0]["ticket"] and found[0]["category"] == "power"
    assert found[5]["urgent"] and found[5]["category"] == "lift"
    assert not found[1]["ticket"] and not found[2]["ticket"]


def test_every_command_has_help_and_an_example() -> None:
    for command in ([], ["play"], ["classify"], ["run"], ["demo"], ["doctor"], ["db", "upgrade"], ["db", "check"]):
        done = linli(*command, "--help")
        assert done.exit_code == 0
        assert not command or "Example: " in done.stdout
