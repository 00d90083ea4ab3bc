"""Text to `domain.guess.Guess`: is this message a complaint, about what, and is anybody in danger."""

from classifier.core import Classifier
from classifier.learned import Snapshot
from classifier.load import Lexicon, load_lexicon
from classifier.suggest import Suggestion

__all__ = ["Classifier", "Lexicon", "Snapshot", "Suggestion", "load_lexicon"]
