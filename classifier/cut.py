"""Where words begin and end: rjieba if it is installed, else jieba, both without guessing new words."""

from collections.abc import Callable
from functools import cache
from itertools import accumulate

Cutter = Callable[[str], list[str]]


def _with_rjieba() -> Cutter:
    import rjieba

    return lambda text: rjieba.cut(text, False)


def _with_jieba() -> Cutter:
    import jieba

    jieba.setLogLevel(60)
    return lambda text: jieba.lcut(text, HMM=False)


@cache
def cutter(name: str = "") -> Cutter:
    """The word cutter called `name` ("rjieba", "jieba"), or the faster of those installed."""
    if name == "jieba":
        return _with_jieba()
    try:
        return _with_rjieba()
    except ImportError:
        if name == "rjieba":
            raise
        return _with_jieba()


def _search_with_rjieba() -> Cutter:
    import rjieba

    return lambda text: rjieba.cut_for_search(text, False)


def _search_with_jieba() -> Cutter:
    import jieba

    jieba.setLogLevel(60)
    return lambda text: jieba.lcut_for_search(text, HMM=False)


@cache
def searcher(name: str = "") -> Cutter:
    """Like `cutter`, but long words come with the shorter ones inside them."""
    if name == "jieba":
        return _search_with_jieba()
    try:
        return _search_with_rjieba()
    except ImportError:
        return _search_with_jieba()


def boundaries(text: str, cut: Cutter) -> set[int]:
    """The places between two words, with both ends."""
    return {*accumulate(map(len, cut(text)), initial=0)}
