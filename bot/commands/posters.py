"""`linli poster`: what hangs in the stairwell, a PDF for each building."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.surroundings import ConfigFile, fail, load_settings
from bot.pictures import draw, invited
from bot.service import opened, platform_transport
from bot.transport import StartError
from domain.messages import File
from domain.rules import Rules
from services import posters as poster_services
from services.turn import Turn
from storage import posters, rosters
from storage.database import Tx

if TYPE_CHECKING:
    from bot.config import Settings


def poster(
    compound: Annotated[str, typer.Argument(help="The compound, as its roster was imported.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    building: Annotated[str, typer.Option(help="Only this building's.")] = "",
    config: ConfigFile = None,
) -> None:
    """Write the poster of each building as a PDF (A4): how its people join."""
    settings = load_settings(config)
    try:
        pages, (name, link) = asyncio.run(_gather(settings, compound, building))
        if not pages:
            raise fail(f"no such building in {compound}" if building else f"no compound {compound} with buildings", 1)
        out.mkdir(parents=True, exist_ok=True)
        for page in pages:
            assert page.drawing is not None
            made = draw(page.drawing.template, invited(page.drawing, name, link), format="pdf")
            (out / page.ref).write_bytes(made)
            typer.echo(str(out / page.ref))
    except StartError as error:
        raise fail(f"{error.what}; {error.mend}", 1) from None
    except ModuleNotFoundError as error:
        raise fail(f'the package {error.name} is missing; run pip install "linli[pictures]"', 1) from None
    except OSError as error:
        raise fail(f"cannot write to {out}: {error.strerror}", 1) from None


async def _gather(settings: "Settings", compound: str, building: str) -> tuple[list[File], tuple[str, str]]:
    """The pages, and how this bot is found on its platform."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(settings.database.url))
        pages = await database.read(_pages, settings.bot.id, settings.rules, compound, building)
        if not pages or settings.bot.transport == "terminal":
            return pages, ("", "")
        transport = await stack.enter_async_context(platform_transport(settings))
        try:
            return pages, await transport.invitation()
        except Exception as error:
            what = f"{settings.bot.transport} does not say how the bot is called ({type(error).__name__})"
            raise StartError(what, "`linli doctor` says what to do") from None


def _pages(tx: Tx, bot_id: str, rules: Rules, compound: str, building: str) -> list[File]:
    turn = Turn(tx, bot_id, "poster", datetime.now(UTC), rules)
    found = posters.of_compound(tx, rosters.find_compound(tx, compound) or 0)
    return [poster_services.page(turn, each) for each in found if building in ("", each.building)]
