"""What a bot asks: the parameters of one call, however they were posted, and the error Telegram answers with."""

import json
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

Json = dict[str, Any]
# These are words even if they look like numbers or JSON.
WORDS = frozenset(
    {
        "text",
        "caption",
        "url",
        "secret_token",
        "file_id",
        "callback_query_id",
        "parse_mode",
        "action",
        "language_code",
        "ip_address",
        "photo",
        "voice",
        "video",
        "document",
        "message_effect_id",
        "business_connection_id",
    }
)


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    mime: str
    data: bytes


class ApiError(Exception):
    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters

    def answer(self) -> Json:
        body: Json = {"ok": False, "error_code": self.code, "description": self.description}
        return body | ({"parameters": self.parameters} if self.parameters else {})


def bad(description: str, **parameters: int) -> ApiError:
    return ApiError(400, f"Bad Request: {description}", **parameters)


class Params:
    """The parameters of one call; forms and JSON bodies read the same."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def text(self, name: str) -> str:
        value = self.values.get(name)
        return "" if value is None else str(value)

    def number(self, name: str, default: int | None = None) -> int | None:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, int):
            return int(value)
        raise bad(f"invalid {name} specified")

    def fraction(self, name: str) -> float:
        value = self.values.get(name)
        if not isinstance(value, int | float):
            raise bad(f'can\'t parse "{name}"')
        return float(value)

    def flag(self, name: str) -> bool:
        return self.values.get(name) in (True, "True")

    def mapping(self, name: str) -> Json | None:
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, dict):
            raise bad(f"can't parse {name} JSON object")
        return value

    def sequence(self, name: str) -> list[Any] | None:
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, list):
            raise bad(f"can't parse {name} JSON object")
        return value


async def read(request: Request) -> Params:
    values: Json = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("application/json"):
        body = await request.body()
        try:
            values |= json.loads(body or b"{}")
        except ValueError as error:
            raise bad("can't parse JSON object") from error
    else:
        async with request.form(max_part_size=2**24) as form:
            for name, value in form.items():
                values[name] = await _upload(value) if isinstance(value, UploadFile) else value
    return Params({name: _typed(name, value) for name, value in values.items()})


async def _upload(file: UploadFile) -> Upload:
    return Upload(file.filename or "", file.content_type or "application/octet-stream", await file.read())


def _typed(name: str, value: Any) -> Any:
    if not isinstance(value, str) or name in WORDS:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
