"""`linli …`: every command with help and an example."""

import asyncio
import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.rules import Rules

if TYPE_CHECKING:
    from bot.config import Settings

cli = typer.Typer(
    help="linli (邻里): a chat bot for residents, building heads and the community's Party groups.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
database_commands = typer.Typer(help="The database's schema.", no_args_is_help=True)
cli.add_typer(database_commands, name="db")
wechat_commands = typer.Typer(help="The bot's WeChat account.", no_args_is_help=True)
cli.add_typer(wechat_commands, name="wechat")

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings in TOML; see config.example.toml. Without it: the defaults.")
]


def _fail(message: str, code: int = 2) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(code)


def _settings(config: Path | None) -> "Settings":
    from bot.config import ConfigError, load

    try:
        return load(config)
    except ConfigError as error:
        raise _fail(str(error)) from error


@cli.command(epilog="Example: linli run --config config.toml")
def run(config: ConfigFile = None) -> None:
    """Run the service with the transport of the settings."""
    from bot.service import serve

    asyncio.run(serve(_settings(config), demo=False))


@cli.command(epilog="Example: linli demo")
def demo(config: ConfigFile = None) -> None:
    """The demo compound in this terminal: several people at one keyboard."""
    from bot.service import serve

    asyncio.run(serve(_settings(config), demo=True))


@cli.command(epilog="Example: linli play monday.txt --json")
def play(
    file: Annotated[Path, typer.Argument(help="A transcript: `HH:MM name(room): text`, one message a line.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the chat.")] = False,
    day: Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Its first day.")] = None,
) -> None:
    """Play a transcript through the whole bot, on a database of its own, at the transcript's own clock."""
    from bot.play import TranscriptError, dump, play_lines, read_transcript, render

    rules = Rules()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _fail(
            f"cannot read {file}: {error.strerror if isinstance(error, OSError) else 'not UTF-8 text'}"
        ) from error
    first = day.date() if day else date(2026, 11, 23)
    try:
        lines = read_transcript(text, first, rules)
    except TranscriptError as error:
        raise _fail(f"{file}: {error}") from error
    state = asyncio.run(play_lines(lines, file.stem, rules))
    typer.echo(dump(state) if as_json else render(lines, file.stem, state))


@cli.command(epilog="Example: echo 3楼灯不亮 | linli classify")
def classify() -> None:
    """Classify one message a line from standard input; prints one JSON object a line."""
    from classifier import Classifier, load_lexicon

    classifier = Classifier(load_lexicon())
    names = ("ticket", "kind", "category", "urgent", "probability", "runner_up", "reasons")
    reader = open(sys.stdin.fileno(), encoding="utf-8", errors="replace", newline="\n", closefd=False)  # noqa: SIM115
    for raw in reader:
        text = raw.rstrip("\r\n")
        guess = classifier.guess(text)
        values = {"text": text, **{name: getattr(guess, name) for name in names}}
        typer.echo(json.dumps(values, ensure_ascii=False))


@database_commands.command("upgrade", epilog="Example: linli db upgrade --config config.toml")
def db_upgrade(config: ConfigFile = None) -> None:
    """Bring the database to the newest schema."""
    from bot.service import reason
    from storage.migrate import newest, upgrade

    settings = _settings(config)
    try:
        changed = upgrade(settings.database.url)
    except Exception as error:
        raise _fail(f"the database cannot be opened: {reason(error)} (`linli doctor` says what to do)", 1) from None
    typer.echo(f"{'upgraded to' if changed else 'already at'} {newest()}")


@database_commands.command("check", epilog="Example: linli db check")
def db_check() -> None:
    """Build an empty database by the migrations and compare it with the models; fails where they differ."""
    import tempfile

    from storage.migrate import drift, upgrade

    with tempfile.TemporaryDirectory(prefix="linli-check-") as folder:
        url = f"sqlite:///{Path(folder) / 'check.db'}"
        upgrade(url)
        found = drift(url)
    for difference in found:
        typer.echo(str(difference))
    if found:
        raise _fail("models and migrations differ: write a migration", 1)
    typer.echo("models and migrations agree")


@wechat_commands.command("login", epilog="Example: linli wechat login --config config.toml")
def wechat_login(config: ConfigFile = None) -> None:
    """Log the account in at the gateway: shows the code to scan with the phone."""
    from dataclasses import replace

    from bot.service import platform_transport

    settings = _settings(config)
    settings = replace(settings, bot=replace(settings.bot, transport="wechat"))
    transport: Any = platform_transport(settings)
    typer.echo("asking the gateway for a code to scan …")
    try:
        account = asyncio.run(transport.login(_show_code))
    except Exception as error:
        raise _fail(f"{error} (`linli doctor` says what to do)", 1) from None
    typer.echo(f"logged in: {account}. Now start linli run.")


def _show_code(code: str) -> None:
    """Drawn with half blocks, light on black whatever the terminal's colours are, so that a phone reads it."""
    import io

    import segno

    drawn = io.StringIO()
    segno.make(code, error="l").terminal(drawn, compact=True)
    for line in drawn.getvalue().splitlines():
        typer.echo(f"\x1b[97;40m{line}\x1b[0m")
    typer.echo("scan it in WeChat on the bot's phone and confirm there; a new code comes when this one is too old")


@cli.command(epilog="Example: linli doctor --config config.toml")
def doctor(config: ConfigFile = None) -> None:
    """Say what is misconfigured and how to mend it. Exit code 1 where something must be mended."""
    from bot.doctor import examine

    findings = asyncio.run(examine(config))
    for finding in findings:
        typer.echo(str(finding))
    if any(finding.serious for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    cli()
