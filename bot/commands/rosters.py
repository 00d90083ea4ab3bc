"""`linli roster …`."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.surroundings import ConfigFile, fail, load_settings, refusals_told, vault

if TYPE_CHECKING:
    from bot.config import Settings
    from domain.rosters import Roster

roster_commands = typer.Typer(help="Rosters of residents, from Excel or CSV files.", no_args_is_help=True)

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
        asyncio.run(_compare(load_settings(config), roster, compound.strip()))


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
        raise fail("--compound: a name is needed")
    settings, roster = load_settings(config), _roster(file, None)
    if roster.faulty:
        raise fail(say("rosters.faulty"), 1)
    asyncio.run(_import(settings, roster, file, compound.strip(), yes))


@roster_commands.command("undo", epilog="Example: linli roster undo 17")
def roster_undo(
    batch: Annotated[int | None, typer.Argument(help="Its number; without it: the newest.")] = None,
    compound: Annotated[str, typer.Option("--compound", help="The newest of this compound.")] = "",
    config: ConfigFile = None,
) -> None:
    """Take back the last import of a compound; what somebody changed since stays."""
    asyncio.run(_undo(load_settings(config), batch, compound.strip()))


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
        raise fail(str(error)) from None
    except ModuleNotFoundError as error:
        raise fail(f"the package {error.name} is missing: pip install 'linli[rosters]'") from None
    except OSError as error:
        raise fail(f"cannot write {error.filename}: {error.strerror}") from None


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
            raise fail("the database is not at the newest schema: run linli db upgrade", 1)
        async with open_database(settings.database.url) as database:
            with refusals_told():
                diff = await rosters.preview(database, compound, roster.rows, vault())
    except typer.Exit:
        raise
    except Exception as error:
        raise fail(f"the database cannot be opened: {reason(error)} (`linli doctor` says what to do)", 1) from None
    typer.echo("\n".join(difference(compound, diff.counts, known=diff.known, empty=diff.empty, unkept=diff.unkept)))


async def _import(settings: "Settings", roster: "Roster", file: Path, compound: str, yes: bool) -> None:
    from bot.roster_report import difference
    from bot.service import opened
    from services import rosters
    from texts import say

    ring = vault()
    async with opened(settings.database.url) as database:
        with refusals_told():
            diff = await rosters.preview(database, compound, roster.rows, ring)
        told = difference(compound, diff.counts, known=diff.known, empty=diff.empty, unkept=diff.unkept)
        typer.echo("\n".join(told))
        if diff.empty:
            return
        if not yes and not await asyncio.to_thread(typer.confirm, say("rosters.ask")):
            raise fail(say("rosters.not_imported"), 1)
        digest = hashlib.sha256(await asyncio.to_thread(file.read_bytes)).hexdigest()
        source = rosters.Source(file.name, digest, datetime.now(UTC))
        with refusals_told():
            done = await rosters.import_roster(database, compound, roster.rows, source, ring)
        typer.echo(say("rosters.imported", batch=done.batch) if done.batch else say("rosters.diff_none"))


async def _undo(settings: "Settings", batch: int | None, compound: str) -> None:
    from bot.service import opened
    from services import rosters
    from texts import say

    ring = vault()
    async with opened(settings.database.url) as database:
        with refusals_told():
            undone = await rosters.undo(database, ring, datetime.now(UTC), batch=batch, name=compound or None)
    typer.echo(say("rosters.undone", batch=undone.batch))
    if left := undone.left:
        typer.echo(say("rosters.undone_left", **left))
