"""Is anybody in danger now? Hard rules over the words found, and the words that forbid an alarm."""

from collections.abc import Iterable

from classifier.load import DANGER, VETO, Lexicon, Rule
from classifier.scan import Hit

_WHAT, _HALF = 2, 0.5  # the first groups of a rule say what happens and to what


def find_danger(lexicon: Lexicon, hits: list[Hit], refused: Iterable[Hit]) -> tuple[str, tuple[str, ...]]:
    """The first danger whose rule holds, with its words; ("", ()) when there is none or a veto forbids it."""
    groups = _groups(hits, refused)
    for rule in lexicon.rules if groups else ():
        words = _holds(rule, groups)
        if words:
            return rule.danger, words
    return "", ()


def nearest_danger(
    lexicon: Lexicon, hits: list[Hit], refused: Iterable[Hit], sure: bool
) -> tuple[str, tuple[str, ...]]:
    """The danger whose rule comes nearest to holding, with its words, for a message that sounds like a cry for help.

    What happens and to what has to be said; where the message surely is a cry, half of a rule will do.
    """
    groups = _groups(hits, refused)
    near: list[tuple[float, Rule]] = []
    for rule in lexicon.rules if groups else ():
        share = sum(name in groups for name in rule.groups) / len(rule.groups)
        what = all(name in groups for name in rule.groups[:_WHAT])
        if what or (sure and share >= _HALF):
            near.append((share, rule))
    if not near:
        return "", ()
    rule = max(near, key=lambda pair: pair[0])[1]
    return rule.danger, tuple(groups[name][0].word for name in rule.groups if name in groups)


def _groups(hits: list[Hit], refused: Iterable[Hit]) -> dict[str, list[Hit]]:
    """The danger words by group; none when a veto forbids the alarm."""
    groups: dict[str, list[Hit]] = {}
    skip = {id(hit) for hit in refused}
    vetoes: set[str] = set()
    for hit in hits:
        for mark in hit.marks:
            if mark.role == DANGER and id(hit) not in skip:
                groups.setdefault(mark.group, []).append(hit)
            elif mark.role == VETO:
                vetoes.add(mark.group)
    return {} if _forbidden(vetoes) else groups


def _forbidden(vetoes: set[str]) -> bool:
    """Forwards and drills always; another time unless it goes on now; mere fear unless it surely happens."""
    if "always" in vetoes:
        return True
    if "sure" in vetoes:
        return False
    return "maybe" in vetoes or ("past" in vetoes and "now" not in vetoes)


def _holds(rule: Rule, groups: dict[str, list[Hit]]) -> tuple[str, ...]:
    """One word of each group, all within the span of the first; empty when the rule does not hold."""
    if any(name not in groups for name in rule.groups):
        return ()
    for first in groups[rule.groups[0]]:
        words = [first.word]
        for name in rule.groups[1:]:
            near = [h for h in groups[name] if abs(h.core - first.core) <= rule.span]
            if not near:
                break
            words.append(near[0].word)
        else:
            return tuple(words)
    return ()
