"""`linli audit …`, `linli keys …` and `linli retention`."""

import asyncio

import typer

from bot.commands.surroundings import ConfigFile, fail, load_settings, on_database, vault

audit_commands = typer.Typer(help="The audit log.", no_args_is_help=True)
key_commands = typer.Typer(help="The keys that encrypt phones and identity cards.", no_args_is_help=True)


@audit_commands.command("verify", epilog="Example: linli audit verify --config config.toml")
def audit_verify(config: ConfigFile = None) -> None:
    """Recompute the audit log's chains; exit code 1 where a row was changed, deleted or inserted."""
    from services import seals

    lines, whole = asyncio.run(on_database(config, seals.verify))
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

    ring = vault()
    if ring is None:
        raise fail(f"{VARIABLE} is not set: nothing is stored that a key could open")
    try:
        count = asyncio.run(on_database(config, lambda database: privacy.rotate(database, ring)))
    except KeysError as error:
        raise fail(str(error), 1) from None
    typer.echo(f"{count} rows encrypted anew; the older keys can be taken out once this says 0")


def retention(config: ConfigFile = None) -> None:
    """What is kept, how long and why; and what the last nights took away."""
    from services import retention
    from texts import say

    rules = load_settings(config).rules
    runs = asyncio.run(on_database(config, lambda database: database.read(retention.last_runs, rules)))
    typer.echo("\n".join((say("retention.head_kept"), *retention.table(rules))))
    typer.echo("\n".join(("", say("retention.head_runs"), *runs)))
