"""`linli decide`: the count of a formal decision, from a file and for a file."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.commands.surroundings import fail
from domain.decision_cases import CaseError, read_case, show
from domain.decisions import decide as count


def decide(
    file: Annotated[Path, typer.Argument(help="The decision in JSON: rule, units, ballots (docs/votes.md).")],
) -> None:
    """Count a formal decision exactly, by the law's two stages; prints the result as one JSON object."""
    try:
        result = show(count(read_case(_read(file))))
    except CaseError as error:
        raise fail(f"{file}: {error}") from None
    # Half of a character that JSON can hold and UTF-8 cannot goes out as JSON writes it.
    typer.echo(json.dumps(result, ensure_ascii=False).encode("utf-8", "backslashreplace"))


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise fail(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise fail(f"cannot read {file}: not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise fail(f"{file}: not JSON in line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, ArithmeticError, RecursionError):
        raise fail(f"{file}: a number too long or lists too deep for a decision") from None
