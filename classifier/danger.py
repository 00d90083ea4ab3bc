"""Is anybody in danger now? Hard rules over the words found, and the words that forbid an alarm."""

from collections.abc import Iterable

from classifier.load import DANGER, VETO, Lexicon, Rule
from classifier.scan import Hit


def find_danger(lexicon: Lexicon, hits: list[Hit], refused: Iterable[Hit]) -> tuple[str, tuple[str, ...]]:
    """The first danger whose rule holds, with its words; ("", ()) when there is none or a veto forbids it."""
    groups: dict[str, list[Hit]] = {}
    skip = {id(hit) for hit in refused}
    vetoes: set[str] = set()
    for hit in hits:
        for mark in hit.marks:
            if mark.role == DANGER and id(hit) not in skip:
                groups.setdefault(mark.group, []).append(hit)
            elif mark.role == VETO:
                vetoes.add(mark.group)
    if not groups or _forbidden(vetoes):
        return "", ()
    for rule in lexicon.rules:
        words = _holds(rule, groups)
        if words:
            return rule.danger, words
    return "", ()


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
