"""Pictures and printed pages: a Typst template of bot/templates and data → PNG or PDF; drawn just before they are sent.

Needs the extra `pictures`. A template gets its data as JSON; its words come from texts/, like all words.
"""

import asyncio
import io
import json
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from bot import figure_sheets
from bot.transport import Transport
from domain.messages import Drawing, File, Outgoing
from texts import say

if TYPE_CHECKING:
    import typst

log = logging.getLogger(__name__)

_TEMPLATES = Path(__file__).parent / "templates"
_FONTS = ("cvttf_NotoSansCJK_Regular", "cvttf_NotoSansCJK_Bold")
_FORMATS: dict[str, Literal["png", "pdf"]] = {"photo": "png", "document": "pdf"}
_SHEETS = {"figure_sheets": figure_sheets.write}  # workbooks, which are no Typst template
_PIXELS = 180  # an inch of a PNG: letters stay sharp on a phone
_loading = Lock()


def draw(template: str, data: dict[str, Any], *, format: Literal["png", "pdf"]) -> bytes:
    """The template with this data; of a PNG the first page. In any thread, some tenths of a second long.

    A text under "qr" becomes that text's QR code (SVG). ModuleNotFoundError without the extra `pictures`.
    """
    import typst

    if data.get("qr"):
        data = {**data, "qr": _qr(data["qr"])}
    page = _TEMPLATES / f"{template}.typ"
    made = typst.Compiler(page, root=_TEMPLATES, font_paths=_fonts(), ignore_system_fonts=True).compile(
        format=format, ppi=_PIXELS, sys_inputs={"data": json.dumps(data, ensure_ascii=False)}
    )
    pages = made if isinstance(made, list) else [made or b""]
    return pages[0]


def _fonts() -> "typst.Fonts":
    """Read once a process, also where two threads begin at the same time."""
    with _loading:
        return _load()


@cache
def _load() -> "typst.Fonts":
    import typst

    folders = []
    for package in _FONTS:
        found = find_spec(package)
        if found is None or found.origin is None:
            raise ModuleNotFoundError(f"the font package {package} is missing", name=package)
        folders.append(str(Path(found.origin).parent))
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)


def _qr(text: str) -> str:
    """Level Q: still readable where a quarter of it is dirty or torn."""
    import segno

    drawn = io.BytesIO()
    segno.make(text, error="q", micro=False).save(drawn, kind="svg", border=0, xmldecl=False)
    return drawn.getvalue().decode()


def invited(drawing: Drawing, name: str, link: str) -> dict[str, Any]:
    """The drawing's data, with the name and the link by which people find this bot."""
    data = drawing.data | ({"bot": name} if name else {})
    return data | ({"qr": f"{link}?start={drawing.start}"} if link else {})


class Easel:
    """Draws what a message names, one at a time, in a thread, into the folder from which the transport reads it."""

    def __init__(self, transport: Transport, folder: Path) -> None:
        self._transport = transport
        self._folder = folder
        self._free = asyncio.Lock()

    @asynccontextmanager
    async def drawn(self, message: Outgoing) -> AsyncIterator[Outgoing]:
        """The message with its file, which is gone afterwards; a sentence in its place where it cannot be drawn."""
        file = message.file
        if file is None or file.drawing is None:
            yield message
            return
        try:
            ref = await self._draw(file, file.drawing)
        except (ImportError, RuntimeError, OSError, ValueError) as error:
            log.error("template=%s cannot be drawn (%s): %s", file.drawing.template, type(error).__name__, error)
            yield replace(message, file=None, text=say("posters.not_drawn", file=file.ref))
            return
        try:
            yield replace(message, file=File(file.kind, ref))
        finally:
            (self._folder / ref).unlink(missing_ok=True)

    async def _draw(self, file: File, drawing: Drawing) -> str:
        data = invited(drawing, *await self._transport.invitation()) if drawing.start else drawing.data
        write, kind = _SHEETS.get(drawing.template), _FORMATS[file.kind]
        async with self._free:
            if write:
                made = await asyncio.to_thread(write, data)
            else:
                made = await asyncio.to_thread(draw, drawing.template, data, format=kind)
        return await asyncio.to_thread(self._keep, Path(file.ref).stem, "xlsx" if write else kind, made)

    def _keep(self, name: str, ending: str, data: bytes) -> str:
        """Under the name that people see; what a crash leaves there is swept after a day (bot/files.py)."""
        token = secrets.token_hex(4)
        path = self._folder / token[:2] / f"{name}-{token}.{ending}"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(data)
        return path.relative_to(self._folder).as_posix()
