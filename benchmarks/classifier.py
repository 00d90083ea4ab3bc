"""The classifier: how often it is right, cold and as it learns, how fast it is, and what it takes.

--show prints the lines behind a number. Of the labelled files: title, title-miss, miss, wrong, urgent, summary, false,
kind, negative, alarm, transcripts. Of the examples that ship, each judged without having been shown: seed-miss,
seed-false, seed-wrong, seed-urgent.
"""

import argparse
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.lessons import learning
from benchmarks.pace import pace
from benchmarks.table import Table
from classifier import Classifier, load_lexicon
from classifier.examples import seeds
from domain.guess import Guess

Row = dict[str, Any]
ROLES = {"社区": "community", "物业": "property", "外来": "outsider"}
FOLDS = 5


class Cold:
    """The classifier as it ships, on labelled lines."""

    def __init__(self, data: Path, shown: set[str]) -> None:
        """`shown` are the names of --show."""
        self.data, self.shown = data, shown
        self.classifier = Classifier(load_lexicon())
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
                self.count("titles: category", guess.category == label)
                self.count("titles: in best two", label in (guess.category, guess.runner_up))
                self.show(guess.category != label, "title", label, guess.category, text, guess.reasons)

    def chat(self) -> None:
        """Group chat: noticed, category, urgent, and answered though nothing was wanted."""
        for row in self.rows("chat_*.jsonl"):
            text, label = row["text"], row["label"]
            guess = self.classifier.guess(text)
            self.alarm(text, guess, row["urgent"])
            if label == "none":
                self.count(
                    "chat: answered, none, a thing named" if guess.matter else "chat: answered, none", guess.ticket
                )
                self.count("chat: kind of none", guess.kind == row["kind"])
                self.show(guess.ticket, "false", text, guess.category, guess.reasons)
                self.show(guess.kind != row["kind"], "kind", row["kind"], guess.kind, text, guess.reasons)
                continue
            self.count("chat: noticed", guess.ticket)
            self.count("chat: category", guess.category == label)
            self.count("chat: in best two", label in (guess.category, guess.runner_up))
            if row["urgent"]:
                self.count("chat: urgent found", guess.urgent)
            self.show(not guess.ticket, "miss", label, text, guess.kind, guess.reasons)
            self.show(guess.category != label, "wrong", label, guess.category, text, guess.reasons)
            self.show(guess.urgent != bool(row["urgent"]), "urgent", guess.danger, text, guess.reasons)
            self.show(guess.ticket, "summary", guess.category, guess.matter, guess.summary, text)

    def negatives(self) -> None:
        """Chat that is no complaint."""
        for line in next(self.data.glob("chat_negatives*.txt")).read_text(encoding="utf-8").splitlines():
            guess = self.classifier.guess(line)
            self.alarm(line, guess, False)
            self.count("plain chat: answered", guess.ticket)
            self.show(guess.ticket, "negative", guess.category, line[:90], guess.reasons)

    def transcripts(self) -> None:
        """What the bot would take up on a written day; only shown."""
        for path in sorted((self.data / "transcripts").glob("*.txt")) if "transcripts" in self.shown else ():
            for line in path.read_text(encoding="utf-8").splitlines():
                head, _, text = line.partition("): ")
                guess = self.classifier.guess(text.replace("\\n", "\n"), ROLES.get(head.partition("(")[2]))
                what = (guess.category, guess.danger, guess.summary)
                self.show(guess.ticket, "transcripts", path.stem, head, text, *what)

    def examples(self) -> None:
        """The examples that ship, a fifth at a time, by a classifier that saw the other four fifths."""
        lexicon, found = load_lexicon(), list(seeds())
        random.Random(3).shuffle(found)
        for fold in range(FOLDS):
            rest = [seed for at, seed in enumerate(found) if at % FOLDS != fold]
            classifier = Classifier(lexicon, examples=rest)
            for seed in found[fold::FOLDS]:
                guess = classifier.guess(seed.text)
                if seed.complaint:
                    self.count("examples: noticed", guess.ticket)
                    self.count("examples: category", guess.category == seed.label)
                    self.show(not guess.ticket, "seed-miss", seed.label, seed.text, guess.reasons)
                    self.show(guess.category != seed.label, "seed-wrong", seed.label, guess.category, seed.text)
                else:
                    self.count("examples: answered, plain", guess.ticket)
                    self.show(guess.ticket, "seed-false", seed.label, seed.text, guess.reasons)
                self.count("examples: urgent found" if seed.urgent else "examples: false urgent", guess.urgent)
                self.show(guess.urgent != seed.urgent, "seed-urgent", guess.danger, seed.text, guess.reasons)

    def report(self, table: Table) -> None:
        """Every measure with its bar."""
        bars = {
            "titles: category": (">=", 88.0),
            "titles: in best two": (">=", 95.0),
            "chat: noticed": (">=", 93.0),
            "chat: category": (">=", 85.0),
            "chat: answered, none, a thing named": ("<=", 5.0),
            "chat: urgent found": (">=", 100.0),
            "false urgent, all data": ("<=", 0.1),
            "plain chat: answered": ("<=", 0.1),
        }
        for name, whole in self.of.items():
            value = 100 * self.hit[name] / whole
            table.add(f"{name} ({self.hit[name]}/{whole})", value, "%", bars.get(name))


def main() -> None:
    """Print the table, and the lines asked for with --show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, help="folder of titles_*.jsonl, chat_*.jsonl, chat_negatives*.txt, teddy7*.csv"
    )
    parser.add_argument("--show", nargs="*", default=[])
    parts = ["cold", "learning", "pace"]
    parser.add_argument("--only", nargs="*", default=parts, choices=parts)
    args = parser.parse_args()
    table = Table()
    if not args.data:
        print("no --data: only the speed is measured, on the examples that ship")
    elif "cold" in args.only:
        cold = Cold(args.data, set(args.show))
        for part in (cold.titles, cold.chat, cold.negatives, cold.transcripts, cold.examples):
            part()
        cold.report(table)
    if args.data and "learning" in args.only:
        learning(table, next(args.data.glob("teddy7*.csv")))
    if "pace" in args.only:
        pace(table, args.data)
    table.print()


if __name__ == "__main__":
    main()
