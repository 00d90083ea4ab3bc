"""`linli …`: every command with help and an example."""

import asyncio
import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.compounds import compound_commands
from bot.commands.decisions import decide
from bot.commands.figures import figure_commands
from bot.commands.lexicon import lexicon_commands
from bot.commands.places import unplaced
from bot.commands.posters import poster
from bot.commands.rosters import roster_commands
from bot.commands.safety import audit_commands, key_commands, retention
from bot.commands.surroundings import ConfigFile, fail, load_settings
from bot.commands.wechat import wechat_commands
from domain.rules import Rules

cli = typer.Typer(
    help="linli (邻里): a chat bot for residents, building heads and the community's Party groups.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
database_commands = typer.Typer(help="The database's schema.", no_args_is_help=True)
for name, group in {
    "db": database_commands,
    "compound": compound_commands,
    "roster": roster_commands,
    "figures": figure_commands,
    "wechat": wechat_commands,
    "keys": key_commands,
    "audit": audit_commands,
    "lexicon": lexicon_commands,
}.items():
    cli.add_typer(group, name=name)
compound_commands.command("unplaced", epilog="Example: linli compound unplaced Tonghu --out unplaced.csv")(unplaced)
cli.command(epilog="Example: linli poster Tonghu --building 3 --out posters")(poster)
cli.command(epilog="Example: linli retention --config config.toml")(retention)
cli.command(epilog="Example: linli decide tests/vectors/two_thirds_exact.json")(decide)


@cli.command(epilog="Example: linli run --config config.toml")
def run(config: ConfigFile = None) -> None:
    """Run the service with the transport of the settings."""
    from bot.service import serve

    asyncio.run(serve(load_settings(config), demo=False))


@cli.command(epilog="Example: linli demo")
def demo(config: ConfigFile = None) -> None:
    """The demo compound in this terminal: several people at one keyboard."""
    from bot.service import serve

    asyncio.run(serve(load_settings(config), demo=True))


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
        raise fail(
            f"cannot read {file}: {error.strerror if isinstance(error, OSError) else 'not UTF-8 text'}"
        ) from error
    first = day.date() if day else date(2026, 11, 23)
    try:
        lines = read_transcript(text, first, rules)
    except TranscriptError as error:
        raise fail(f"{file}: {error}") from error
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

    settings = load_settings(config)
    try:
        changed = upgrade(settings.database.url)
    except Exception as error:
        raise fail(f"the database cannot be opened: {reason(error)} (`linli doctor` says what to do)", 1) from None
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
        raise fail("models and migrations differ: write a migration", 1)
    typer.echo("models and migrations agree")


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
