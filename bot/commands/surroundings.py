"""What commands share: the settings file, one line where something is wrong, a database, the keys."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from bot.config import Settings
    from storage.database import Database
    from storage.vault import Vault

T = TypeVar("T")

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings in TOML; see config.example.toml. Without it: the defaults.")
]


def fail(message: str, code: int = 2) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(code)


def load_settings(config: Path | None) -> "Settings":
    from bot.config import ConfigError, load

    try:
        return load(config)
    except ConfigError as error:
        raise fail(str(error)) from error


def vault() -> "Vault | None":
    from storage.vault import KeysError, vault

    try:
        return vault()
    except KeysError as error:
        raise fail(str(error)) from None


async def on_database(config: Path | None, work: Callable[["Database"], Awaitable[T]]) -> T:
    from bot.service import opened

    async with opened(load_settings(config).database.url) as database:
        return await work(database)


@contextmanager
def refusals_told() -> Iterator[None]:
    """One line where the rules refuse what was asked."""
    from domain.errors import Refusal
    from texts import say

    try:
        yield
    except Refusal as refusal:
        raise fail(say(refusal.code, **refusal.data), 1) from None
