"""Which category: votes of things, faults and whole phrases; and the short summary in a neighbour's words."""

import math
from collections.abc import Iterable, Mapping

from classifier.load import HINT, PROBLEM, STRONG, THING, WEAK, Lexicon
from classifier.scan import Hit

VOTE = {THING: 1.0, WEAK: 0.35, PROBLEM: 0.8, HINT: 0.4, STRONG: 2.0}
_ALONE = 0.7  # a fault whose category names no thing counts less: the object beats the fault
SHARP = 1.6
_OWN_SHARP, _COLD, _COLD_FADE = 1.9, 1.2, 25  # of one's own categories; less at first, until so many lessons
DISPUTED = 0.04  # so often even the surest category is wrong, because people do not agree
_TRUST = 3.0  # what a vote is worth before there are examples
_FADE = 500  # with so many examples it is worth half
LONGEST = 10


def votes(codes: Iterable[str], hits: list[Hit]) -> dict[str, float]:
    """The score of every category. A word shared by several categories splits its vote."""
    thing = dict.fromkeys(codes, 0.0)
    fault = dict(thing)
    seen: set[tuple[str, str, int]] = set()
    for hit in hits:
        owners: dict[int, dict[str, float]] = {}
        for mark in hit.marks:
            if mark.role in VOTE and mark.group:
                owners.setdefault(mark.role, {})[mark.group] = mark.weight
        for role, groups in owners.items():
            for code, weight in groups.items():
                if (key := (hit.word, code, role)) in seen or code not in thing:
                    continue
                seen.add(key)
                board = thing if role in (THING, WEAK) else fault
                board[code] += VOTE[role] * weight / len(groups)
    return {c: thing[c] + fault[c] * (1.0 if thing[c] else _ALONE) for c in thing}


def trust(examples: float) -> float:
    """What a vote is worth; the more examples, the less."""
    return _TRUST * _FADE / (_FADE + examples)


def mix(voted: Mapping[str, float], learned: Mapping[str, float], weight: float) -> dict[str, float]:
    """The lexicon's votes and the examples' scores."""
    return {code: score + weight * voted[code] for code, score in learned.items()}


def own_sharp(learned: float) -> float:
    """How sharply the scores of one's own categories are read: their words alone promise more than they hold."""
    return _OWN_SHARP - _COLD * _COLD_FADE / (_COLD_FADE + learned)


def rank(scores: dict[str, float], fallback: str, sharp: float = SHARP, doubt: float = 0.0) -> tuple[str, float, str]:
    """Best category, its probability, runner-up. Without any vote the fallback leads.

    `doubt` is how often even the surest guess is wrong, because people do not agree on the category.
    """
    order = sorted(scores, key=lambda code: (-scores[code], code != fallback))
    if not order:
        return "", 0.0, ""
    if scores[order[0]] <= 0 and fallback in scores:
        order = [fallback, *(code for code in order if code != fallback)]
    top = scores[order[0]]
    if top <= 0:
        return order[0], 1.0 / len(order), order[min(1, len(order) - 1)]
    voted = [score for score in scores.values() if score > 0]
    total = sum(math.exp(sharp * (score - top)) for score in voted)
    if len(voted) < len(order):  # those without a vote stand together as one
        total += math.exp(-sharp * top)
    share = (1.0 - doubt) / total + doubt / len(order)
    return order[0], share, order[1] if len(order) > 1 else order[0]


def _labels(hits: list[Hit], code: str, role: int) -> list[str]:
    return [m.label for h in hits for m in h.marks if m.role == role and m.group == code and m.label]


def describe(lexicon: Lexicon, code: str, hits: list[Hit]) -> tuple[str, str]:
    """Matter and summary. A fault written `=…` in the lexicon says the whole by itself."""
    things = _labels(hits, code, THING)
    weak = _labels(hits, code, WEAK)
    faults = _labels(hits, code, PROBLEM)
    common = _labels(hits, "", PROBLEM)
    strong = _labels(hits, code, STRONG)
    matter = next(iter(things or weak), "")
    if not matter and strong:
        matter = lexicon.matter_in(code, strong[0])
    for fault in faults:
        if fault.startswith("="):
            return matter, fault[1:][:LONGEST]
        if things and len(things[0] + fault) <= LONGEST:
            return matter, things[0] + fault
    if strong:
        named = lexicon.matter_in(code, strong[0])
        if things and named and named != things[0] and len(things[0] + strong[0]) - len(named) <= LONGEST:
            return matter, things[0] + strong[0][len(named) :]
        return matter, strong[0][:LONGEST]
    if things and common and len(things[0] + common[0]) <= LONGEST:
        return matter, things[0] + common[0]
    return matter, lexicon.short(code)[:LONGEST]
