"""`linli figures`: a compound's month as a workbook."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.commands.surroundings import ConfigFile, fail, load_settings
from bot.service import opened
from domain import figures
from domain.people import Place
from domain.rules import Rules
from services import rights, ticket_figures
from services.turn import Turn
from storage import rosters
from storage.database import Tx
from texts import say

figure_commands = typer.Typer(help="The figures of tickets.", no_args_is_help=True)


@figure_commands.command("export", epilog="Example: linli figures export Tonghu --month 2026-11 --out november.xlsx")
def export(
    compound: Annotated[str, typer.Argument(help="The compound, as its roster was imported.")],
    month: Annotated[datetime, typer.Option(formats=["%Y-%m"], help="The month, as 2026-11.")],
    out: Annotated[Path, typer.Option(help="The .xlsx file to write.")],
    config: ConfigFile = None,
) -> None:
    """Write a month's tickets, rates and heat table; a closed month as it was frozen. It goes into the audit log."""
    settings = load_settings(config)

    async def gather() -> dict[str, Any] | None:
        async with opened(settings.database.url) as database:
            return await database.run(_content, settings.bot.id, settings.rules, compound, month.date())

    content = asyncio.run(gather())
    if content is None:
        raise fail(f"no compound {compound}", 1)
    try:
        from bot.figure_sheets import write

        out.write_bytes(write(content))
    except ModuleNotFoundError as error:
        raise fail(f'the package {error.name} is missing; run pip install "linli[rosters]"', 1) from None
    except OSError as error:
        raise fail(f"cannot write to {out}: {error.strerror}", 1) from None
    typer.echo(f"{out}  {len(content['tickets'])} tickets  sha256 {content['digest']}")


def _content(tx: Tx, bot_id: str, rules: Rules, compound: str, day: date) -> dict[str, Any] | None:
    found = rosters.find_compound(tx, compound)
    if not found:
        return None
    turn = Turn(tx, bot_id, "figures", datetime.now(UTC), rules)
    body = rights.body_at(turn, Place(found))
    return ticket_figures.export(turn, body, figures.month(day, rules.zone), by=None, who=say("figures.operator"))
