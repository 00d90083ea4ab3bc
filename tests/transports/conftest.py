"""The four rigs: `rig` runs each test on every one of them, on SQLite."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from storage.database import Database, open_database
from tests.peers.wechaty.gateway import NoNode, WechatyGateway
from tests.support.databases import Databases
from tests.transports.rigs import Rig


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def wechat_gateway() -> AsyncIterator[WechatyGateway]:
    pytest.importorskip("wechaty_grpc", reason="NOT TESTED: pip install linli[wechat]")
    from tests.transports.wechat import start_gateway

    try:
        gateway = await start_gateway()
    except NoNode as error:
        pytest.skip(str(error))
    yield gateway
    await gateway.stop()


@pytest.fixture(params=["terminal", "test", "telegram", "wechat"])
def make_rig(request: pytest.FixtureRequest) -> Callable[[Database, Path], Rig]:
    match request.param:
        case "terminal":
            from tests.transports.terminal import TerminalRig

            return TerminalRig
        case "test":
            from tests.transports.played import PlayedRig

            return PlayedRig
        case "telegram":
            pytest.importorskip("telegram", reason="NOT TESTED: pip install linli[telegram]")
            from tests.transports.telegram import TelegramRig

            return TelegramRig
        case _:
            gateway = request.getfixturevalue("wechat_gateway")
            from tests.transports.wechat import WechatRig

            return partial(WechatRig, gateway=gateway)


@pytest_asyncio.fixture(loop_scope="module")
async def rig(
    make_rig: Callable[[Database, Path], Rig],
    sqlite_databases: Databases,
    tmp_path: Path,
) -> AsyncIterator[Rig]:
    url = sqlite_databases.create()
    async with open_database(url) as database:
        made = make_rig(database, tmp_path)
        await made.settle_in()
        await made.start()
        yield made
        await made.stop()
    sqlite_databases.drop(url)
