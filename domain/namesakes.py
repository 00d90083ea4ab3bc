"""Whom of a household somebody means who says their name as neighbours do."""

from collections.abc import Iterable, Sequence


def fitting(said: str, known: Sequence[tuple[int, str]], titles: Iterable[str]) -> list[tuple[int, str]]:
    """Those of `known` (id, name) with that very name; without one, those whose name begins as the said one does before
    a title: the surname."""
    name = "".join(said.split())
    same = [each for each in known if name and each[1] == name]
    if same:
        return same
    begins = next((name.removesuffix(title) for title in _longest(titles) if name.endswith(title)), "")
    return [each for each in known if begins and each[1].startswith(begins) and each[1] != begins]


def veiled(name: str) -> str:
    """王*英, 王*: whom it names knows it, others do not."""
    return f"{name[:1]}{'*' * (len(name) - 2)}{name[-1:]}" if len(name) > 2 else f"{name[:1]}*"


def _longest(titles: Iterable[str]) -> list[str]:
    return sorted(titles, key=len, reverse=True)
