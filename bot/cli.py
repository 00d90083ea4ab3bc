"""`linli …`: every command with help and an example."""

import asyncio
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from bot.founding import compound_commands
from domain.rules import Rules

T = TypeVar("T")
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.config import Settings
    from domain.rosters import Roster
    from storage.database import Database
    from storage.vault import Vault

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
roster_commands = typer.Typer(help="Rosters of residents, from Excel or CSV files.", no_args_is_help=True)
cli.add_typer(roster_commands, name="roster")
audit_commands = typer.Typer(help="The audit log.", no_args_is_help=True)
cli.add_typer(audit_commands, name="audit")
cli.add_typer(compound_commands, name="compound")
key_commands = typer.Typer(help="The keys that encrypt phones and identity cards.", no_args_is_help=True)
cli.add_typer(key_commands, name="keys")

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
    from bot.wechat_gateway import draw

    settings = _settings(config)
    settings = replace(settings, bot=replace(settings.bot, transport="wechat"))
    transport: Any = platform_transport(settings)
    typer.echo("asking the gateway for a code to scan …")
    try:
        account = asyncio.run(transport.login(lambda code: typer.echo(draw(code))))
    except Exception as error:
        raise _fail(f"{error} (`linli doctor` says what to do)", 1) from None
    typer.echo(f"logged in: {account}. Now start linli run.")


RosterFile = Annotated[Path, typer.Argument(help="The roster: .xlsx, .xls or .csv.")]


@roster_commands.command(
    "check", epilog="Example: linli roster check 名册.xlsx --errors 要改的.xlsx --compound 幸福小区"
)
def roster_check(
    file: RosterFile,
    errors: Annotated[Path | None, typer.Option("--errors", help="Write the table once more, with the faults.")] = None,
    compound: Annotated[str, typer.Option("--compound", help="Compare with this compound in the database.")] = "",
    config: ConfigFile = None,
) -> None:
    """Say what is wrong with a roster, and what it would change. Writes nothing; exit code 1 where it is faulty."""
    roster = _roster(file, errors)
    if roster.faulty:
        raise typer.Exit(1)
    if compound:
        asyncio.run(_compare(_settings(config), roster, compound.strip()))


@roster_commands.command("import", epilog="Example: linli roster import 名册.xlsx --compound 幸福小区")
def roster_import(
    file: RosterFile,
    compound: Annotated[str, typer.Option("--compound", help="The compound's name; it is made where there is none.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigFile = None,
) -> None:
    """Bring a compound to what the roster says: all of it or nothing. Asks before it writes."""
    from texts import say

    if not compound.strip():
        raise _fail("--compound: a name is needed")
    settings, roster = _settings(config), _roster(file, None)
    if roster.faulty:
        raise _fail(say("rosters.faulty"), 1)
    asyncio.run(_import(settings, roster, file, compound.strip(), yes))


@roster_commands.command("undo", epilog="Example: linli roster undo 17")
def roster_undo(
    batch: Annotated[int | None, typer.Argument(help="Its number; without it: the newest.")] = None,
    compound: Annotated[str, typer.Option("--compound", help="The newest of this compound.")] = "",
    config: ConfigFile = None,
) -> None:
    """Take back the last import of a compound; what somebody changed since stays."""
    asyncio.run(_undo(_settings(config), batch, compound.strip()))


@roster_commands.command("template", epilog="Example: linli roster template 名册.xlsx")
def roster_template(file: Annotated[Path, typer.Argument(help="The .xlsx to write.")]) -> None:
    """Write an empty roster to fill in."""
    from bot.roster_sheets import write_template
    from texts import say

    with _readable():
        file.open("wb").close()  # the system's own word where it cannot be written
        write_template(file)
    typer.echo(say("rosters.template_written", path=file))


@contextmanager
def _readable() -> Iterator[None]:
    """One line where a file cannot be read or written, or a package is missing."""
    from bot.roster_files import RosterFileError

    try:
        yield
    except RosterFileError as error:
        raise _fail(str(error)) from None
    except ModuleNotFoundError as error:
        raise _fail(f"the package {error.name} is missing: pip install 'linli[rosters]'") from None
    except OSError as error:
        raise _fail(f"cannot write {error.filename}: {error.strerror}") from None


def _roster(file: Path, errors: Path | None) -> "Roster":
    """The roster in a file, its findings printed."""
    from bot.roster_files import read
    from bot.roster_report import judged, roster_words
    from bot.roster_sheets import write_error_sheet
    from domain.rosters import read_rows
    from texts import say

    with _readable():
        sheets = read(file)
        roster = read_rows(sheets, roster_words())
        typer.echo("\n".join(judged(roster)))
        if errors and roster.findings:
            errors.open("wb").close()
            write_error_sheet(errors, sheets, roster.findings)
            typer.echo(say("rosters.marked", path=errors))
    return roster


async def _compare(settings: "Settings", roster: "Roster", compound: str) -> None:
    from bot.roster_report import difference
    from bot.service import reason
    from services import rosters
    from storage.database import open_database
    from storage.migrate import current, newest

    try:
        if await asyncio.to_thread(current, settings.database.url) != newest():
            raise _fail("the database is not at the newest schema: run linli db upgrade", 1)
        async with open_database(settings.database.url) as database:
            diff = await rosters.preview(database, compound, roster.rows, _vault())
    except typer.Exit:
        raise
    except Exception as error:
        raise _fail(f"the database cannot be opened: {reason(error)} (`linli doctor` says what to do)", 1) from None
    typer.echo("\n".join(difference(compound, diff.counts, known=diff.known, empty=diff.empty, unkept=diff.unkept)))


async def _import(settings: "Settings", roster: "Roster", file: Path, compound: str, yes: bool) -> None:
    from bot.roster_report import difference
    from bot.service import opened
    from domain.errors import Refusal
    from services import rosters
    from texts import say

    vault = _vault()
    async with opened(settings.database.url) as database:
        diff = await rosters.preview(database, compound, roster.rows, vault)
        told = difference(compound, diff.counts, known=diff.known, empty=diff.empty, unkept=diff.unkept)
        typer.echo("\n".join(told))
        if diff.empty:
            return
        if not yes and not await asyncio.to_thread(typer.confirm, say("rosters.ask")):
            raise _fail(say("rosters.not_imported"), 1)
        digest = hashlib.sha256(await asyncio.to_thread(file.read_bytes)).hexdigest()
        source = rosters.Source(file.name, digest, datetime.now(UTC))
        try:
            done = await rosters.import_roster(database, compound, roster.rows, source, vault)
        except Refusal as refusal:
            raise _fail(say(refusal.code, **refusal.data), 1) from None
        typer.echo(say("rosters.imported", batch=done.batch) if done.batch else say("rosters.diff_none"))


async def _undo(settings: "Settings", batch: int | None, compound: str) -> None:
    from bot.service import opened
    from domain.errors import Refusal
    from services import rosters
    from texts import say

    vault = _vault()
    async with opened(settings.database.url) as database:
        try:
            undone = await rosters.undo(database, vault, datetime.now(UTC), batch=batch, name=compound or None)
        except Refusal as refusal:
            raise _fail(say(refusal.code, **refusal.data), 1) from None
    typer.echo(say("rosters.undone", batch=undone.batch))
    if left := undone.left:
        typer.echo(say("rosters.undone_left", **left))


def _vault() -> "Vault | None":
    from storage.vault import KeysError, vault

    try:
        return vault()
    except KeysError as error:
        raise _fail(str(error)) from None


@audit_commands.command("verify", epilog="Example: linli audit verify --config config.toml")
def audit_verify(config: ConfigFile = None) -> None:
    """Recompute the audit log's chains; exit code 1 where a row was changed, deleted or inserted."""
    from services import seals

    lines, whole = asyncio.run(_on_database(config, seals.verify))
    typer.echo("\n".join(lines))
    if not whole:
        raise typer.Exit(1)


@key_commands.command("new", epilog="Example: export LINLI_KEYS=$(linli keys new)")
def keys_new() -> None:
    """Print a new key. Put it first in LINLI_KEYS, leave the old ones behind it, restart, then rotate."""
    from storage.vault import new_key

    typer.echo(new_key())


@key_commands.command("rotate", epilog="Example: linli keys rotate --config config.toml")
def keys_rotate(config: ConfigFile = None) -> None:
    """Encrypt everything anew with the first key of LINLI_KEYS."""
    from services import privacy
    from storage.vault import VARIABLE, KeysError

    ring = _vault()
    if ring is None:
        raise _fail(f"{VARIABLE} is not set: nothing is stored that a key could open")
    try:
        count = asyncio.run(_on_database(config, lambda database: privacy.rotate(database, ring)))
    except KeysError as error:
        raise _fail(str(error), 1) from None
    typer.echo(f"{count} rows encrypted anew; the older keys can be taken out once this says 0")


async def _on_database(config: Path | None, work: "Callable[[Database], Awaitable[T]]") -> "T":
    from bot.service import opened

    async with opened(_settings(config).database.url) as database:
        return await work(database)


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
