"""Measure the classifier: `python tests/classifier/measure.py --data DIR [--show NAME]`. Not a test."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from classifier import Classifier, load_lexicon


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} = {100 * part / max(whole, 1):.1f} %"


def _rows(data: Path, shown: set[str]) -> Iterator[tuple[str, str]]:
    c = Classifier(load_lexicon())

    def show(name: str, *what: object) -> None:
        if name in shown:
            print(name, *what, sep=" | ")

    titles = [t for t in _lines(next(data.glob("titles*.jsonl"))) if t["kind"] == "complaint"]
    named = [t for t in titles if t["label"] != "other"]
    right = noticed = alarms = 0
    for t in titles:
        g = c.guess(t["text"])
        noticed += g.ticket
        if g.urgent and not t["urgent"]:
            alarms += 1
            show("alarm", g.danger, t["text"], g.reasons)
        if not g.ticket:
            show("title-miss", t["label"], t["text"], g.kind, g.reasons)
        if t["label"] != "other":
            right += g.category == t["label"]
            if g.category != t["label"]:
                show("title", t["label"], g.category, t["text"], g.reasons)
    yield "titles: category right (not other)", _share(right, len(named))
    yield "titles: ticket", _share(noticed, len(titles))

    chat = _lines(next(data.glob("chat_*.jsonl")))
    wanted = [t for t in chat if t["label"] != "none"]
    found = right = second = dangers = caught = 0
    for t in wanted:
        g = c.guess(t["text"])
        found += g.ticket
        right += g.category == t["label"]
        second += t["label"] in (g.category, g.runner_up)
        if not g.ticket:
            show("miss", t["label"], t["text"], g.kind, g.reasons)
        if g.category != t["label"]:
            show("wrong", t["label"], g.category, t["text"], g.reasons)
        if g.ticket:
            show("summary", g.category, g.matter, g.summary, t["text"])
        dangers += t["urgent"]
        caught += t["urgent"] and g.urgent
        if g.urgent != bool(t["urgent"]):
            show("urgent", t["urgent"], g.danger, t["text"], g.reasons)
            alarms += g.urgent
    yield "chat: noticed", _share(found, len(wanted))
    yield "chat: category right", _share(right, len(wanted))
    yield "chat: in best two", _share(second, len(wanted))
    yield "chat: urgent found", _share(caught, dangers)
    quiet = [t for t in chat if t["label"] == "none"]
    false = kinds = 0
    for t in quiet:
        g = c.guess(t["text"])
        false += g.ticket
        kinds += g.kind == t["kind"]
        if g.ticket:
            show("false", t["text"], g.category, g.reasons)
        if g.kind != t["kind"]:
            show("kind", t["kind"], g.kind, t["text"], g.reasons)
        alarms += g.urgent
        if g.urgent:
            show("alarm", g.danger, t["text"], g.reasons)
    yield "chat: answered though none", _share(false, len(quiet))
    yield "chat: kind right of none", _share(kinds, len(quiet))

    lines = next(data.glob("chat_negatives*.txt")).read_text(encoding="utf-8").splitlines()
    false = 0
    start = time.perf_counter()
    guesses = [c.guess(line) for line in lines]
    spent = time.perf_counter() - start
    for line, g in zip(lines, guesses, strict=True):
        false += g.ticket
        alarms += g.urgent
        if g.ticket:
            show("negative", g.category, line[:90], g.reasons)
        if g.urgent:
            show("alarm", g.danger, line[:90], g.reasons)
    yield "negatives: ticket", _share(false, len(lines))
    yield "false urgent, all data", _share(alarms, len(lines) + len(chat) + len(titles))
    yield "speed, chat line", f"{1e6 * spent / len(lines):.1f} µs"
    start = time.perf_counter()
    for _ in range(10):
        for t in wanted:
            c.guess(t["text"])
    yield "speed, complaint", f"{1e6 * (time.perf_counter() - start) / 10 / len(wanted):.1f} µs"


def _transcripts(data: Path) -> None:
    c = Classifier(load_lexicon())
    for path in sorted((data / "transcripts").glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            head, _, text = line.partition("): ")
            role = head.partition("(")[2]
            role = {"社区": "community", "物业": "property", "外来": "outsider"}.get(role, "")
            g = c.guess(text.replace("\\n", "\n"), role or None)
            if g.ticket:
                print(path.stem, head, text, g.category, g.danger, g.summary, g.reasons, sep=" | ")


def main() -> None:
    """Print the table, and the lines asked for with --show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--show", nargs="*", default=[])
    args = parser.parse_args()
    for name, value in list(_rows(args.data, set(args.show))):
        print(f"{name:36} {value}")
    if "transcripts" in args.show:
        _transcripts(args.data)


if __name__ == "__main__":
    main()
