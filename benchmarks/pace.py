"""How fast the classifier is beside `jieba.lcut` in the same run, what a lesson takes, and a start in a new process."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import jieba

from benchmarks.table import Table
from classifier import Classifier, load_lexicon
from classifier.examples import seeds

ROUNDS, COMPLAINTS, MIXED, SHARE = 9, 400, 2_000, 20  # of the mixed lines every twentieth is a complaint
LESSONS, STARTS = 500, 5
LONG = 1_000_000
_START = """
import time
begun = time.perf_counter()
{body}
spent = time.perf_counter() - begun
print(spent, next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
_BODY = """
from classifier import Classifier, load_lexicon
Classifier(load_lexicon()).guess("a")
"""


def texts(data: Path | None) -> tuple[list[str], list[str]]:
    """Complaints and plain chat."""
    if not data:
        found = seeds()
        return [seed.text for seed in found if seed.complaint], [seed.text for seed in found if not seed.complaint]
    complaints: list[str] = []
    for pattern in ("chat_*.jsonl", "titles*.jsonl"):
        lines = next(data.glob(pattern)).read_text(encoding="utf-8").splitlines()
        complaints += [row["text"] for row in map(json.loads, lines) if row["kind"] == "complaint"]
    return complaints, next(data.glob("chat_negatives*.txt")).read_text(encoding="utf-8").splitlines()


def _spent(work: Callable[[str], object], lines: Sequence[str]) -> float:
    begun = time.perf_counter()
    for line in lines:
        work(line)
    return time.perf_counter() - begun


def ratio(classifier: Classifier, lines: Sequence[str]) -> tuple[float, float]:
    """How many times faster than jieba, the median of the rounds, and microseconds a line."""
    found: list[tuple[float, float]] = []
    for at in range(ROUNDS):
        works = [classifier.guess, jieba.lcut]
        spent = {work: _spent(work, lines) for work in (works if at % 2 else works[::-1])}
        found.append((spent[jieba.lcut] / spent[classifier.guess], spent[classifier.guess]))
    return median(one for one, _ in found), 1e6 * median(one for _, one in found) / len(lines)


def _start(body: str) -> tuple[float, float]:
    runs = []
    for _ in range(STARTS):
        done = subprocess.run(
            [sys.executable, "-c", _START.format(body=body)], capture_output=True, check=True, text=True
        )
        runs.append(tuple(map(float, done.stdout.split())))
    return median(seconds for seconds, _ in runs), median(memory for _, memory in runs)


def pace(table: Table, data: Path | None) -> None:
    """Everything that has to do with time and memory."""
    jieba.setLogLevel(60)
    jieba.initialize()
    classifier = Classifier(load_lexicon())
    complaints, chat = texts(data)
    complaints = complaints[:: max(1, len(complaints) // COMPLAINTS)]
    chat = chat[:: max(1, len(chat) // MIXED)]
    mixed = [complaints[at // SHARE % len(complaints)] if at % SHARE == 0 else line for at, line in enumerate(chat)]
    for name, lines, bar in (("complaints", complaints, 3.0), ("95 % chat", mixed, 15.0)):
        times, each = ratio(classifier, lines)
        table.add(f"speed: {name}, jieba.lcut = 1 ({each:.0f} µs a line)", times, "x", (">=", bar))
    view = classifier.for_counts()
    lessons = [(complaints[at % len(complaints)], view.lexicon.codes[at % 16]) for at in range(LESSONS)]
    spent = [1e3 * _spent(lambda text, code=code: view.learn(text, code), [text]) for text, code in lessons]  # type: ignore[misc]
    table.add("one correction, median", median(spent), "ms", ("<=", 0.1), 3)
    times, each = ratio(view, mixed)
    table.add(f"speed: 95 % chat, after {LESSONS} lessons ({each:.0f} µs a line)", times, "x")
    words = complaints[0]
    slow = max(_spent(classifier.guess, [text]) for text in (words * (LONG // len(words)), "a" * LONG, "\ud800" * LONG))
    table.add("a line of a million characters, each 1,000", 1e3 * slow / (LONG / 1e3), "ms", ("<=", 10.0), 3)
    (bare, empty), (seconds, memory) = _start("pass"), _start(_BODY)
    table.add("start", seconds - bare, "s", ("<=", 0.6))
    table.add("memory over bare Python", memory - empty, "MB", ("<=", 70.0), 1)
