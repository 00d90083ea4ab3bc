"""`linli lexicon …`: why a message is taken for what it is, and whether the words are in order."""

import math
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from classifier.explain import Clause, Reasoning, Said
    from classifier.load import Lexicon
    from domain.guess import Guess

lexicon_commands = typer.Typer(help="The words the classifier goes by.", no_args_is_help=True)
UNSURE = (
    0.3  # the least probability of a category with which a ticket is opened without asking, as dialogs.routing has it
)


@lexicon_commands.command("test", epilog='Example: linli lexicon test "3楼灯不亮"')
def lexicon_test(
    text: Annotated[str, typer.Argument(help="A message, as somebody would send it.")],
    role: Annotated[
        str | None, typer.Option("--role", help="Who sends it: property, community, head, outsider; else a resident.")
    ] = None,
) -> None:
    """Show every step from a message to what the bot does with it."""
    from classifier import load_lexicon
    from classifier.explain import Explainer

    lexicon = load_lexicon()
    reasoning = Explainer(lexicon).explain(text, role)
    typer.echo("\n".join(_lines(lexicon, reasoning)))


@lexicon_commands.command("lint", epilog="Example: linli lexicon lint")
def lexicon_lint() -> None:
    """Find words that another category takes, that never fire or that stand in two categories; exit code 1 if any."""
    from classifier import load_lexicon
    from classifier.examples import seeds
    from classifier.lint import lint

    lexicon = load_lexicon()
    faults = lint(lexicon, (seed.text for seed in seeds()))
    for fault in faults:
        typer.echo(f"{fault.kind}: {fault.word}  ({fault.what})")
    typer.echo(f"{len(lexicon.words)} words and phrases, {len(faults)} faults")
    if faults:
        raise typer.Exit(1)


def _lines(lexicon: "Lexicon", reasoning: "Reasoning") -> Iterator[str]:
    yield f"read as     {reasoning.normal}"
    yield "words" if reasoning.words else "words       none of the lexicon"
    for (word, role), meanings in groupby(reasoning.words, key=lambda said: (said.word, said.role)):
        yield f"  {word}  {role}  " + ", ".join(dict.fromkeys(map(_meaning, meanings)))
    yield "clauses, by the rules alone"
    yield from (f"  {_clause(clause)}" for clause in reasoning.clauses)
    yield _weight(reasoning)
    yield from _scores(lexicon, reasoning)
    for at, guess in enumerate(reasoning.guesses):
        yield _guess(lexicon, guess, {} if at else reasoning.scores)
        yield _urgent(guess, reasoning)
        yield f"the bot     {action(guess)}"


def _meaning(said: "Said") -> str:
    line = said.group or "any category"
    if said.weight:
        line += f" {said.weight:g}"
    if said.label:
        line += f" ({said.label.removeprefix('=')})"
    return line + (f" [{said.note}; {said.added_by}]" if said.note else "")


def _clause(clause: "Clause") -> str:
    cues = []
    for name, (price, words) in clause.groups.items():
        sign = f" {price:+g} each" if price else ""
        cues.append(f"{name}{sign}: {' '.join(words)}")
    settled = ", settled" if clause.done else ""
    return f"{clause.text}  {clause.kind}{settled}, evidence {clause.evidence:g}" + "".join(f"; {cue}" for cue in cues)


def _weight(reasoning: "Reasoning") -> str:
    if reasoning.needed is None:
        return "complaint?  no: nothing in it that could be one, or a list, a ballot, an advertisement, a notice"
    verdict = "yes" if reasoning.score >= reasoning.needed else "no"
    return (
        f"complaint?  {verdict}: evidence {reasoning.evidence:g} with the examples' odds {reasoning.odds:+.2f}"
        f" weighs {reasoning.score:.2f}, needed {reasoning.needed:.2f}"
    )


def _scores(lexicon: "Lexicon", reasoning: "Reasoning") -> Iterator[str]:
    from classifier.score import SHARP

    order = sorted(reasoning.scores, key=lambda code: -reasoning.scores[code])[:5]
    if not order:
        return
    top = reasoning.scores[order[0]]
    yield "categories, and how likely beside the first"
    for code in order:
        behind = reasoning.scores[code] - top
        yield f"  {code} {lexicon.name(code)}  {behind:+.2f}  {math.exp(SHARP * behind):.0%}"


def _guess(lexicon: "Lexicon", guess: "Guess", scores: Mapping[str, float]) -> str:
    from classifier.score import SHARP

    first, second = (scores.get(code) for code in (guess.category, guess.runner_up))
    line = f"guess       {guess.kind}, {guess.category} {lexicon.name(guess.category)} {guess.probability:.2f}"
    if first is not None and second is not None and second <= first:
        next_best = guess.probability * math.exp(SHARP * (second - first))
        line += f", margin {guess.probability - next_best:.2f} before {guess.runner_up} {lexicon.name(guess.runner_up)}"
    if guess.summary:
        line += f", called {guess.summary}"
    return line + (f"; because of: {' '.join(guess.reasons)}" if guess.reasons else "")


def _urgent(guess: "Guess", reasoning: "Reasoning") -> str:
    cry = "" if reasoning.cry is None else f"; a cry for help by {reasoning.cry:+.1f}"
    least, loud = reasoning.cry_needed
    known = f" (from {least:g} two words of a danger will do, from {loud:g} half of them)" if cry else ""
    if not guess.urgent:
        return f"urgent?     no{cry}{known}"
    how = "a rule of the dangers holds" if guess.outright else "it sounds like the cries we know"
    return f"urgent?     {guess.danger}: {how}{cry}{known}"


def action(guess: "Guess") -> str:
    """What becomes of a message: the reporter is answered, asked in private, or nothing is said."""
    if guess.urgent:
        return "routes: an alarm at once"
    if not guess.ticket:
        return "is silent in a group"
    if guess.probability >= UNSURE:
        return "routes: opens or joins a ticket and answers"
    return "asks in private which category" if guess.matter else "is silent in a group, asks in a private chat"
