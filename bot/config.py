"""Settings: typed and frozen, from one TOML file, secrets from the environment; all mistakes are told at once."""

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date, time
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, get_type_hints
from zoneinfo import ZoneInfo

from domain.rules import Rules

DATABASE_URL = "LINLI_DATABASE_URL"  # the environment's word on where the database is; may hold a password
TELEGRAM_TOKEN = "LINLI_TELEGRAM_TOKEN"  # from BotFather; only ever in the environment
WECHAT_TOKEN = "LINLI_WECHAT_TOKEN"
TRANSPORTS = ("terminal", "telegram", "wechat")
MOST = 100_000  # of seconds, minutes, hours, days


class ConfigError(Exception):
    """Settings that cannot be used. `errors`: every mistake, each with its key, what is wrong, what to write."""

    def __init__(self, source: str, *errors: str) -> None:
        self.source, self.errors = source, errors
        many = f"{len(errors)} mistakes" if len(errors) > 1 else "1 mistake"
        super().__init__("\n  - ".join((f"{source}: {many}", *errors)))


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    url: str = field(default="sqlite:///data/linli.db", repr=False)


@dataclass(frozen=True, slots=True)
class BotSettings:
    """id: this bot's name in the database; once in use it is not changed. transport: where it talks.
    admins: user ids on that platform of those who are told when a chat or the line is lost."""

    id: str = "linli"
    transport: str = "terminal"
    admins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TelegramSettings:
    """webhook: the https address Telegram posts to ("" asks Telegram instead), served at `listen` behind a reverse
    proxy. api: another Bot API server than Telegram's own."""

    webhook: str = ""
    listen: str = "127.0.0.1:8081"
    api: str = "https://api.telegram.org"


@dataclass(frozen=True, slots=True)
class WechatSettings:
    """gateway: host:port of the Wechaty puppet service. ca: the file of the certificate authority its certificate is
    checked by; "" speaks without TLS, which is only allowed to this machine itself. name: as in the certificate, where
    it differs from the host."""

    gateway: str = "127.0.0.1:8788"
    ca: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class FileSettings:
    """most_megabytes: larger pictures, voice notes and documents are not fetched."""

    most_megabytes: int = 10


@dataclass(frozen=True, slots=True)
class Settings:
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    bot: BotSettings = field(default_factory=BotSettings)
    telegram: TelegramSettings = field(default_factory=TelegramSettings)
    wechat: WechatSettings = field(default_factory=WechatSettings)
    files: FileSettings = field(default_factory=FileSettings)
    rules: Rules = field(default_factory=Rules)


def load(path: Path | None) -> Settings:
    """The settings of a file, or the defaults; in both cases the environment says last where the database is."""
    settings = read(path) if path else Settings()
    url = os.environ.get(DATABASE_URL, "").strip()
    if not url:
        return settings
    try:
        _url(url)
    except ValueError as error:
        raise ConfigError("environment", f"{DATABASE_URL}: {error}") from None
    return replace(settings, database=DatabaseSettings(url))


def read(path: Path) -> Settings:
    """The settings of one file, without the environment."""
    try:
        tables = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(str(path), "there is no such file; copy config.example.toml and change it") from None
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"not UTF-8 text (byte {error.start}); save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"not TOML: {error}; compare with config.example.toml") from None
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    errors = list(_unknown(tables, Settings()))
    settings: Settings = _fill(Settings(), tables, "", errors)
    if not errors:
        errors += [*_together(settings.rules), *_open_line(settings.wechat)]
    if re.search(r"://[^/@]*:[^@]+@", settings.database.url):
        errors.append(f"database.url: a password does not belong in a file; leave url out and set {DATABASE_URL}")
    if errors:
        raise ConfigError(str(path), *errors)
    return settings


def keys(settings: Any = None, above: str = "") -> Iterator[tuple[str, Any]]:
    """Every key with its value: ("rules.numbers.lift", "")."""
    settings = Settings() if settings is None else settings
    for each in fields(settings):
        value, key = getattr(settings, each.name), f"{above}{each.name}"
        if is_dataclass(value):
            yield from keys(value, f"{key}.")
        else:
            yield key, value


def _unknown(table: dict[str, Any], known: Any, above: str = "") -> Iterator[str]:
    """Keys that are no settings, each with the setting it was probably meant to be."""
    names = {each.name for each in fields(known)}
    for name, value in table.items():
        inner = getattr(known, name, None) if name in names else None
        if name not in names:
            yield f"{above}{name}: no such setting{_nearest(f'{above}{name}')}"
        elif is_dataclass(inner) and isinstance(value, dict):
            yield from _unknown(value, inner, f"{above}{name}.")


def _nearest(key: str) -> str:
    paths = [path for path, _ in keys()]
    paths += sorted({path.rsplit(".", depth)[0] for path in paths for depth in range(1, path.count(".") + 1)})
    last = {path.rsplit(".", 1)[-1]: path for path in reversed(paths)}
    name = key.rsplit(".", 1)[-1]
    if name in last:
        found = last[name]
    elif close := get_close_matches(key, paths, 1, 0.6):
        found = close[0]
    elif close := get_close_matches(name, last, 1, 0.6):
        found = last[close[0]]
    else:
        return "; see config.example.toml"
    return f"; did you mean {found}?"


def _fill(settings: Any, table: dict[str, Any], above: str, errors: list[str]) -> Any:
    """`settings` with what the table says; what it says wrongly goes to `errors`."""
    hints = get_type_hints(type(settings))
    said: dict[str, Any] = {}
    for each in fields(settings):
        if each.name not in table:
            continue
        key, value, default = f"{above}{each.name}", table[each.name], getattr(settings, each.name)
        if not is_dataclass(default):
            try:
                said[each.name] = _checked(key, value, hints[each.name])
            except ValueError as error:
                errors.append(f"{key}: {error}, found {_shown(value)}; write {each.name} = {_hint(value, default)}")
        elif isinstance(value, dict):
            said[each.name] = _fill(default, value, f"{key}.", errors)
        else:
            errors.append(f"{key}: expected a table, found {_shown(value)}; write [{key}] on a line of its own")
    return replace(settings, **said)


def _checked(key: str, value: Any, kind: Any) -> Any:
    """The value if it is of its kind and means something. ValueError says what was expected."""
    from pydantic import Field, TypeAdapter, ValidationError  # 0.1 s, and only for those who have a file

    forms: dict[Any, Any] = {int: Annotated[int, Field(gt=0, le=MOST)], tuple[str, ...]: list[str]}
    try:
        value = TypeAdapter(forms.get(kind, kind)).validate_python(value, strict=True)
    except ValidationError:
        raise ValueError(f"expected {_KINDS.get(kind, kind)}") from None
    check = _CHECKS.get(key) or _CHECKS_OF_TABLES.get((key.rsplit(".", 1)[0], kind))
    if check:
        check(value)
    return tuple(value) if isinstance(value, list) else value


def _url(value: str) -> None:
    scheme, separator, rest = value.partition("://")
    sqlite = scheme in ("sqlite", "sqlite+pysqlite") and rest.startswith("/") and len(rest) > 1
    postgres = scheme in ("postgresql", "postgres", "postgresql+asyncpg") and len(rest.strip("/")) > 0
    if not separator or not (sqlite or postgres) or ":memory:" in value:
        raise ValueError("expected sqlite:///path/to/linli.db or postgresql://user@host/name")


def _zone(value: str) -> None:
    try:
        ZoneInfo(value)
    except Exception:  # whatever zoneinfo thinks of a strange key: ValueError, OSError, its own
        raise ValueError("expected a time zone of the IANA list") from None


def _hour(value: str) -> None:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value, re.ASCII):
        raise ValueError("expected an hour as HH:MM, 00:00 to 23:59")


def _number(value: str) -> None:
    if not re.fullmatch(r"(\+?\d[\d -]{1,22})?", value, re.ASCII):
        raise ValueError("expected a number to call, of digits, or nothing")


def _id(value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise ValueError("expected 1 to 64 letters, digits, - or _")


def _transport(value: str) -> None:
    if value not in TRANSPORTS:
        raise ValueError(f"expected one of {', '.join(TRANSPORTS)}")


def _webhook(value: str) -> None:
    if value and not re.fullmatch(r"https://[^/\s?#]+/[^\s?#]+", value):
        raise ValueError("expected https://host/path, a path that nobody guesses, or nothing")


def _web(value: str) -> None:
    if not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", value):
        raise ValueError("expected http://host or https://host")


def _port(value: str) -> None:
    if not re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5}", value):
        raise ValueError("expected host:port")


_KINDS = MappingProxyType(
    {
        int: f"a whole number from 1 to {MOST}",
        str: "a text in quotes",
        bool: "true or false",
        tuple[str, ...]: "a list of texts in quotes",
    }
)
_CHECKS = MappingProxyType(
    {
        "database.url": _url,
        "bot.id": _id,
        "bot.transport": _transport,
        "telegram.webhook": _webhook,
        "telegram.listen": _port,
        "telegram.api": _web,
        "wechat.gateway": _port,
        "rules.timezone": _zone,
    }
)
_CHECKS_OF_TABLES = MappingProxyType({("rules", str): _hour, ("rules.numbers", str): _number})


def _together(rules: Rules) -> Iterator[str]:
    """What each is right alone and wrong together."""
    reports = [(name, getattr(rules, name)) for name in ("report_morning", "report_noon", "report_evening")]
    for (earlier, before), (later, after) in pairwise(reports):
        if after <= before:
            yield f"rules.{later}: {after} is not after rules.{earlier} ({before}); write a later hour"
    if rules.report_cutoff >= rules.report_evening:
        yield f"rules.report_cutoff: {rules.report_cutoff} is not before rules.report_evening ({rules.report_evening})"
    if rules.quiet_from > rules.quiet_to > rules.report_noon:
        yield f"rules.quiet_to: {rules.quiet_to} is after rules.report_noon ({rules.report_noon})"
    if rules.quiet_from == rules.quiet_to:
        yield f"rules.quiet_to: the same as rules.quiet_from ({rules.quiet_to}); write the hour at which quiet ends"


def _open_line(wechat: WechatSettings) -> Iterator[str]:
    host = wechat.gateway.rpartition(":")[0]
    if not wechat.ca and not re.fullmatch(r"localhost|127(\.\d+){3}|\[::1\]", host):
        yield f"wechat.ca: the line to {host} must be encrypted; name the file of its certificate authority"


def _hint(value: Any, default: Any) -> str:
    """What to write instead: the default as an example, or the number they meant, in quotes."""
    if default == "":
        return f'"{value}" or ""' if type(value) is int else '""'
    return f"{_shown(default)}, for example"


def _shown(value: Any) -> str:
    """A value as it stands in TOML, long ones cut."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        value = re.sub(r"//.*@", "//…@", value)  # no password of a database url
        return '"' + (value if len(value) <= 40 else f"{value[:40]}…") + '"'
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, time | date):
        return value.isoformat()
    return str(value)
