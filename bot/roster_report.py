"""The words of rosters, and what is said about a fault in one."""

from collections.abc import Iterable
from functools import cache

from domain.roster_plan import Counts
from domain.rosters import Column, Finding, Kind, Relation, Roster, RosterWords, Severity
from texts import pattern, say, words


@cache
def roster_words() -> RosterWords:
    return RosterWords(
        headers={word: column for column in Column for word in words(f"rosters.header_{column}")},
        relations={word: relation for relation in Relation for word in words(f"rosters.relation_{relation}")},
        kinds={word: kind for kind in Kind for word in words(f"rosters.kind_{kind}")},
        nothing=words("rosters.nothing"),
        digits=say("rosters.digits"),
        header_noise=pattern("rosters.header_noise"),
        aside=pattern("rosters.aside"),
        building=pattern("rosters.building"),
        unit=pattern("rosters.unit"),
        room=pattern("rosters.room"),
        place=pattern("rosters.place"),
        date=pattern("rosters.date"),
        area=pattern("rosters.area"),
        relation_noise=pattern("rosters.relation_noise"),
        name_several=pattern("rosters.name_several"),
        name_office=pattern("rosters.name_office"),
        name_company=pattern("rosters.name_company"),
    )


def fault(finding: Finding) -> str:
    return say(f"rosters.fault_{finding.code}", **finding.data)


def advice(finding: Finding) -> str:
    return say(f"rosters.fix_{finding.code}")


def lines(findings: Iterable[Finding]) -> list[str]:
    """One short sentence each, with its place in the file; the sheet is named where there are several."""
    findings = list(findings)
    several = len({finding.sheet for finding in findings}) > 1
    said = []
    for finding in findings:
        line = say("rosters.line", row=finding.row or "", column=finding.column, said=fault(finding))
        said.append(say("rosters.line_sheet", sheet=finding.sheet, line=line) if several else line)
    return said


def judged(roster: Roster) -> list[str]:
    """The findings and how many there are."""
    errors = sum(finding.severity is Severity.ERROR for finding in roster.findings)
    warnings = len(roster.findings) - errors
    return [*lines(roster.findings), say("rosters.checked", seen=roster.seen, errors=errors, warnings=warnings)]


def difference(name: str, counts: Counts, *, known: bool, empty: bool, unkept: int) -> list[str]:
    """What an import changes, in at most five lines."""
    said = [say("rosters.compound_known", name=name) if known else say("rosters.compound_new", name=name)]
    if empty:
        said = [say("rosters.diff_none")]
    else:
        told = {"buildings": counts.buildings, "households": counts.households, "people": counts.people}
        said.append(say("rosters.diff_new", **told))
    if counts.households_changed or counts.people_changed:
        told = {"households": counts.households_changed, "people": counts.people_changed}
        said.append(say("rosters.diff_changed", **told))
    if counts.households_gone or counts.people_gone:
        told = {"households": counts.households_gone, "people": counts.people_gone}
        said.append(say("rosters.diff_gone", **told))
    return [*said, say("rosters.unkept", count=unkept)] if unkept else said
