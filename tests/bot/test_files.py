"""Files that came in are fetched once, cleaned, kept for their owner's eyes, and removed when nobody needs them."""

import asyncio
import io
import os
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import delete, insert, select

from bot.files import RETENTION, Fetcher, clean_picture, is_picture
from bot.transport import Gone, Limits, Receive, Rejected, RetryLater, Transport
from domain.messages import File, Outgoing
from storage import ticket_files
from storage.database import Database, Tx
from storage.ticket_files import KEPT, LOST, WANTED, TicketFile
from storage.tickets import TicketRow

BOT = "bot"
MOST = 200_000
LEASE = timedelta(minutes=5, seconds=1)  # a little more than the fetcher's
SECRET = "somewhere I live"
VOICE = b"OggS" + b"\0" * 100


def picture(width: int = 60, height: int = 40, *, form: str = "JPEG", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, form, **more)
    return out.getvalue()


def telling_picture() -> bytes:
    """Red above, blue below, lying on its side, and full of what it should not tell."""
    upright = Image.new("RGB", (40, 80), "red")
    upright.paste("blue", (0, 40, 40, 80))
    exif = Image.Exif()
    exif[Base.Orientation] = 6  # to be turned a quarter clockwise
    exif[Base.Artist] = SECRET
    exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (29.0, 50.0, 31.5)
    out = io.BytesIO()
    upright.rotate(90, expand=True).save(out, "JPEG", exif=exif, comment=SECRET, xmp=SECRET.encode(), quality=95)
    return out.getvalue()


def bomb() -> bytes:
    """A PNG of some bytes that would be unpacked to ten gigabytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


class Platform(Transport):
    """Gives the files it has; troubles: what each next attempt for a ref raises."""

    bot_id = BOT
    limits = Limits()

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[str] = []
        self.troubles: dict[str, list[Exception]] = {}
        self.slow: dict[str, asyncio.Event] = {}

    async def run(self, receive: Receive) -> None:
        """Nothing comes in."""

    async def send(self, message: Outgoing) -> str:
        return ""

    async def fetch(self, ref: str, most: int) -> bytes:
        self.asked.append(ref)
        if troubles := self.troubles.get(ref):
            raise troubles.pop(0)
        if ref in self.slow:
            await self.slow[ref].wait()
        return self.files[ref]


class Archive:
    """A folder of files, who fetches into it, and their clock (the real one, moved on: files have real dates)."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.now = datetime.now(UTC)
        self.platform = Platform({})
        self.fetcher = self.another(self.platform)

    def another(self, platform: Platform) -> Fetcher:
        return Fetcher(self.database, platform, self.folder, MOST, clock=lambda: self.now)

    async def want(self, ref: str, data: bytes = b"", kind: str = "photo", ticket: int = 1) -> None:
        self.platform.files[ref] = data
        await self.database.run(ticket_files.add, ticket, [File(kind, ref)], person_id=7, bot_id=BOT, at=self.now)

    async def fetch_all(self, fetcher: Fetcher | None = None) -> None:
        while await (fetcher or self.fetcher).fetch_due():
            pass

    async def keep(self, data: bytes, kind: str = "photo") -> Path:
        await self.want("one", data, kind)
        await self.fetch_all()
        (path,) = self.files()
        return path

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    async def rows(self) -> dict[str, Any]:
        columns = (TicketFile.ref, TicketFile.state, TicketFile.name, TicketFile.size, TicketFile.why)

        def see(tx: Tx) -> dict[str, Any]:
            return {row.ref: row for row in tx.execute(select(*columns))}

        return await self.database.read(see)

    async def states(self) -> dict[str, str]:
        return {ref: row.state for ref, row in (await self.rows()).items()}


@pytest.fixture
def archive(database: Database, tmp_path: Path) -> Archive:
    return Archive(database, tmp_path / "files")


# --- what is kept -----------------------------------------------------------------------------------------------------


async def test_a_picture_is_kept_and_tells_nothing_but_itself(archive: Archive) -> None:
    sent = telling_picture()
    assert sent.count(SECRET.encode()) == 3, "the picture tells much before"
    path = await archive.keep(sent)
    kept = path.read_bytes()
    assert SECRET.encode() not in kept
    with Image.open(path) as seen:
        assert (seen.format, seen.size) == ("JPEG", (40, 80))
        assert not seen.getexif()
        assert {"exif", "comment", "xmp", "icc_profile", "dpi"}.isdisjoint(seen.info)
        top, bottom = seen.getpixel((20, 10)), seen.getpixel((20, 70))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert (top[0] > 200, bottom[2] > 200) == (True, True), "the right way up"
    row = (await archive.rows())["one"]
    assert (row.state, archive.folder / row.name, row.size) == (KEPT, path, len(kept))


async def test_what_a_png_tells_goes_too(archive: Archive) -> None:
    info = PngInfo()
    info.add_text("Where", SECRET)
    path = await archive.keep(picture(form="PNG", pnginfo=info))
    assert SECRET.encode() not in path.read_bytes()
    assert path.suffix == ".jpg"


async def test_only_the_owner_may_read(archive: Archive) -> None:
    path = await archive.keep(picture())
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert archive.folder.stat().st_mode & 0o777 == 0o700
    assert path.parent.name == path.name[:2]
    assert len(path.stem) == 32


@pytest.mark.parametrize("size", [(6000, 3000), (300, 5200)])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
async def test_large_pictures_become_smaller(size: tuple[int, int], form: str) -> None:
    with Image.open(io.BytesIO(clean_picture(picture(*size, form=form)))) as seen:
        assert max(seen.size) == 2560
        assert abs(seen.width / seen.height - size[0] / size[1]) < 0.01


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16", "CMYK"])
def test_pictures_of_every_mode(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (20, 20)).save(out, "TIFF" if mode == "CMYK" else "PNG")
    with Image.open(io.BytesIO(clean_picture(out.getvalue()))) as seen:
        assert (seen.mode, seen.size) == ("RGB", (20, 20))


@pytest.mark.parametrize("form", ["JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_pictures_of_every_form(form: str) -> None:
    sent = picture(form=form)
    assert is_picture(sent)
    with Image.open(io.BytesIO(clean_picture(sent))) as seen:
        assert (seen.format, seen.size) == ("JPEG", (60, 40))


def test_what_is_clear_becomes_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(out, "PNG")
    with Image.open(io.BytesIO(clean_picture(out.getvalue()))) as seen:
        assert seen.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("kind", "data", "ending"),
    [
        ("voice", VOICE, ".ogg"),
        ("voice", b"#!AMR\n" + b"\1" * 50, ".amr"),
        ("voice", b"\x02#!SILK_V3" + b"\1" * 50, ".silk"),
        ("video", b"\0\0\0\x18ftypmp42" + b"\1" * 50, ".mp4"),
        ("document", b"%PDF-1.7" + b"\1" * 50, ".pdf"),
        ("document", b"#!/bin/sh\n", ".bin"),
        ("document", b"<html><script>", ".bin"),
    ],
)
async def test_other_files_are_kept_as_they_are(archive: Archive, kind: str, data: bytes, ending: str) -> None:
    path = await archive.keep(data, kind)
    assert (path.read_bytes(), path.suffix) == (data, ending)


async def test_a_picture_sent_as_a_document_is_a_picture(archive: Archive) -> None:
    path = await archive.keep(telling_picture(), "document")
    assert SECRET.encode() not in path.read_bytes()
    assert path.suffix == ".jpg"


# --- what is lost -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("photo", bomb(), "60000 x 60000 pixels"),
        ("photo", b"no picture", "no picture that can be cleaned"),
        ("photo", picture(800, 600)[:900], "no picture that can be cleaned"),
        ("photo", VOICE, "no picture that can be cleaned"),
        ("document", b"\0\0\0\x18ftypheic" + b"\1" * 500, "no picture that can be cleaned"),
        ("voice", b"", "0 bytes"),
        ("voice", b"OggS" + b"\0" * MOST, f"{MOST + 4} bytes"),
    ],
    ids=["bomb", "nothing", "cut", "voice", "heic", "empty", "large"],
)
async def test_what_is_not_fit_is_lost_with_a_reason(archive: Archive, kind: str, data: bytes, why: str) -> None:
    await archive.want("one", data, kind)
    await archive.fetch_all()
    row = (await archive.rows())["one"]
    assert (row.state, row.name) == (LOST, None)
    assert why in row.why
    assert archive.files() == []


@pytest.mark.parametrize("trouble", [Gone("no more"), Rejected("too big")])
async def test_what_the_platform_never_gives_is_lost_at_once(archive: Archive, trouble: Exception) -> None:
    archive.platform.troubles = {"one": [trouble]}
    await archive.want("one")
    await archive.want("two", VOICE, "voice")
    await archive.fetch_all()
    assert await archive.states() == {"one": LOST, "two": KEPT}
    assert archive.platform.asked == ["one", "two"]


# --- again ------------------------------------------------------------------------------------------------------------


async def test_what_cannot_be_had_now_is_asked_for_later(archive: Archive) -> None:
    archive.platform.troubles = {"one": [RetryLater(60), ConnectionError("line lost")]}
    await archive.want("one", VOICE, "voice")
    await archive.fetch_all()
    archive.now += timedelta(seconds=59)
    await archive.fetch_all()
    assert archive.platform.asked == ["one"]
    archive.now += timedelta(seconds=2)
    await archive.fetch_all()
    assert await archive.states() == {"one": WANTED}
    archive.now += timedelta(minutes=1)
    await archive.fetch_all()
    assert await archive.states() == {"one": KEPT}


@pytest.mark.parametrize("trouble", [lambda: RetryLater(1), lambda: ConnectionError("line lost")])
async def test_after_a_day_of_trouble_it_is_lost(archive: Archive, trouble: Callable[[], Exception]) -> None:
    archive.platform.troubles = {"one": [trouble() for _ in range(100)]}
    await archive.want("one")
    for _ in range(60):
        await archive.fetch_all()
        archive.now += timedelta(minutes=30)
    assert await archive.states() == {"one": LOST}
    assert 10 <= len(archive.platform.asked) < 60


async def test_a_full_disk_is_no_reason_to_lose_it(archive: Archive) -> None:
    archive.folder.write_text("in the way of the folder")
    await archive.want("one", VOICE, "voice")
    await archive.fetch_all()
    assert await archive.states() == {"one": WANTED}
    archive.folder.unlink()
    archive.now += timedelta(minutes=1)
    await archive.fetch_all()
    assert await archive.states() == {"one": KEPT}


async def _begin(archive: Archive) -> tuple[Platform, "asyncio.Task[bool]"]:
    """A process that has leased the row and hangs in its platform."""
    hanging = Platform(archive.platform.files)
    hanging.slow["one"] = asyncio.Event()
    task = asyncio.create_task(archive.another(hanging).fetch_due())
    async with asyncio.timeout(10):
        while not hanging.asked:  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)
    return hanging, task


async def test_a_lease_keeps_others_away_until_it_ends(archive: Archive) -> None:
    await archive.want("one", VOICE, "voice")
    hanging, task = await _begin(archive)
    await archive.fetch_all()
    assert archive.platform.asked == []
    archive.now += LEASE
    await archive.fetch_all()
    assert await archive.states() == {"one": KEPT}
    (path,) = archive.files()
    hanging.slow["one"].set()
    await task
    assert archive.files() == [path], "who lost the lease leaves no second file"


async def test_what_was_erased_meanwhile_leaves_no_file(archive: Archive) -> None:
    await archive.want("one", VOICE, "voice")
    hanging, task = await _begin(archive)
    await archive.database.run(lambda tx: tx.execute(delete(TicketFile)).rowcount)
    hanging.slow["one"].set()
    await task
    assert archive.files() == []


async def test_it_fetches_while_it_runs(archive: Archive) -> None:
    task = asyncio.create_task(archive.fetcher.run())
    await archive.want("one", VOICE, "voice")
    archive.fetcher.wake()
    async with asyncio.timeout(10):
        while not archive.files():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)
    archive.fetcher.stop()
    await asyncio.wait_for(task, 10)
    assert await archive.states() == {"one": KEPT}


# --- what goes --------------------------------------------------------------------------------------------------------


async def test_files_of_old_tickets_and_orphans_go(archive: Archive) -> None:
    for ticket, closed in enumerate((None, timedelta(days=1), RETENTION + timedelta(days=1)), start=1):
        await archive.database.run(_ticket, ticket, archive.now - closed if closed is not None else None)
        await archive.want(f"f{ticket}", VOICE, "voice", ticket)
    await archive.fetch_all()
    kept = {ref: archive.folder / row.name for ref, row in (await archive.rows()).items()}
    orphan, young = archive.folder / "ab" / "abc.part", archive.folder / "ab" / "abd.jpg"
    orphan.parent.mkdir(exist_ok=True)
    for path in (orphan, young):
        path.write_bytes(b"left by a crash")
    for path in (orphan, *kept.values()):
        os.utime(path, (0, 0))
    assert await archive.fetcher.forget_old() == 2
    assert await archive.states() == {"f1": KEPT, "f2": KEPT}
    assert archive.files() == sorted([kept["f1"], kept["f2"], young])


async def test_nothing_to_forget_where_nothing_ever_came(archive: Archive) -> None:
    assert await archive.fetcher.forget_old() == 0


def _ticket(tx: Tx, number: int, closed_at: datetime | None) -> None:
    columns = TicketRow.__table__.columns
    values: dict[str, Any] = {column.name: None for column in columns if column.server_default is None}
    texts = ("category", "matter", "summary", "danger", "status", "bot_id", "chat_id")
    values |= dict.fromkeys(texts, "x") | {"urgent": False, "discreet": False, "compound_id": 1, "body_id": 1}
    values |= {"series": 1, "number": number, "opened_at": datetime.now(UTC), "report_at": datetime.now(UTC)}
    tx.execute(insert(TicketRow), values | {"id": number, "closed_at": closed_at})


async def test_the_same_file_is_wanted_once(archive: Archive) -> None:
    await archive.want("one", VOICE, "voice")
    await archive.fetch_all()
    await archive.want("one", VOICE, "voice")
    await archive.fetch_all()
    assert archive.platform.asked == ["one"]
    assert len(archive.files()) == 1
