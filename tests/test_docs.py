"""The documents name what there is: links, files, commands, jobs, settings."""

import re
from datetime import date
from functools import cache
from pathlib import Path

import pytest
import typer

from bot.cli import cli
from bot.config import Settings
from bot.config import keys as settings_keys
from bot.config import read as read_settings
from bot.play import play_lines, read_transcript, render
from classifier import load_lexicon
from dialogs import registry
from domain.people import Level, Role
from domain.rules import Rules
from scheduler.timetable import TIMETABLE

ROOT = Path(__file__).parent.parent
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
READMES = [ROOT / "README.md", ROOT / "README.zh.md"]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def quoted(text: str) -> list[str]:
    """What stands between backticks in running text."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def commands(app: typer.Typer, above: str = "linli") -> list[str]:
    own = [each.name or each.callback.__name__ for each in app.registered_commands if each.callback]
    found = [f"{above} {word}" for word in own]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        found += commands(group.typer_instance, f"{above} {group.name}")
    return found


def test_there_are_commands() -> None:
    assert "linli db upgrade" in commands(cli)


@pytest.mark.parametrize("path", DOCS, ids=name)
def test_links_resolve(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", read(path))
    local = [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    broken = [target for target in local if not (path.parent / target).exists()]
    assert not broken, f"{name(path)} links to what is not there: {broken}"


@pytest.mark.parametrize("path", DOCS, ids=name)
def test_files_named_exist(path: Path) -> None:
    files = re.compile(r"(?:[\w.-]+/)+[\w.-]+\.(?:py|toml|md|chat|txt|mako)")
    named = [span for span in quoted(read(path)) if files.fullmatch(span)]
    gone = [file for file in named if not (ROOT / file).exists()]
    assert not gone, f"{name(path)} names files that are not there: {gone}"


@pytest.mark.parametrize("path", DOCS, ids=name)
def test_make_targets_named_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.M))
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(quoted(read(path)))))
    assert named <= targets, f"{name(path)} names make targets that are not there: {named - targets}"


@pytest.mark.parametrize("path", READMES, ids=name)
def test_every_command_is_in_the_readme(path: Path) -> None:
    missing = [command for command in commands(cli) if command not in read(path)]
    assert not missing, f"{name(path)} does not tell of {missing}"


@pytest.mark.parametrize("path", READMES, ids=name)
def test_the_readme_opens_with_a_chat_and_two_commands(path: Path) -> None:
    top = read(path)[:2_000]
    missing = [word for word in ("王阿姨", "小助手", "make run", "make test") if word not in top]
    assert not missing, f"{name(path)} opens without {missing}"


@pytest.mark.parametrize("command", registry.COMMANDS, ids=lambda command: command.key)
def test_every_chat_command_is_documented(command: registry.Command) -> None:
    """By its flow and by at least one example that really starts it."""
    spans = quoted(read(ROOT / "docs/commands.md"))
    assert command.flow in spans, f"docs/commands.md does not name the flow {command.flow}"
    examples = [span for span in spans if command.match(span) is not None]
    assert examples, f"docs/commands.md has no example of words.{command.key} ({command.flow})"


@pytest.mark.parametrize("flow", registry.FLOWS)
def test_every_flow_is_documented(flow: str) -> None:
    assert flow in quoted(read(ROOT / "docs/commands.md")), f"docs/commands.md does not name the flow {flow}"


@pytest.mark.parametrize("job", TIMETABLE, ids=lambda job: job.name)
def test_every_job_is_documented(job: object) -> None:
    wanted = getattr(job, "name", "")
    assert wanted in quoted(read(ROOT / "docs/operations.md")), f"docs/operations.md does not name the job {wanted}"


def test_every_setting_is_documented() -> None:
    example = read(ROOT / "config.example.toml")
    missing = [key for key, _ in settings_keys() if not re.search(rf"^{key.split('.')[-1]} = ", example, re.M)]
    assert not missing, f"config.example.toml lacks {missing}"
    assert read_settings(ROOT / "config.example.toml") == Settings(), "config.example.toml shows the defaults"


def test_every_category_level_and_role_is_in_the_glossary() -> None:
    named = {
        *load_lexicon().codes,
        *(f"Level.{level.name}" for level in Level),
        *(f"Role.{role.name}" for role in Role),
    }
    missing = sorted(named - set(quoted(read(ROOT / "docs/glossary.md"))))
    assert not missing, f"docs/glossary.md lacks {missing}"


async def test_the_chat_in_the_readme_is_true() -> None:
    """Every line of the chat at the top of the READMEs is what docs/example.txt gives when it is played."""
    lines = read_transcript(read(ROOT / "docs/example.txt"), date(2026, 11, 23), Rules())
    played = render(lines, "example", await play_lines(lines, "example", Rules())).splitlines()
    for path in READMES:
        chat = re.search(r"```text\n(.*?)```", read(path), re.S)
        assert chat, f"{name(path)} has no chat"
        invented = [line for line in chat[1].splitlines() if line not in played]
        assert not invented, f"{name(path)} shows what the bot does not say: {invented}"
