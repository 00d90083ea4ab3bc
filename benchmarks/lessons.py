"""Learning from nothing but a lexicon of seven categories and corrections: titles of the Teddy Cup contest of 2020."""

import csv
import random
import re
import tomllib
from pathlib import Path
from statistics import mean

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]
from sklearn.svm import LinearSVC  # type: ignore[import-untyped]

from benchmarks.table import Table
from classifier import Classifier

Titles = list[tuple[str, str]]

LEXICON = Path(__file__).parent / "teddy_lexicon.toml"
SEED, ORDERS, TEST = 2026, 3, 5  # a fifth is for the test
_PLACES = re.compile(r"[A-Za-z]\d*|[\W_]")  # the contest writes places as letters and numbers
BARS = {0: 75.0, 50: 77.0, 200: 80.0, 1_000: 83.5}
BAR_ALL, BAR_ROUTES, BAR_COVERED, BAR_ERROR = 88.0, 86.0, 92.0, 0.03
MISSED = 0.3  # of the wrong routes nobody corrects
WEAK = 0.3  # what a ticket teaches that was closed and not routed anew, once a ticket
COVERED = 0.9
BINS = 10


def lexicon() -> dict[str, list[str]]:
    """The seven categories with their words."""
    return {code: words.split() for code, words in tomllib.loads(LEXICON.read_text(encoding="utf-8")).items()}


def split(path: Path) -> tuple[Titles, Titles]:
    """Titles to learn from and titles to be tested with; every category in the same shares, no title twice."""
    by: dict[str, Titles] = {}
    seen: set[str] = set()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = _PLACES.sub("", row["text"])
            if key not in seen:
                seen.add(key)
                by.setdefault(row["label"], []).append((row["text"], row["label"]))
    dice = random.Random(SEED)
    train: Titles = []
    test: Titles = []
    for label in sorted(by):
        dice.shuffle(by[label])
        cut = len(by[label]) // TEST
        test += by[label][:cut]
        train += by[label][cut:]
    return train, test


def orders(train: Titles) -> list[Titles]:
    """The same titles in several orders."""
    return [random.Random(SEED + at).sample(train, len(train)) for at in range(ORDERS)]


def accuracy(classifier: Classifier, test: Titles) -> float:
    """In percent."""
    return 100 * mean(classifier.guess(text).category == label for text, label in test)


def peer(train: Titles, test: Titles) -> float:
    """scikit-learn's linear support vectors on one to three characters, in percent; 0 where it has seen one class."""
    if len({label for _, label in train}) < 2:
        return 0.0
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    machine = LinearSVC().fit(vectors.fit_transform([text for text, _ in train]), [label for _, label in train])
    found = machine.predict(vectors.transform([text for text, _ in test]))
    return 100 * mean(bool(got == label) for got, (_, label) in zip(found, test, strict=True))


def learning(table: Table, path: Path) -> None:
    """The curve, the confidence, and learning from routes alone."""
    train, test = split(path)
    base = Classifier(lexicon())
    steps = [*BARS, len(train)]
    found: dict[int, list[float]] = {n: [] for n in steps}
    peers: dict[int, list[float]] = {n: [] for n in steps}
    for order in orders(train):
        classifier, done = base.for_counts(), 0
        for n in steps:
            for text, label in order[done:n]:
                classifier.learn(text, label)
            done = n
            found[n].append(accuracy(classifier, test))
            peers[n].append(peer(order[:n], test))
    for n in steps:
        bar = BARS.get(n, BAR_ALL)
        table.add(f"learning: {n:,} corrections (LinearSVC {mean(peers[n]):.1f})", mean(found[n]), "%", (">=", bar))
    covered, error = confidence(classifier, test)
    table.add("learning: right where 90 % are covered", covered, "%", (">=", BAR_COVERED))
    table.add("learning: expected calibration error", error, "", ("<=", BAR_ERROR), 3)
    routed = [routes(base.for_counts(), order, test, at) for at, order in enumerate(orders(train))]
    table.add("learning: from routes alone", mean(routed), "%", (">=", BAR_ROUTES))


def confidence(classifier: Classifier, test: Titles) -> tuple[float, float]:
    """How often the surest nine tenths are right, and how far probabilities are from what is true."""
    guesses = [(classifier.guess(text), label) for text, label in test]
    sure = np.array([guess.probability for guess, _ in guesses])
    right = np.array([guess.category == label for guess, label in guesses], float)
    best = np.argsort(-sure, kind="stable")[: round(COVERED * len(sure))]
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    error = sum(abs(sure[bins == at].sum() - right[bins == at].sum()) for at in range(BINS)) / len(sure)
    return 100 * float(right[best].mean()), float(error)


def routes(classifier: Classifier, order: Titles, test: Titles, seed: int) -> float:
    """Tickets come one by one. A wrong route is mostly put right; silence, right or not, is weak evidence."""
    dice = random.Random(SEED + seed)
    for text, label in order:
        guessed = classifier.guess(text).category
        if guessed != label and dice.random() >= MISSED:
            classifier.learn(text, label)
        else:
            classifier.learn(text, guessed, WEAK)
    return accuracy(classifier, test)
