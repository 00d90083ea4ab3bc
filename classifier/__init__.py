"""Text to `domain.guess.Guess`: is this message a complaint, about what, and is anybody in danger."""

from classifier.core import Classifier
from classifier.load import Lexicon, load_lexicon

__all__ = ["Classifier", "Lexicon", "load_lexicon"]
