"""Posters: drawn as they should be, in any thread, just before they are sent; by chat and by command."""

import asyncio
import io
import re
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("typst", reason="NOT TESTED: pip install linli[pictures]")
import segno

from bot.app import App
from bot.cli import cli
from bot.config import DATABASE_URL
from bot.demo import build
from bot.pictures import Easel, draw, invited
from bot.play import BOT, Player, Recorder
from bot.transport import RetryLater
from domain.messages import Address, Drawing, File, Incoming, Outgoing, Sender
from domain.rules import Rules
from services import posters as poster_services
from services.turn import Turn
from storage import places, posters
from storage.database import Database, Tx, open_database
from storage.migrate import upgrade
from tests.support.telegram import on, open_peer

LIU = Address("老刘", private=True)
LINK = "https://t.me/linli_bot?start=b3"
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def data(**more: object) -> dict[str, object]:
    words = {
        "compound": "和谐小区",
        "building": "3栋",
        "assistant": "邻里小助手",
        "slogan": "有事说一声，件件有回音",
        "uses": ["报修", "问进度"],
        "bot": "小助手",
        "steps_scan": ["扫", "点", "发"],
        "words_scan": "2单元501 王阿姨",
        "steps_name": ["点 {bot} 的头像", "添加", "发"],
        "words_name": "我是3栋2单元501 王阿姨",
        "honest": "我不收钱，也不要验证码",
        "office": "3栋楼栋长",
        "phone": "电话",
        "urgent": "急事先打 110、119、120",
    }
    return {**words, **more}


def png(**more: object) -> Image.Image:
    return Image.open(io.BytesIO(draw("poster", data(**more), format="png"))).convert("RGB")


def test_the_page_is_a4_and_one() -> None:
    made = draw("poster", data(qr=LINK), format="pdf")
    assert made.startswith(b"%PDF")
    assert b"/Count 1" in made
    width, height = png(qr=LINK).size
    assert abs(height / width - 297 / 210) < 0.001


def test_the_code_on_the_page_is_the_links() -> None:
    """Every module of the code, read from the picture: pure black is nothing else on the page."""
    page = png(qr=LINK)
    ink = page.convert("L").point(lambda level: 255 if level < 8 else 0)
    box = ink.getbbox()
    assert box is not None
    matrix = [list(row) for row in segno.make(LINK, error="q", micro=False).matrix]
    size = (box[2] - box[0]) / len(matrix)

    def is_black(column: int, row: int) -> bool:
        return ink.getpixel((int(box[0] + (column + 0.5) * size), int(box[1] + (row + 0.5) * size))) == 255

    read = [[int(is_black(column, row)) for column in range(len(matrix))] for row in range(len(matrix))]
    assert read == matrix
    assert png().convert("L").point(lambda level: 255 if level < 8 else 0).getbbox() is None, "no link, no code"


@pytest.mark.parametrize("name", ["和谐小区", "咸宁市咸安区永安街道和谐小区（原地质队宿舍、原棉纺厂家属院东区）"])
def test_a_long_name_stays_on_its_line(name: str) -> None:
    """White on red: nothing of it within the margin, and the page is still one."""
    page = png(compound=name, building="112栋")
    edge = page.crop((page.width - page.width * 12 // 210, 0, page.width, page.height * 60 // 297))
    assert edge.getcolors() == [(edge.width * edge.height, page.getpixel((2, 2)))]
    assert b"/Count 1" in draw("poster", data(compound=name, building="112栋"), format="pdf")


def test_in_several_threads_at_once() -> None:
    buildings = [f"{number}栋" for number in range(1, 9)]
    alone = [draw("poster", data(building=each), format="png") for each in buildings]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda each: draw("poster", data(building=each), format="png"), buildings))
    assert together == alone
    assert len(set(alone)) == len(alone)


def test_how_a_bot_is_found_goes_with_the_data() -> None:
    drawing = Drawing("poster", {"bot": "小助手"}, "b12")
    assert invited(drawing, "@x_bot", "https://t.me/x_bot") == {"bot": "@x_bot", "qr": "https://t.me/x_bot?start=b12"}
    assert invited(drawing, "", "") == {"bot": "小助手"}


def test_a_drawing_outlives_the_outbox() -> None:
    file = File("document", "3栋海报.pdf", Drawing("poster", {"uses": ["报修"]}, "b3"))
    message = Outgoing(LIU, "在这", file=file)
    assert Outgoing.from_json(message.to_json()) == message
    plain = Outgoing(LIU, "在这", file=File("photo", "ab/cd.jpg"))
    assert Outgoing.from_json(plain.to_json()) == plain


# --- just before sending ----------------------------------------------------------------------------------------------


class Reader(Recorder):
    """A platform that reads the files it is given."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.read: list[tuple[str, bytes]] = []
        self.busy = 0

    async def invitation(self) -> tuple[str, str]:
        if self.busy:
            self.busy -= 1
            raise RetryLater(5)
        return "@linli_bot", "https://t.me/linli_bot"

    async def send(self, message: Outgoing) -> str:
        if message.file:
            self.read.append((Path(message.file.ref).name, (self.folder / message.file.ref).read_bytes()))
        return await super().send(message)


class Desk:
    """老刘 at a bot that draws."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.transport = Reader(folder)
        self.player = Player(database, self.transport, Rules())
        self.player.app = App(database, self.transport, Rules(), clock=lambda: self.player.now, files=folder)

    async def ask(self, text: str) -> list[str]:
        await self.player.hear(Incoming(BOT, text, LIU, Sender("老刘", "老刘"), text, NOW))
        return [said.message.text for said in self.transport.sent]


def kept(folder: Path) -> list[Path]:
    """Files that were left behind."""
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    await database.run(build, BOT)
    yield Desk(database, tmp_path)


async def test_a_head_gets_the_poster_as_a_file(desk: Desk, tmp_path: Path) -> None:
    assert await desk.ask("海报 3栋") == ["", "3栋的海报，A4纸打印，贴在楼道口\n楼栋长的电话用笔写上"]
    [(name, made)] = desk.transport.read
    assert re.fullmatch(r"3栋海报-[0-9a-f]{8}\.pdf", name)
    assert made.startswith(b"%PDF")
    assert kept(tmp_path) == []


async def test_while_the_platform_is_busy_it_waits(desk: Desk) -> None:
    desk.transport.busy = 1
    assert await desk.ask("海报 3栋") == []
    await desk.player.advance(NOW.replace(minute=1))
    assert [name[:5] for name, _ in desk.transport.read] == ["3栋海报-"]


@pytest.mark.parametrize("package", ["typst", "segno", "cvttf_NotoSansCJK_Bold"])
async def test_without_the_package_a_sentence(desk: Desk, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    from bot import pictures

    pictures._load.cache_clear()
    with monkeypatch.context() as without:
        without.setitem(sys.modules, package, None)
        assert await desk.ask("海报 3栋") == ["3栋海报.pdf画不出来，已记下\n请管机器人的人看一下，再要一次"]
    assert desk.transport.read == []


async def test_a_broken_template_is_told_and_holds_up_nobody(desk: Desk, tmp_path: Path) -> None:
    broken = Outgoing(LIU, "看", file=File("photo", "图.png", Drawing("no such template", {})))
    async with Easel(desk.transport, tmp_path).drawn(broken) as message:
        assert (message.file, message.text.split("\n")[0]) == (None, "图.png画不出来，已记下")


async def test_a_photo_is_a_png_and_is_gone_after_trouble(desk: Desk, tmp_path: Path) -> None:
    picture = Outgoing(LIU, "看", file=File("photo", "图", Drawing("poster", data(), "b3")))
    with suppress(ConnectionError):
        async with Easel(desk.transport, tmp_path).drawn(picture) as message:
            assert message.file
            assert (tmp_path / message.file.ref).read_bytes().startswith(b"\x89PNG")
            assert Path(message.file.ref).name.startswith("图-")
            raise ConnectionError
    assert kept(tmp_path) == []


async def test_telegram_tells_how_the_bot_is_found(tmp_path: Path) -> None:
    async with open_peer() as peer, on(peer, tmp_path) as bot:
        assert await bot.invitation() == ("@linli_bot", "https://t.me/linli_bot")


# --- what stands on it ------------------------------------------------------------------------------------------------


async def test_what_stands_on_it(database: Database) -> None:
    await database.run(build, BOT)

    def read(tx: Tx) -> File:
        chat = places.find_chat(tx, BOT, "3栋群")
        assert chat and chat.place.building_id
        poster = posters.find(tx, chat.place.building_id)
        assert poster
        return poster_services.page(Turn(tx, BOT, "t", NOW, Rules()), poster)

    file = await database.read(read)
    assert (file.kind, file.ref) == ("document", "3栋海报.pdf")
    assert file.drawing
    shown = file.drawing.data
    assert (shown["compound"], shown["building"], shown["office"]) == ("和谐小区", "3栋", "3栋楼栋长")
    assert (len(shown["steps_scan"]), len(shown["steps_name"])) == (3, 3)
    assert shown["words_name"] == "我是3栋2单元501 王阿姨"
    assert shown["honest"] == "我不收钱，也不要验证码"


# --- linli poster -----------------------------------------------------------------------------------------------------


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    url = f"sqlite:///{tmp_path / 'linli.db'}"
    monkeypatch.setenv(DATABASE_URL, url)
    monkeypatch.chdir(tmp_path)
    upgrade(url)

    async def fill() -> None:
        async with open_database(url) as database:
            await database.run(build, BOT)

    asyncio.run(fill())
    return tmp_path / "out"


def test_a_pdf_for_each_building(demo: Path) -> None:
    done = CliRunner().invoke(cli, ["poster", "和谐小区", "--out", str(demo)])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in demo.iterdir()) == sorted(f"{number}栋海报.pdf" for number in range(1, 11))
    assert all(path.read_bytes().startswith(b"%PDF") for path in demo.iterdir())


def test_of_one_building(demo: Path) -> None:
    done = CliRunner().invoke(cli, ["poster", "和谐小区", "--building", "3", "--out", str(demo)])
    assert (done.exit_code, [path.name for path in demo.iterdir()]) == (0, ["3栋海报.pdf"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["和谐小区", "--building", "99"], "no such building in 和谐小区"),
        (["没有小区"], "no compound 没有小区 with buildings"),
    ],
)
def test_what_is_not_there(demo: Path, arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(cli, ["poster", *arguments, "--out", str(demo)])
    assert done.exit_code == 1
    assert said in done.output
    assert not demo.exists()


def test_the_command_names_the_missing_package(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    done = CliRunner().invoke(cli, ["poster", "和谐小区", "--out", str(demo)])
    assert done.exit_code == 1
    assert 'pip install "linli[pictures]"' in done.output
