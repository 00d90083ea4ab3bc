"""Drawing one-time codes: digits that are no other code's."""

import secrets
from datetime import datetime
from typing import Any

from services.turn import Turn
from storage import codes


def draw(
    turn: Turn,
    kind: str,
    digits: int,
    *,
    compound: int,
    made_by: int,
    until: datetime,
    household: int | None = None,
    target: dict[str, Any] | None = None,
) -> str:
    """A new code of that kind, good until then and for one use."""
    while True:
        code = f"{secrets.randbelow(10**digits):0{digits}d}"
        made = codes.add(
            turn.tx,
            kind=kind,
            code=code,
            compound_id=compound,
            household_id=household,
            target=target or {},
            made_by=made_by,
            made_at=turn.now,
            expires_at=until,
        )
        if made:
            return code
