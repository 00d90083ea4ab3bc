"""`linli run`, `linli demo`: logs, schema, database, people, transport; then the bot until its transport ends."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from bot.config import TELEGRAM_TOKEN, WECHAT_TOKEN, Settings
from bot.inbox import utc_now
from bot.terminal_desk import Neighbour, Neighbourhood
from bot.terminal_transport import TerminalTransport
from bot.transport import StartError, Transport
from storage import outbox, people, places, timers
from storage.database import Database, Tx, open_database
from storage.migrate import upgrade
from texts import wording


async def serve(settings: Settings, *, demo: bool) -> None:
    """Run one bot until its transport ends. SystemExit with one line where it cannot run as it is set up."""
    folder = data_folder(settings)
    log_file = folder / "linli.log"
    terminal = demo or settings.bot.transport == "terminal"
    _write_log(log_file, screen=not terminal)
    try:
        platform = None if terminal else platform_transport(settings)
        async with opened(settings.database.url) as database:
            from bot.app import App

            transport = platform or await _terminal(settings.bot.id, database, log_file, demo=demo)
            async with transport:
                app = App(
                    database,
                    transport,
                    settings.rules,
                    admins=settings.bot.admins,
                    files=folder / "files",
                    largest_file=settings.files.most_megabytes * 1_000_000,
                )
                await _until_ended(app.run())
    except StartError as error:
        raise SystemExit(f"linli: {error}") from None


async def _terminal(bot_id: str, database: Database, log_file: Path, *, demo: bool) -> Transport:
    names = await _stand_up(database, bot_id) if demo else ()
    here = await database.read(neighbourhood, bot_id, names)
    return TerminalTransport(bot_id, here, due=partial(_due, database, bot_id), log_file=log_file)


def platform_transport(settings: Settings) -> Transport:
    """The transport to a real platform. StartError where its token or its package is missing."""
    files = data_folder(settings) / "files"
    try:
        if settings.bot.transport == "telegram":
            from bot.telegram_transport import TelegramTransport

            telegram = settings.telegram
            return TelegramTransport(
                settings.bot.id,
                _token(TELEGRAM_TOKEN, "@BotFather gives it"),
                api=telegram.api,
                files=files,
                webhook=telegram.webhook,
                listen=telegram.listen,
            )
        from bot.wechat_transport import WechatTransport

        wechat = settings.wechat
        token = _token(WECHAT_TOKEN, "it is the gateway's")
        ca = Path(wechat.ca) if wechat.ca else None
        return WechatTransport(settings.bot.id, token, wechat.gateway, ca=ca, name=wechat.name, files=files)
    except ModuleNotFoundError as error:
        extra = settings.bot.transport
        raise StartError(f"the package {error.name} is missing", f'run pip install "linli[{extra}]"') from None


def _token(name: str, whence: str) -> str:
    token = os.environ.get(name, "").strip()
    if not token:
        raise StartError("there is no token", f"set the environment variable {name}: {whence}")
    return token


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """The database at the newest schema, started; one line instead of a trace where that cannot be."""
    try:
        database = open_database(url)
        await asyncio.to_thread(upgrade, url)
        await database.start()
    except Exception as error:
        line = f"linli: the database cannot be opened: {reason(error)} (`linli doctor` says what to do)"
        raise SystemExit(line) from None
    try:
        yield database
    finally:
        await database.close()


def reason(error: BaseException) -> str:
    """The driver's own words in one line, without statement and parameters."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(".")


async def _stand_up(database: Database, bot_id: str) -> tuple[str, ...]:
    """The demo compound, built if it does not stand yet. Returns the names of its cast."""
    from bot.demo import build, facts

    if await database.read(places.find_chat, bot_id, facts()["chat_all"]) is None:
        await database.run(build, bot_id)
    return tuple(person["name"] for person in facts()["cast"])


def neighbourhood(tx: Tx, bot_id: str, names: Iterable[str] = ()) -> Neighbourhood:
    """The chats, and the people of `names` and all who hold an office: those whom the terminal completes."""
    chats = places.all_chats(tx, bot_id)
    compounds = dict.fromkeys(chat.place.compound_id for chat in chats)
    bodies = [body for compound in compounds for body in people.bodies_of_compound(tx, compound)]
    officers = [officer[0] for body in bodies for officer in people.officers(tx, bot_id, body.id)]
    found = []
    for user in dict.fromkeys((*names, *officers)):
        if person := people.find_person(tx, bot_id, user):
            place = person.place
            home = wording.place(place.building, place.unit) if place else ""
            about = person.posts[-1].body.name if person.posts else home
            found.append(Neighbour(user, about, place.building if place else "", bool(person.posts)))
    return Neighbourhood(tuple(chats), tuple(found))


async def _due(database: Database, bot_id: str) -> bool:
    """Something is to be said at this moment."""
    now = utc_now()
    moments = (await database.peek(outbox.next_due, bot_id=bot_id), await database.peek(timers.next_due))
    return any(moment is not None and moment <= now for moment in moments)


async def _until_ended(work: Awaitable[object]) -> None:
    """Until the work is done or the system asks the process to end; either way what was begun is closed well."""
    task = asyncio.ensure_future(work)
    with suppress(NotImplementedError):  # Windows
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise


def data_folder(settings: Settings) -> Path:
    """Where files stand: beside the SQLite database, else data/."""
    scheme, _, rest = settings.database.url.partition(":///")
    return Path(rest.partition("?")[0]).parent if scheme.startswith("sqlite") else Path("data")


class _JsonLines(logging.Formatter):
    """One JSON object a line: when, how grave, who says it, what."""

    def format(self, record: logging.LogRecord) -> str:
        parts = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            # PostgreSQL quotes the row it refuses: people's words.
            parts["trace"] = "\n".join(line for line in trace if not line.startswith("DETAIL:"))
        return json.dumps(parts, ensure_ascii=False)


def _write_log(file: Path, *, screen: bool) -> None:
    """Log to a file, and to stderr where no chat is on the screen; where the file cannot be written, what is grave."""
    handlers: list[logging.Handler] = [logging.StreamHandler()] if screen else []
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(file, encoding="utf-8"))
    except OSError:
        if not screen:
            handlers.append(logging.StreamHandler())
            handlers[0].setLevel(logging.ERROR)
    for handler in handlers:
        handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    for name in ("apscheduler", "alembic", "jieba", "httpx", "httpcore", "telegram", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
