"""The kind of a message from the gate words in it: lists, ballots, offers and notices quote faults freely."""

from collections.abc import Mapping, Sequence

_SHORT = 20  # a ballot is short


def loud_kind(groups: Mapping[str, Sequence[object]], length: int, complains: bool) -> str:
    """A kind that overrides a complaint, "" when the message is none of these."""
    upset = len(groups.get("appeal", ())) + len(groups.get("lasting", ()))
    offers = len(groups.get("ad", ()))
    brief = length <= _SHORT and not groups.get("appeal")
    rules = (
        ("jielong", bool(groups.get("jielong"))),
        ("ad", bool(groups.get("ad_strong")) and upset < (3 if offers >= 2 else 1)),
        ("ad", offers >= 3 and upset < 2),
        ("notice", bool(groups.get("notice_strong")) and not groups.get("appeal")),
        ("vote", bool(groups.get("vote")) and (brief or not complains)),
    )
    return next((kind for kind, holds in rules if holds), "")


def quiet_kind(groups: Mapping[str, Sequence[object]], done: bool) -> str:
    """What a message without a complaint is."""
    rules = (
        ("thanks", groups.get("thanks") or (groups.get("praise") and not groups.get("chat"))),
        ("notice", len(groups.get("notice", ())) >= 2),
        ("chat", groups.get("news") or done),
        ("question", groups.get("ask") or groups.get("seek") or groups.get("polite")),
        ("suggestion", groups.get("suggest") or groups.get("discuss")),
    )
    return next((kind for kind, holds in rules if holds), "chat")
