"""What the classifier thinks of one message."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guess:
    """The classifier's answer. `category` and `runner_up` are the best two even where `ticket` is false.

    kind: complaint, question, suggestion, thanks, notice, ad, jielong, vote or chat.
    probability: 0..1, for `category`.
    urgent: life or safety is at risk now; then `danger` names the safety card (`trapped`, `gas`, `fire` …).
    matter: the thing meant, in a neighbour's words ("楼道灯"), "" when none was named.
    summary: thing and fault in a few words ("楼道灯不亮"), for the first line of an answer.
    outright: the danger was said in words that mean nothing else; False: it only sounds like the cries we know.
    reasons: the words and rules that decided, each readable on its own.
    """

    ticket: bool
    kind: str
    category: str
    probability: float
    runner_up: str
    urgent: bool
    reasons: tuple[str, ...]
    danger: str = ""
    matter: str = ""
    summary: str = ""
    outright: bool = False
