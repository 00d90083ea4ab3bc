"""A second count of decisions, from docs/votes.md alone and by brute force: nothing of `domain/` is used.

It goes person by person and ballot by ballot, in whole hundredths of a square metre, and finds what is missing by
trying one step after another.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Json = dict[str, Any]


def recount(case: Json) -> Json:
    units = {unit["id"]: unit for unit in case["units"] if unit["kind"] != "parking" or case.get("parking_counts")}
    ignored: list[tuple[str, str]] = []
    valid: list[Json] = []
    for ballot in case["ballots"]:
        reason = fault(case, ballot)
        if reason:
            ignored.append((ballot["unit"], reason))
        else:
            valid.append(ballot)
    said: dict[str, list[str]] = {name: [] for name in units}
    for ballot in valid:
        rivals = [other for other in valid if of(case, other) == of(case, ballot) and other is not ballot]
        if any(is_own(case, other) and not is_own(case, ballot) for other in rivals):
            ignored.append((ballot["unit"], "owner_voted"))
        elif any(beats(case, other, ballot, valid) for other in rivals):
            ignored.append((ballot["unit"], "superseded"))
        else:
            said[ballot["unit"]].append(ballot["choice"])
    persons: list[list[str]] = []
    for name, unit in units.items():
        for person in persons:
            if same_person(units[person[0]], unit):
                person.append(name)
                break
        else:
            persons.append([name])
    sums = {
        "total": (area(units, units), len(persons)),
        "participated": (
            area(units, [name for name in units if said[name]]),
            sum(any(said[name] for name in person) for person in persons),
        ),
        "agreed": (
            area(units, [name for name in units if said[name] and all(word == "agree" for word in said[name])]),
            sum(
                any(said[name] for name in person) and all(word == "agree" for name in person for word in said[name])
                for person in persons
            ),
        ),
    }
    return {**sums, **judge(case["rule"], case["nonresponse"], sums), "ignored": sorted(ignored)}


def fault(case: Json, ballot: Json) -> str:
    found = [unit for unit in case["units"] if unit["id"] == ballot["unit"]]
    if not found:
        return "unknown_unit"
    if found[0]["kind"] == "parking" and not case.get("parking_counts"):
        return "parking"
    if not moment(case["opens"]) <= moment(ballot["at"]) <= moment(case["closes"]):
        return "early" if moment(ballot["at"]) < moment(case["opens"]) else "late"
    owners = found[0]["owners"]
    proxy = ballot.get("proxy_for")
    if proxy in owners and proxy != ballot["voter"]:
        if not ballot.get("in_writing", True):
            return "proxy_unwritten"
    elif ballot["voter"] not in owners:
        return "not_owner"
    return "" if ballot["choice"] in ("agree", "disagree", "abstain") else "unclear_choice"


def of(case: Json, ballot: Json) -> tuple[str, str]:
    """Whose vote for which unit."""
    owners = next(unit["owners"] for unit in case["units"] if unit["id"] == ballot["unit"])
    return ballot["unit"], ballot["proxy_for"] if ballot.get("proxy_for") in owners else ballot["voter"]


def is_own(case: Json, ballot: Json) -> bool:
    return bool(of(case, ballot)[1] == ballot["voter"])


def beats(case: Json, other: Json, ballot: Json, valid: list[Json]) -> bool:
    if is_own(case, other) != is_own(case, ballot):
        return False
    there, here = moment(other["at"]), moment(ballot["at"])
    if there != here:
        return bool(there > here)
    order = ["agree", "abstain", "disagree"]
    if other["choice"] != ballot["choice"]:
        return order.index(other["choice"]) > order.index(ballot["choice"])
    first = next(each for each in valid if each is other or each is ballot)
    return first is ballot  # alike: the last one of the list stays


def same_person(one: Json, two: Json) -> bool:
    if one["kind"] == "unsold" or two["kind"] == "unsold":
        return bool(one["kind"] == two["kind"])
    return bool(one["owners"]) and sorted(set(one["owners"])) == sorted(set(two["owners"]))


def area(units: Json, names: Any) -> int:
    hundredths = [Decimal(units[name].get("area", 0)) * 100 for name in names]
    assert all(each == int(each) for each in hundredths)
    return sum(int(each) for each in hundredths)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# --- the law --------------------------------------------------------------------------------------------------------


def enough_present(rule: str, present: int, everybody: int) -> bool:
    return present * 3 >= everybody * 2 if rule.startswith("civil-code") else present * 2 > everybody


def enough_agree(rule: str, agreed: int, present: int, everybody: int) -> bool:
    if rule == "civil-code-278-special":
        return agreed * 4 >= present * 3
    return agreed * 2 > (everybody if rule == "committee" else present)


def judge(rule: str, nonresponse: str, sums: dict[str, tuple[int, int]]) -> Json:
    result = verdict(rule, nonresponse, sums)
    return {**result, "needs": (0, 0) if result["status"] == "passed" else missing(rule, nonresponse, sums, result)}


def verdict(rule: str, nonresponse: str, sums: dict[str, tuple[int, int]]) -> Json:
    total, present, agreed = sums["total"], sums["participated"], sums["agreed"]
    axes = (0, 1) if rule.startswith("civil-code") else (1,)
    silent = (total[0] - present[0], total[1] - present[1])
    deemed, choice, unclear = (0, 0), None, False
    if any(silent) and nonresponse == "abstain":
        deemed, choice = silent, "abstain"
    if any(silent) and nonresponse == "follow_majority":
        yes = [agreed[axis] > present[axis] - agreed[axis] for axis in axes]
        no = [agreed[axis] < present[axis] - agreed[axis] for axis in axes]
        if all(yes):
            deemed, choice = silent, "agree"
        elif all(no):
            deemed, choice = silent, "disagree"
        elif any(yes) or any(no):
            deemed, unclear = silent, True
    present = (present[0] + deemed[0], present[1] + deemed[1])
    if choice == "agree":
        agreed = (agreed[0] + deemed[0], agreed[1] + deemed[1])
    quorum = present[1] > 0 and all(enough_present(rule, present[axis], total[axis]) for axis in axes)
    if not quorum:
        status = "no_quorum"
    elif unclear:
        status = "indeterminate"
    else:
        passed = all(enough_agree(rule, agreed[axis], present[axis], total[axis]) for axis in axes)
        status = "passed" if passed else "rejected"
    told = None if status == "indeterminate" else status == "passed"
    return {"deemed": (*deemed, choice), "quorum": quorum, "passed": told, "status": status}


def missing(rule: str, nonresponse: str, sums: dict[str, tuple[int, int]], result: Json) -> tuple[int, int]:
    """Step by step on one axis, while the other is given all it could need."""
    total, present, agreed = sums["total"], sums["participated"], sums["agreed"]
    if nonresponse == "abstain":  # the silent are among those who may yet agree
        present, nonresponse = total, "not_participated"
        result = {**result, "deemed": (0, 0, None)}
    found = [0, 0]
    for axis in (0, 1) if rule.startswith("civil-code") else (1,):
        more = 0
        while True:
            if not result["quorum"]:
                there = present[axis] + result["deemed"][axis] + more
                if enough_present(rule, there, total[axis]):
                    break
            else:
                tried = [present[0], present[1]]
                tried[axis] = agreed[axis] + more
                changed = {"total": total, "participated": present, "agreed": (tried[0], tried[1])}
                if verdict(rule, nonresponse, changed)["status"] == "passed":
                    break
            more += 1
            assert more <= total[axis] + 1, "it can never pass"
        found[axis] = more
    return found[0], found[1]
