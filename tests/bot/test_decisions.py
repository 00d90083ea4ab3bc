"""`linli decide`: a file in, one JSON object out, one line where the file is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import cli

VECTORS = Path(__file__).parent.parent / "vectors"
HOMES = 97_000


def run(file: Path) -> Result:
    return CliRunner().invoke(cli, ["decide", str(file)])


def test_prints_one_object() -> None:
    done = run(VECTORS / "two_thirds_exact.json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["status"] == "passed"
    assert done.stdout.count("\n") == 1


def test_numbers_of_the_file_are_read_exactly() -> None:
    """10.1 + 20.2 is less than 30.3 in binary fractions."""
    assert json.loads(run(VECTORS / "numbers_are_exact.json").stdout)["participated"]["area"] == "30.30"


def test_chinese_goes_in_and_out(tmp_path: Path) -> None:
    """With a byte order mark, and where the terminal's encoding knows no Chinese."""
    case = json.loads((VECTORS / "nobody.json").read_text(encoding="utf-8"))
    case["ballots"] = [{"unit": "九栋901", "voter": "丁", "choice": "agree", "at": case["opens"]}]
    file = tmp_path / "表决.json"
    file.write_text(json.dumps(case, ensure_ascii=False), encoding="utf-8-sig")
    command = [sys.executable, "-c", "from bot.cli import main; main()", "decide", str(file)]
    done = subprocess.run(command, capture_output=True, env={"PYTHONIOENCODING": "ascii"}, check=True)
    assert json.loads(done.stdout.decode("utf-8"))["ignored"] == [{"unit": "九栋901", "reason": "unknown_unit"}]
    assert "九栋901".encode() in done.stdout


def test_half_a_character(tmp_path: Path) -> None:
    case = json.loads((VECTORS / "nobody.json").read_text(encoding="utf-8"))
    case["ballots"] = [{"unit": "\ud83d", "voter": "丁", "choice": "agree", "at": case["opens"]}]
    file = tmp_path / "case.json"
    file.write_text(json.dumps(case), encoding="utf-8")
    assert json.loads(run(file).stdout)["ignored"] == [{"unit": "\ud83d", "reason": "unknown_unit"}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON in line 1, column 1"),
        (b'{"rule": ', "not JSON in line 1, column 10"),
        (b'{"rule": NaN}', "rule: expected one of"),
        (b"[]", "the file: expected an object in braces, found a list"),
        ("{}".encode("utf-16"), "not UTF-8 text"),
        (b"[" * 100_000, "a number too long or lists too deep"),
        (b"[" + b"9" * 5_000 + b"]", "a number too long or lists too deep"),
        (b'{"rule": 1e99999999999999999999999}', "a number too long or lists too deep"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "case.json"
    file.write_bytes(content)
    told(run(file), said)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    told(run(tmp_path / "none.json"), "cannot read", "No such file")
    told(run(tmp_path), "cannot read", "directory")


def told(done: Result, *said: str) -> None:
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert not [word for word in said if word not in done.stderr], done.stderr
    assert "Traceback" not in done.output


def test_a_whole_town(tmp_path: Path) -> None:
    """Two in three homes vote, twice each; the sums are known beforehand."""
    opens, closes = "2026-11-20T08:00:00+08:00", "2026-11-27T20:00:00+08:00"
    units = [{"id": f"{n}", "area": "80.01", "owners": [f"业主{n}"], "kind": "dwelling"} for n in range(HOMES)]
    ballots = [
        {"unit": f"{n}", "voter": f"业主{n}", "choice": choice, "at": at, "channel": "chat"}
        for choice, at in (("disagree", opens), ("agree", closes))
        for n in range(0, HOMES)
        if n % 3
    ]
    case = {"rule": "civil-code-278-special", "nonresponse": "not_participated", "units": units, "ballots": ballots}
    file = tmp_path / "town.json"
    file.write_text(json.dumps({**case, "opens": opens, "closes": closes}, ensure_ascii=False), encoding="utf-8")
    found = json.loads(run(file).stdout)
    voted = HOMES - 32_334  # those whose number 3 divides did not
    assert found["total"] == {"area": "7760970.00", "heads": HOMES}
    assert found["agreed"] == {"area": f"{voted * 8001 // 100}.{voted * 8001 % 100:02}", "heads": voted}
    assert (found["status"], found["needs"]) == ("no_quorum", {"area": "53.34", "heads": 1})
    assert len(found["ignored"]) == voted
