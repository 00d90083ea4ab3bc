"""Measure the classifier: `python tests/classifier/measure.py --data DIR [--show NAME ...]`. Not a test.

Names for --show: title, title-miss, miss, wrong, urgent, summary, false, kind, negative, alarm, transcripts, and of the
examples that ship, each judged by a classifier that was not shown it: seed-miss, seed-false, seed-wrong, seed-urgent.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from classifier import Classifier, load_lexicon
from classifier.examples import seeds
from domain.guess import Guess

Row = dict[str, Any]
ROLES = {"社区": "community", "物业": "property", "外来": "outsider"}


class Table:
    """Counts what was asked, prints what was asked for."""

    def __init__(self, data: Path, shown: set[str]) -> None:
        self.data = data
        self.shown = shown
        start = time.perf_counter()
        self.classifier = Classifier(load_lexicon())
        self.speed = [("start", f"{time.perf_counter() - start:.2f} s")]
        self.of: Counter[str] = Counter()
        self.hit: Counter[str] = Counter()

    def rows(self, pattern: str) -> list[Row]:
        """The labelled lines of one file."""
        text = next(self.data.glob(pattern)).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    def count(self, name: str, holds: object) -> None:
        """One more case of a measure."""
        self.of[name] += 1
        self.hit[name] += bool(holds)

    def show(self, when: object, name: str, *what: object) -> None:
        """Print a case somebody asked to see."""
        if when and name in self.shown:
            print(name, *what, sep=" | ")

    def alarm(self, text: str, guess: Guess, wanted: object) -> None:
        """Every line of all data counts here."""
        false = guess.urgent and not wanted
        self.count("false urgent, all data", false)
        self.show(false, "alarm", guess.danger, text[:90], guess.reasons)

    def titles(self) -> None:
        """Formal titles: category and ticket."""
        for row in self.rows("titles*.jsonl"):
            if row["kind"] != "complaint":
                continue
            text, label = row["text"], row["label"]
            guess = self.classifier.guess(text)
            self.alarm(text, guess, row["urgent"])
            self.count("titles: ticket", guess.ticket)
            self.show(not guess.ticket, "title-miss", label, text, guess.kind, guess.reasons)
            if label != "other":
                self.count("titles: category right (not other)", guess.category == label)
                self.show(guess.category != label, "title", label, guess.category, text, guess.reasons)

    def chat(self) -> None:
        """Group chat: noticed, category, urgent, and answered though nothing was wanted."""
        for row in self.rows("chat_*.jsonl"):
            text, label = row["text"], row["label"]
            guess = self.classifier.guess(text)
            self.alarm(text, guess, row["urgent"])
            if label == "none":
                self.count("chat: answered though none", guess.ticket)
                self.count("chat: kind right of none", guess.kind == row["kind"])
                self.show(guess.ticket, "false", text, guess.category, guess.reasons)
                self.show(guess.kind != row["kind"], "kind", row["kind"], guess.kind, text, guess.reasons)
                continue
            self.count("chat: noticed", guess.ticket)
            self.count("chat: category right", guess.category == label)
            self.count("chat: in best two", label in (guess.category, guess.runner_up))
            if row["urgent"]:
                self.count("chat: urgent found", guess.urgent)
            self.show(not guess.ticket, "miss", label, text, guess.kind, guess.reasons)
            self.show(guess.category != label, "wrong", label, guess.category, text, guess.reasons)
            self.show(guess.urgent != bool(row["urgent"]), "urgent", guess.danger, text, guess.reasons)
            self.show(guess.ticket, "summary", guess.category, guess.matter, guess.summary, text)

    def negatives(self) -> None:
        """Chat that is no complaint, and the speed on it."""
        lines = next(self.data.glob("chat_negatives*.txt")).read_text(encoding="utf-8").splitlines()
        start = time.perf_counter()
        guesses = [self.classifier.guess(line) for line in lines]
        self.speed.append(("speed, chat line", f"{1e6 * (time.perf_counter() - start) / len(lines):.1f} µs"))
        for line, guess in zip(lines, guesses, strict=True):
            self.alarm(line, guess, False)
            self.count("negatives: ticket", guess.ticket)
            self.show(guess.ticket, "negative", guess.category, line[:90], guess.reasons)
        wanted = [row["text"] for row in self.rows("chat_*.jsonl") if row["label"] != "none"]
        start = time.perf_counter()
        for _ in range(10):
            for text in wanted:
                self.classifier.guess(text)
        spent = (time.perf_counter() - start) / 10 / len(wanted)
        self.speed.append(("speed, complaint", f"{1e6 * spent:.1f} µs"))

    def transcripts(self) -> None:
        """What the bot would take up on a written day."""
        for path in sorted((self.data / "transcripts").glob("*.txt")):
            for line in path.read_text(encoding="utf-8").splitlines():
                head, _, text = line.partition("): ")
                role = ROLES.get(head.partition("(")[2])
                guess = self.classifier.guess(text.replace("\\n", "\n"), role)
                self.show(
                    guess.ticket, "transcripts", path.stem, head, text, guess.category, guess.danger, guess.summary
                )

    def examples(self) -> None:
        """The examples that ship, a fifth at a time, by a classifier that saw the other four fifths."""
        lexicon, found = load_lexicon(), list(seeds())
        random.Random(3).shuffle(found)
        for fold in range(5):
            rest = [seed for at, seed in enumerate(found) if at % 5 != fold]
            classifier = Classifier(lexicon, examples=rest)
            for seed in found[fold::5]:
                guess = classifier.guess(seed.text)
                if seed.complaint:
                    self.count("seeds: noticed", guess.ticket)
                    self.count("seeds: category right", guess.category == seed.label)
                    self.show(not guess.ticket, "seed-miss", seed.label, seed.text, guess.reasons)
                    self.show(guess.category != seed.label, "seed-wrong", seed.label, guess.category, seed.text)
                else:
                    self.count("seeds: answered though plain", guess.ticket)
                    self.show(guess.ticket, "seed-false", seed.label, seed.text, guess.reasons)
                self.count("seeds: urgent found" if seed.urgent else "seeds: false urgent", guess.urgent)
                self.show(guess.urgent != seed.urgent, "seed-urgent", guess.danger, seed.text, guess.reasons)

    def print(self) -> None:
        """The table."""
        for name, whole in self.of.items():
            print(f"{name:36} {self.hit[name]}/{whole} = {100 * self.hit[name] / whole:.2f} %")
        for name, value in self.speed:
            print(f"{name:36} {value}")


def main() -> None:
    """Print the table, and the lines asked for with --show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--show", nargs="*", default=[])
    args = parser.parse_args()
    table = Table(args.data, set(args.show))
    for part in (table.titles, table.chat, table.negatives, table.transcripts, table.examples, table.print):
        part()


if __name__ == "__main__":
    main()
