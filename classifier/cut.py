"""Where words begin and end: rjieba if it is installed, else jieba, both without guessing new words."""

from collections.abc import Callable
from functools import cache
from itertools import accumulate

Cutter = Callable[[str], list[str]]


def _with_rjieba() -> tuple[Cutter, Cutter]:
    import rjieba

    return lambda text: rjieba.cut(text, False), lambda text: rjieba.cut_for_search(text, False)


def _with_jieba() -> tuple[Cutter, Cutter]:
    import jieba

    jieba.setLogLevel(60)
    return lambda text: jieba.lcut(text, HMM=False), lambda text: jieba.lcut_for_search(text, HMM=False)


@cache
def _engine(name: str) -> tuple[Cutter, Cutter]:
    if name == "jieba":
        return _with_jieba()
    try:
        return _with_rjieba()
    except ImportError:
        if name == "rjieba":
            raise
        return _with_jieba()


def cutter(name: str = "") -> Cutter:
    """The word cutter called `name` ("rjieba", "jieba"), or the faster of those installed."""
    return _engine(name)[0]


def searcher(name: str = "") -> Cutter:
    """Like `cutter`, but long words come with the shorter ones inside them."""
    return _engine(name)[1]


def boundaries(text: str, cut: Cutter) -> set[int]:
    """The places between two words, with both ends."""
    return {*accumulate(map(len, cut(text)), initial=0)}
