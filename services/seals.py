"""The audit log is sealed into one hash chain per compound, and the chains are recomputed on request."""

from datetime import datetime, timedelta

from storage import audit
from storage.database import Database, Tx

# PostgreSQL gives a row its id before its transaction commits: a row with a lower id may still be on its way when a
# higher one is seen. It would be passed over for good, so only rows older than any transaction lives are sealed.
SETTLED = timedelta(minutes=10)
BATCH = 500  # rows of a transaction
_LINKS = 50  # recomputed in one read


def seal(tx: Tx, now: datetime) -> int:
    """Seal one batch; returns the rows sealed, 0 where nothing is left. Any number of processes may do it."""
    return audit.seal(tx, settled=now - SETTLED, now=now, most=BATCH)


async def verify(database: Database) -> tuple[list[str], bool]:
    """Recompute everything: (a line for each chain, whether all is as it was written)."""
    lines, whole = [], True
    for compound in await database.read(audit.chains):
        link = audit.Link(0, "")
        while link.more:
            link = await database.read(audit.verify, compound, link, most=_LINKS)
        name = f"compound {compound}" if compound else "no compound"
        if link.broken:
            lines.append(f"{name}: BROKEN at {link.broken}")
        else:
            lines.append(f"{name}: {link.rows} rows up to {link.last_id}, {link.digest}")
        whole = whole and not link.broken
    stray, waiting = await database.read(audit.beside)
    if whole and stray:
        lines.append(f"BROKEN: {abs(stray)} rows {'inserted beside' if stray > 0 else 'missing from'} the chains")
    lines.append(f"not sealed yet: {waiting} rows")
    return lines, whole and not stray
