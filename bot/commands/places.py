"""`linli compound unplaced`: who has no place in the organisation yet, as a table."""

import asyncio
import csv
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.surroundings import ConfigFile, fail, on_database
from domain.people import Unplaced


def unplaced(
    name: Annotated[str, typer.Argument(help="The compound.")],
    out: Annotated[Path, typer.Option("--out", help="The .csv to write: doors and numbers, no names.")],
    config: ConfigFile = None,
) -> None:
    """Write the homes that no member household looks after, with how many known residents are in no body yet."""
    from storage import offices, rosters
    from storage.database import Tx
    from texts import say

    def read(tx: Tx) -> list[Unplaced] | None:
        compound = rosters.find_compound(tx, name.strip())
        return None if compound is None else offices.unplaced(tx, compound)

    homes = asyncio.run(on_database(config, lambda database: database.run(read)))
    if homes is None:
        raise fail(f"no compound is called {name}", 1)
    try:
        with out.open("w", encoding="utf-8-sig", newline="") as file:  # the mark lets Excel read the Chinese
            table = csv.writer(file)
            table.writerow(say("bodies.columns").split())
            table.writerows((home.building, home.unit, home.room, home.residents) for home in homes)
    except OSError as error:
        raise fail(f"cannot write {error.filename}: {error.strerror}", 1) from None
    typer.echo(f"{len(homes)} homes, {sum(home.residents for home in homes)} known residents: {out}")
