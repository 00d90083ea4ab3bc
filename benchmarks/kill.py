"""kill -9 the bot 200 times at random points of its turns; prints what became of every update and message."""

import argparse
import asyncio
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from storage.migrate import upgrade
from tests.crash.killing import run_kills
from tests.crash.peer import Peer
from tests.crash.verdict import Figures
from tests.support.databases import open_postgres


async def run(url: str, kills: int, seed: int) -> Figures:
    async with Peer().running() as peer:
        return await run_kills(peer, url, kills, seed=seed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Example: python -m benchmarks.kill --url postgresql")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--url",
        default="",
        help="an empty database; `postgresql`: a new one on the server that the tests use; default: a new SQLite file",
    )
    chosen = parser.parse_args()
    with ExitStack() as stack:
        url = chosen.url
        if url == "postgresql":
            databases = open_postgres()
            stack.callback(databases.close)
            url = databases.create()
            stack.callback(databases.drop, url)
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="linli-kill-"))
            url = url or f"sqlite:///{Path(folder) / 'kill.db'}"
            upgrade(url)
        figures = asyncio.run(run(url, chosen.kills, chosen.seed))
    print(figures)
    return 1 if figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
