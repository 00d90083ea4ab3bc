"""`linli doctor`: what is misconfigured, and how to mend it. Changes nothing and prints no password."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.config import ConfigError, Settings, keys, load
from bot.service import data_folder, platform_transport, reason
from bot.transport import StartError
from domain.people import Body, Level
from domain.rules import Rules
from storage import people, places
from storage.database import Database, Tx, open_database
from storage.migrate import current, newest
from storage.vault import VARIABLE, KeysError, vault


@dataclass(frozen=True, slots=True)
class Finding:
    """serious: linli cannot work like this. mend: what to do; "" where nothing needs to be done."""

    serious: bool
    what: str
    mend: str = ""

    def __str__(self) -> str:
        mark = "✗" if self.serious else "!" if self.mend else "✓"
        return f"{mark} {self.what}" + (f"\n  → {self.mend}" if self.mend else "")


async def examine(config: Path | None) -> list[Finding]:
    """Everything that can be seen without starting the service, the settings first."""
    try:
        settings = load(config)
    except ConfigError as error:
        return [_mistake(error.source, each) for each in error.errors]
    findings = [*_packages(settings), *_time_zone(settings.rules), *_folder(data_folder(settings))]
    findings += [*_numbers(settings.rules), *_keys()]
    if not any(finding.serious for finding in findings):
        findings += await _database(settings)
    findings += await _platform(settings)
    if not any(finding.serious for finding in findings):
        findings.append(Finding(False, "nothing serious"))
    return findings


def _mistake(source: str, words: str) -> Finding:
    what, _, mend = words.partition("; ")
    return Finding(True, f"{source}: {what}", mend or "compare with config.example.toml")


def _packages(settings: Settings) -> Iterator[Finding]:
    if settings.database.url.startswith("postgres") and not find_spec("asyncpg"):
        yield Finding(True, "PostgreSQL needs the package asyncpg", 'run pip install "linli[postgres]"')
    if not find_spec("rjieba"):
        what = "rjieba is missing: everything works, the start is slower"
        yield Finding(False, what, 'for a quicker start run pip install "linli[fast]"')


def _time_zone(rules: Rules) -> Iterator[Finding]:
    try:
        ZoneInfo(rules.timezone)
    except ZoneInfoNotFoundError:
        yield Finding(True, f"this machine does not know the time zone {rules.timezone}", "run pip install tzdata")


def _folder(folder: Path) -> Iterator[Finding]:
    """Where the log and a SQLite file stand, or the nearest folder above, in which it would be made."""
    standing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not standing.is_dir():
        yield Finding(True, f"{standing} is no folder", "move that file away, or set another database.url")
    elif not os.access(standing, os.W_OK | os.X_OK):
        what = f"{standing} may not be written by this user"
        yield Finding(True, what, f"give this user the right (chown), or set another database.url than in {folder}")


# Which line of which card (texts/zh_CN/cards.toml) falls away or says less.
_CARDS = {
    "lift": "the card for people trapped in a lift says to call 119 alone; the number stands on the lift's sticker",
    "gas": "the card for gas says to call 119 alone; the gas company's number stands on the gas bill",
    "power": "the card for fallen wires leaves out whom to call for switching off; State Grid's is 95598",
    "duty": "who finds no building head is told 110, 119 and 120 alone instead of the duty phone",
}


def _numbers(rules: Rules) -> Iterator[Finding]:
    for name, value in keys(rules.numbers):
        if not value:
            what = f"rules.numbers.{name} is empty: {_CARDS.get(name, 'the line that shows it is left out')}"
            yield Finding(False, what, f'write {name} = "…" under [rules.numbers] in the settings')


def _keys() -> Iterator[Finding]:
    try:
        if vault() is None:
            what = f"{VARIABLE} is unset: no phone and no number of an identity card is stored"
            yield Finding(False, what, f"to store them encrypted, set {VARIABLE} to what linli keys new prints")
    except KeysError as error:
        yield Finding(True, str(error), f"set {VARIABLE} to keys of linli keys new, the newest first, commas between")


async def _platform(settings: Settings) -> list[Finding]:
    """The platform itself is asked: the way there, the token, what the bot may hear."""
    if settings.bot.transport == "terminal":
        return []
    try:
        async with platform_transport(settings) as transport:
            findings = [Finding(*each) for each in await transport.examine()]
    except StartError as error:
        return [Finding(True, error.what, error.mend)]
    if not settings.bot.admins:
        what = "bot.admins is empty: nobody is told when a chat or the line is lost"
        findings.append(Finding(False, what, "name under [bot] the user ids of those who look after the bot"))
    return findings


async def _database(settings: Settings) -> list[Finding]:
    """Reachable, at this code's schema, writable; then who and what stands in it."""

    url = settings.database.url
    sqlite = Path(url.partition(":///")[2].partition("?")[0]) if url.startswith("sqlite") else None
    if sqlite and not sqlite.exists():
        return [
            Finding(
                False, f"there is no database yet at {sqlite}", "run linli db upgrade, or linli demo to look around"
            )
        ]
    try:
        revision = await asyncio.to_thread(current, url)
        if revision != newest():
            return [_outdated(revision)]
        async with open_database(url) as database:
            return await _inside(database, settings)
    except Exception as error:  # whatever the driver raises: that is what is to be reported
        what = f"the database cannot be used: {_without_password(reason(error), url)}"
        where = (
            f"the rights on {sqlite}" if sqlite else "that the server runs and that host, user and password are right"
        )
        return [Finding(True, what, f"check {where}")]


def _outdated(revision: str | None) -> Finding:
    if revision is not None and revision > newest():
        what = f"the database is at revision {revision}, newer than this program ({newest()})"
        return Finding(True, what, "install the newer linli again, or use the backup from before the upgrade")
    what = f"the database is at revision {revision or 'none'}, this program needs {newest()}"
    return Finding(True, what, "run linli db upgrade")


def _without_password(words: str, url: str) -> str:
    secret = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return words.replace(secret, "…") if secret else words


async def _inside(database: Database, settings: Settings) -> list[Finding]:
    await database.run(_may_write)
    return await database.read(_people, settings.bot.id)


def _may_write(tx: Tx) -> None:
    """Only opens a transaction for writing, which a file without the right to write refuses."""


def _people(tx: Tx, bot_id: str) -> list[Finding]:
    """Chats bound, bodies that can be reached, somebody on duty."""
    chats = places.all_chats(tx, bot_id)
    if not chats:
        mend = "linli demo builds a compound to look at; check bot.id if there were chats before"
        return [Finding(False, f"no chat is bound to a place for the bot {bot_id}", mend)]
    findings = list(_closed(tx, bot_id))
    for compound_id in sorted({chat.place.compound_id for chat in chats}):
        bodies = people.bodies_of_compound(tx, compound_id)
        findings += _silent_bodies(tx, bot_id, bodies)
        if not people.users_on_duty(tx, bot_id, compound_id):
            what = f"nobody is on duty in compound {compound_id}: an urgent ticket reaches its work chat alone"
            findings.append(Finding(False, what, "give somebody of the property company the role duty"))
    return findings


def _closed(tx: Tx, bot_id: str) -> Iterator[Finding]:
    """Chats where the bot may not speak, officers it cannot write to."""
    for title, state in places.closed_chats(tx, bot_id):
        if state == places.GONE:
            yield Finding(False, f"the bot was put out of {title}", "take it into the group again")
        else:
            yield Finding(False, f"the bot may not speak in {title}", "let it write there, as an admin if need be")
    if count := people.closed_officers(tx, bot_id):
        what = f"{count} of those in office cannot be written to privately"
        yield Finding(False, what, "ask them to open the private chat with the bot and write a word")


def _silent_bodies(tx: Tx, bot_id: str, bodies: list[Body]) -> Iterator[Finding]:
    """Bodies that hear nothing of their tickets or have nobody to answer. Member households get no tickets."""
    serving = [body for body in bodies if body.level is not Level.MEMBER_HOUSEHOLD]
    deaf = {body.name for body in serving if not places.chats_of_body(tx, body.id)}
    empty = {body.name for body in serving if not people.officers(tx, bot_id, body.id)}
    bind, appoint = "bind a work chat to each", "give a person a post in each"
    if lost := deaf & empty:
        what = f"nobody hears of the tickets for {_listed(lost)}: no work chat and nobody in office"
        yield Finding(True, what, f"{bind}, and {appoint}")
    if alone := deaf - empty:
        yield Finding(False, f"no work chat, so each in office is written to alone: {_listed(alone)}", bind)
    if unled := empty - deaf:
        yield Finding(False, f"nobody in office to take a ticket: {_listed(unled)}", appoint)


def _listed(names: set[str]) -> str:
    shown = ", ".join(sorted(names)[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
