"""The words of rosters, and what is said about a fault in one."""

from collections.abc import Iterable
from functools import cache

from domain.rosters import Column, Finding, Kind, Relation, RosterWords
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
