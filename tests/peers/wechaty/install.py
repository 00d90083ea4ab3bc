"""Finds Node and installs the gateway's packages on first use."""

import hashlib
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
LOCK = FOLDER / "package-lock.json"
STAMP = FOLDER / "node_modules" / ".installed"
OLDEST = 18


class NoNode(Exception):
    """The gateway cannot run here; the text says what is missing and how to get it."""


def node() -> str:
    """The path of a Node that can run the gateway, whose packages are then in place."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        missing = " and ".join(name for name, path in (("node", found), ("npm", npm)) if path is None)
        raise NoNode(
            f"NOT TESTED: no {missing} on the PATH; the Wechaty gateway needs Node >= {OLDEST}, see nodejs.org"
        )
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST:
        raise NoNode(f"NOT TESTED: Node is {version}; the Wechaty gateway needs Node >= {OLDEST}, see nodejs.org")
    _install(npm)
    return found


def _install(npm: str) -> None:
    import fcntl  # not on Windows

    with LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel test workers: one installs, the others find it done
        wanted = hashlib.sha256(lock.read()).hexdigest()
        if STAMP.exists() and STAMP.read_text(encoding="ascii") == wanted:
            return
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
        if done.returncode:  # no reason to skip: the lock may be broken
            raise RuntimeError(f"`npm ci` failed in {FOLDER}; is a package registry in reach?\n{done.stderr}")
        STAMP.write_text(wanted, encoding="ascii")
