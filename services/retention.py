"""Retention: what is kept how long and why; a night takes the rest away (PIPL, articles 19 and 47)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.rules import Rules
from storage import audit, codes, conversations, lanes, outbox, pace, retention, ticket_files
from storage.database import Tx
from texts import say

_RUNS = 5
_HOUR = timedelta(hours=1)
FILES = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Kept:
    """A kind of row; after: how long it is kept (None: until it is asked for, see `retention.why_…`)."""

    kind: str
    after: timedelta | None = None


def kept(rules: Rules) -> tuple[Kept, ...]:
    """Every kind of personal or passing row. Its reason stands in texts, "retention.why_" and the kind."""
    brief = timedelta(days=rules.keep_days)
    return (
        Kept("sent", _HOUR),
        Kept("outbox", brief),
        Kept("inbox", brief),
        Kept("code", brief),
        Kept("conversation", rules.dialog_window),
        Kept("pace", _HOUR),
        Kept("words", timedelta(days=rules.keep_words_days)),
        Kept("file", FILES),
        Kept("leaver", timedelta(days=rules.keep_leaver_days)),
        Kept("request", timedelta(days=rules.keep_request_days)),
        Kept("consent", timedelta(days=rules.keep_consent_days)),
        Kept("person"),
        Kept("roster"),
        Kept("lesson"),
        Kept("ticket"),
        Kept("post"),
        Kept("audit"),
    )


def forget_old(tx: Tx, now: datetime, rules: Rules) -> dict[str, int]:
    """Take away what is older; the counts, which are kept in the audit log too."""
    before = {each.kind: now - each.after for each in kept(rules) if each.after is not None}
    counts = {
        "sent": outbox.forget_words(tx, before=before["sent"], since=before["outbox"]),
        "outbox": outbox.forget_sent(tx, before=before["outbox"]),
        "inbox": lanes.forget_updates(tx, before=before["inbox"]),
        "code": codes.forget(tx, before=before["code"]),
        "conversation": conversations.forget_expired(tx, before=now),
        "pace": pace.forget(tx, before=before["pace"]),
        "file": ticket_files.forget(tx, before=before["file"]),
    }
    counts |= {kind: retention.forget(tx, kind, before=before[kind]) for kind in retention.KINDS}
    audit.record(
        tx, at=now, compound_id=None, actor_id=None, subject=retention.RUN, subject_id=0, action="forgotten", **counts
    )
    return counts


def table(rules: Rules) -> list[str]:
    """A line for each kind: what, how long, why."""
    return [
        say(
            "retention.line",
            what=say(f"retention.what_{each.kind}"),
            long=_long(each.after),
            why=say(f"retention.why_{each.kind}"),
        )
        for each in kept(rules)
    ]


def _long(after: timedelta | None) -> str:
    if after is None:
        return say("retention.as_long")
    days = after // timedelta(days=1)
    return say("retention.days", count=days) if days else say("retention.hours", count=after // _HOUR)


def last_runs(tx: Tx, rules: Rules) -> list[str]:
    """The last nights: when, and how many rows of each kind were taken away."""
    runs = retention.runs(tx, most=_RUNS)
    lines = []
    for at, counts in runs:
        gone = [
            say("retention.count", what=say(f"retention.what_{kind}"), count=count)
            for kind, count in counts.items()
            if count
        ]
        day = f"{at.astimezone(rules.zone):%Y-%m-%d %H:%M}"
        comma = say("retention.comma")
        lines.append(say("retention.run", at=day, gone=comma.join(gone) or say("retention.nothing")))
    return lines or [say("retention.never")]
