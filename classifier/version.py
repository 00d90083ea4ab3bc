"""Which words and examples a guess rests on, as a short stamp."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache

from classifier import examples, load

_LENGTH = 10


def version(own: Mapping[str, Sequence[str]] | None = None) -> str:
    """A stamp of the lexicon and examples that ship, and of the words of one's own categories."""
    if own is None:
        return _files()
    return hashlib.sha256(repr((_files(), list(own.items()))).encode("utf-8", "replace")).hexdigest()[:_LENGTH]


@cache
def _files() -> str:
    stamp = hashlib.sha256()
    for path in sorted((*load.FOLDER.glob("*.toml"), *examples.FOLDER.glob("*.tsv"))):
        stamp.update(path.name.encode() + b"\0" + path.read_bytes())
    return stamp.hexdigest()[:_LENGTH]
