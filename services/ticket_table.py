"""The states, the acts and the limits of a ticket as the generated parts of docs/tickets.md."""

import re
from dataclasses import fields

from domain.limits import KINDS, UTILITIES, workdays
from domain.rules import Limits
from domain.tickets import ENDED, LIVE, STEPS, Status
from texts import say


def states() -> str:
    out = ["| state | in words | |", "|---|---|---|"]
    for status in Status:
        kind = "ended" if status in ENDED else "live" if status in LIVE else "the reporters are asked"
        out.append(f"| `{status.value}` | {say(f'tickets.state_{status.value}')} | {kind} |")
    return "\n".join([*out, ""])


def acts() -> str:
    out = ["| act | in these states | then |", "|---|---|---|", "| `opened` | – | `open` |"]
    for act, steps in STEPS.items():
        groups: dict[str, list[Status]] = {}
        for source, target in steps.items():
            groups.setdefault("as it was" if target is source else f"`{target.value}`", []).append(source)
        out += [f"| `{act.value}` | {_listed(sources)} | {then} |" for then, sources in groups.items()]
    return "\n".join([*out, ""])


def limits() -> str:
    """By kind, and all numbers by their name in the settings."""
    rules = Limits()
    out = ["| kind | somebody takes it or calls | done | next level |", "|---|---|---|---|"]
    for kind in KINDS:
        if kind == "urgent":
            hop = f"{rules.urgent_hop_minutes} min"
            times = (f"{rules.urgent_respond_minutes} min", f"{rules.urgent_resolve_minutes} min", hop)
        else:
            done = f"{rules.utility_hours} h" if kind == "utility" else _days(workdays(kind, rules))
            times = (f"{rules.respond_hours} h", done, _days(rules.hop_days))
        out.append(f"| `{kind}` | {' | '.join(times)} |")
    things = ", ".join(f"{say(f'categories.{name}')} `{name}`" for name in sorted(UTILITIES))
    out += [
        "",
        f"`utility`: {things}, whatever was asked.",
        "",
        "| setting (`[rules.limits]`) | default |",
        "|---|---|",
    ]
    for each in fields(Limits):
        value = getattr(rules, each.name)
        out.append(f"| `{each.name}` | {', '.join(value) if isinstance(value, tuple) else value} |")
    return "\n".join([*out, ""])


def _days(count: int) -> str:
    return f"{count} working day{'s' if count > 1 else ''}"


def _listed(statuses: list[Status]) -> str:
    return ", ".join(f"`{status.value}`" for status in statuses)


PARTS = {"states": states, "acts": acts, "limits": limits}


def into(page: str) -> str:
    """The page with each part between its marks."""
    for name, part in PARTS.items():
        marks = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
        page = marks.sub(part().replace("\\", r"\\"), page)
    return page
