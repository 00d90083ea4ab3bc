"""Files that came in: fetched after the commit, cleaned, kept in a folder, and removed when nobody needs them.

What a picture says of place, time and camera (EXIF and all else beside the pixels) is gone before it is stored.
Voice notes, videos and documents are stored as they are: what their containers say stays in them.
"""

import asyncio
import io
import logging
import os
import secrets
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from bot.inbox import Clock, utc_now
from bot.transport import Rejected, RetryLater, Transport
from storage import ticket_files
from storage.database import Database
from storage.ticket_files import Wanted

log = logging.getLogger(__name__)

# A closed ticket is asked about again within months, not years; after that its pictures serve nobody (PIPL, article
# 19: personal information is kept for the shortest time that its purpose needs).
RETENTION = timedelta(days=180)
_ORPHAN = timedelta(days=1)  # a younger file without a row may be one that is being written
_LEASE = timedelta(minutes=5)
_PATIENCE = 120  # seconds a platform may take for one file: less than the lease
_TRY = timedelta(days=1)  # platforms keep files longer, but a handler needs them sooner
_PAUSE = 3600.0  # seconds between two attempts, at most
_POLL = 5.0  # seconds; another process on the same database cannot wake us
_BATCH = 4
_SIDE = 2560  # pixels: enough to read a meter or a plate
_PIXELS = 50_000_000  # of a JPEG, which is unpacked smaller at once
_WHOLE = 20_000_000  # of what is unpacked whole: a PNG of some KB can hold billions
_READ = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_MARKS = (
    (0, b"OggS", "ogg"),
    (0, b"#!AMR", "amr"),
    (0, b"#!SILK", "silk"),
    (1, b"#!SILK", "silk"),
    (0, b"ID3", "mp3"),
    (0, b"\xff\xfb", "mp3"),
    (8, b"WAVE", "wav"),
    (4, b"ftypM4A", "m4a"),
    (4, b"ftyp", "mp4"),
    (0, b"\x1aE\xdf\xa3", "webm"),
    (0, b"%PDF", "pdf"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"\xd0\xcf\x11\xe0", "doc"),
)


class Unfit(Exception):
    """These bytes are not kept; the text says why."""


class Fetcher:
    """Fetches what is wanted for one bot into `folder` (the names in the rows are paths from there). Any number of
    processes may fetch: rows are leased. most: bytes of a file."""

    def __init__(
        self, database: Database, transport: Transport, folder: Path, most: int, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._transport = transport
        self._folder = folder
        self._most = most
        self._clock = clock
        self._awake = asyncio.Event()
        self._stopping = False
        self._cleaning = asyncio.Lock()  # one picture at a time: unpacked it takes 150 MB at most

    def wake(self) -> None:
        self._awake.set()

    def stop(self) -> None:
        self._stopping = True
        self.wake()

    async def run(self) -> None:
        """Fetch until stopped; nothing that goes wrong ends it."""
        while not self._stopping:
            self._awake.clear()
            if not await self.fetch_due() and not self._stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), _POLL)

    async def fetch_due(self) -> bool:
        """Fetch some of what is due; False where nothing was."""
        try:
            now, bot_id = self._clock(), self._transport.bot_id
            due = await self._database.peek(ticket_files.next_due, bot_id=bot_id)
            if due is None or due > now:
                return False
            rows = await self._database.run(ticket_files.claim, bot_id=bot_id, now=now, lease=_LEASE, most=_BATCH)
        except Exception:
            log.exception("fetcher bot=%s cannot read its rows, goes on", self._transport.bot_id)
            return False
        for error in await asyncio.gather(*(self._fetch(wanted) for wanted in rows), return_exceptions=True):
            if isinstance(error, Exception):  # the row is due again when its lease ends
                log.error("a file could not be marked", exc_info=error)
        return bool(rows)

    async def _fetch(self, wanted: Wanted) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                data = await self._transport.fetch(wanted.ref, self._most)
            name, size = await self._store(wanted, data)
        except (Rejected, Unfit) as error:
            await self._lose(wanted, f"{type(error).__name__}: {error}")
        except RetryLater as later:
            await self._again(wanted, later.seconds, "retry later")
        except Exception as error:
            log.warning("fetch row=%s failed: %s", wanted.id, type(error).__name__)
            await self._again(wanted, 0, type(error).__name__)
        else:
            marked = await self._database.run(ticket_files.mark_kept, wanted.id, name=name, size=size)
            if not marked:
                (self._folder / name).unlink(missing_ok=True)

    async def _store(self, wanted: Wanted, data: bytes) -> tuple[str, int]:
        """Clean and write; returns the file's name and size."""
        if not 0 < len(data) <= self._most:
            raise Unfit(f"{len(data)} bytes")
        if wanted.kind == "photo" or is_picture(data):
            async with self._cleaning:
                data = await asyncio.to_thread(clean_picture, data)
            ending = "jpg"
        else:
            ending = next((name for at, mark, name in _MARKS if data.startswith(mark, at)), "bin")
        return await asyncio.to_thread(write, self._folder, data, ending), len(data)

    async def _again(self, wanted: Wanted, seconds: float, why: str) -> None:
        now = self._clock()
        if now - wanted.at >= _TRY:
            await self._lose(wanted, f"given up after a day: {why}")
            return
        pause = max(seconds, min(2.0 ** (wanted.attempts + 2), _PAUSE))
        await self._database.run(ticket_files.retry, wanted.id, at=now + timedelta(seconds=pause), why=why)

    async def _lose(self, wanted: Wanted, why: str) -> None:
        log.warning("file row=%s lost: %s", wanted.id, why)
        await self._database.run(ticket_files.mark_lost, wanted.id, why=why)

    async def forget_old(self) -> int:
        """Retention: files of tickets closed long ago, and files that no row names. Returns files removed."""
        now = self._clock()
        await self._database.run(ticket_files.forget, before=now - RETENTION)
        names = await self._database.read(ticket_files.names)
        return await asyncio.to_thread(sweep, self._folder, names, (now - _ORPHAN).timestamp())


def is_picture(data: bytes) -> bool:
    """By its first bytes, whatever it was sent as: a picture sent as a document says where it was taken, too."""
    webp = data.startswith(b"RIFF") and data.startswith(b"WEBP", 8)
    phone = data.startswith(b"ftyp", 4) and data[8:12] in (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif")
    return webp or phone or data.startswith(_PICTURES)


def clean_picture(data: bytes) -> bytes:
    """The upright pixels alone, as JPEG of at most 2560 pixels a side. Raises Unfit for what is no such picture."""
    from PIL import Image, ImageOps

    Image.init()  # else only half of the readers are known
    Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit warns first; ours is checked before anything is unpacked
    try:
        with Image.open(io.BytesIO(data), formats=_READ) as picture:
            if picture.width * picture.height > (_PIXELS if picture.format == "JPEG" else _WHOLE):
                raise Unfit(f"{picture.width} x {picture.height} pixels")
            picture.draft("RGB", (_SIDE, _SIDE))  # a large JPEG is unpacked smaller at once
            picture.thumbnail((_SIDE, _SIDE))  # before anything is copied
            upright = ImageOps.exif_transpose(picture)
            bare = Image.new("RGB", upright.size, "white")
            layers = upright.convert("RGBA") if upright.mode in ("RGBA", "LA", "PA", "P") else None
            bare.paste(layers or upright.convert("RGB"), mask=layers)
    except Unfit:
        raise
    except Exception as error:  # Pillow raises what its readers raise
        raise Unfit(f"no picture that can be cleaned ({type(error).__name__})") from None
    out = io.BytesIO()
    bare.save(out, "JPEG", quality=85)
    return out.getvalue()


def write(folder: Path, data: bytes, ending: str) -> str:
    """Write whole or not at all, readable by the owner alone, under a name that nobody can guess; returns it."""
    token = secrets.token_hex(16)
    name = f"{token[:2]}/{token}.{ending}"
    path = folder / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return name


def sweep(folder: Path, names: set[str], before: float) -> int:
    """Remove the files that are not named and were last written before."""
    removed = 0
    for path in folder.glob("??/*"):
        with suppress(FileNotFoundError):  # another process sweeps too
            if path.relative_to(folder).as_posix() not in names and path.stat().st_mtime < before:
                path.unlink()
                removed += 1
    return removed
