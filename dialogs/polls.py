"""`投票 停车怎么划 / 单侧 / 双侧 截止周五20点`, `P3 2`, `结果 P3`: quick polls, from the asking to the ballot."""

import re
from datetime import datetime, time, timedelta

from dialogs.days import read_day
from dialogs.engine import Silence, Talk
from dialogs.quiet import read_until
from domain.errors import Refusal
from domain.messages import Outgoing
from domain.polls import MOST, Draft, Poll, read_choice
from domain.promises import is_quiet
from domain.rights import Action, may
from services import polls
from texts import options, pattern, say, wording
from texts.wording import figure

_HOUR = time(20)  # the end where no hour is said
_EDGES = " \u3000，,：:；;。/／"
_PUBLISH, _AGAIN = 1, 2


# --- starting -------------------------------------------------------------------------------------------------------


def start(talk: Talk) -> None:
    """In one line; what is missing is asked for step by step, and then all is said back."""
    if not talk.addressed and not may(talk.person, Action.OPEN_POLL):
        raise Silence  # said among neighbours
    place = polls.check_place(talk.turn, talk.person, talk.chat)
    words, hidden = _cut(talk.args.get("what", ""), "polls.hide")
    words, until = _until_in(words)
    title, answers = _parts(words)
    whole = bool(title and answers)
    if not title:
        title, answers = _parts(talk.ask("title", say("polls.ask_title")))
    if not answers:
        answers = _answers(talk.ask("options", say("polls.ask_options")))
    if not until and not whole:
        until = talk.ask("until", say("polls.ask_until"))
    closes_at = _moment(talk, until)
    draft = Draft(title, tuple(answers), closes_at, secret="secret" in talk.args, hidden=hidden)
    polls.check_draft(talk.turn, place, draft)
    if not whole and not _agreed(talk, draft):
        return
    poll = polls.open_poll(talk.turn, talk.person, place, draft)
    later = is_quiet(talk.turn.now, talk.turn.rules)
    if later or talk.chat is None or talk.chat.body_id is not None:
        key = "polls.posted_later" if later else "polls.posted"
        talk.say(say(key, number=poll.number, title=polls.title_of(talk.turn, poll)))


def _agreed(talk: Talk, draft: Draft) -> bool:
    """Said back before it is posted: 1 post, 2 once more, 0 not at all."""
    shown = [say("polls.option", number=number, option=option) for number, option in enumerate(draft.options, start=1)]
    until = wording.moment(draft.closes_at.astimezone(talk.turn.rules.zone), talk.turn.local)
    text = say("polls.said_back", title=draft.title, options=say("polls.gap").join(shown), until=until)
    answer = talk.choose("good", text, options("polls.good_choices"))
    if answer == _AGAIN:
        talk.then("polls.start", **{name: said for name, said in talk.args.items() if name == "secret"})
    elif answer != _PUBLISH:
        talk.say(say("polls.not_posted"))
    return answer == _PUBLISH


def _cut(words: str, key: str) -> tuple[str, bool]:
    """The words without a mark, and whether it was there."""
    rest, found = pattern(key).subn("", words)
    return rest.strip(_EDGES), bool(found)


def _until_in(words: str) -> tuple[str, str]:
    found = pattern("polls.until").search(words)
    return (words[: found.start()], found["until"]) if found else (words, "")


def _parts(words: str) -> tuple[str, list[str]]:
    """The question and its answers; "停车位 A/B/C" has the first answer after a blank."""
    words = words.strip(_EDGES)
    if tight := pattern("polls.tight").match(words):
        return tight["title"].strip(_EDGES), _answers(tight["answers"])
    title, *answers = _split(words) or [""]
    return title, [_bare(each) for each in answers]


def _answers(words: str) -> list[str]:
    found = _split(words)
    if len(found) == 1:
        found = [each for each in re.split(pattern("polls.blanks"), found[0]) if each]
    return [_bare(each) for each in found]


def _split(words: str) -> list[str]:
    return [each for part in pattern("polls.marks").split(words) if (each := part.strip(_EDGES))]


def _bare(answer: str) -> str:
    """Without the number or letter that people put before it."""
    return pattern("polls.label").sub("", answer) or answer


def _moment(talk: Talk, said: str) -> datetime:
    """Tomorrow at eight in the evening where nothing is said."""
    local, rules = talk.turn.local, talk.turn.rules
    if not said:
        return datetime.combine(local.date() + timedelta(days=1), _HOUR, tzinfo=local.tzinfo)
    dated = pattern("polls.date").match(said)
    day = read_day(dated["day"], local.date()) if dated else None
    rest = dated["rest"] if dated and day else said
    try:
        until = read_until(f"{say('tickets.until')}{rest}", local, rules) or read_until(rest, local, rules)
    except Refusal:
        until = None
    if day and (until or not rest):
        clock = until.timetz().replace(tzinfo=None) if until else _HOUR
        return datetime.combine(day, clock, tzinfo=local.tzinfo)
    if until is None:
        raise Refusal("polls.which_until")
    return until if pattern("polls.clock").search(said) else datetime.combine(until.date(), _HOUR, tzinfo=local.tzinfo)


# --- voting ---------------------------------------------------------------------------------------------------------


def vote(talk: Talk) -> None:
    """`P3 2`, `选2`, `2` in answer to the post, a button; `P3` alone is asking how it stands."""
    said = talk.args.get("choice", "")
    poll = _meant(talk, alone=bool(said))
    if poll is None:
        return
    if not said:
        result(talk)
        return
    choice = read_choice(figure(said) or said, poll.options)
    if choice is None:
        if not talk.addressed and "number" not in talk.args:
            raise Silence
        raise Refusal("polls.no_option", number=poll.number, most=len(poll.options))
    _cast(talk, poll, choice)


def _cast(talk: Talk, poll: Poll, choice: int) -> None:
    """Confirmed privately, or not at all; of a secret poll without what was chosen."""
    before = None if poll.secret else polls.standing(talk.turn, talk.person, poll)
    instead = before is not None and before[0] != choice and not before[1]
    facts = {"number": poll.number, "choice": choice, "option": poll.options[choice - 1]}
    if instead:
        answer = talk.choose("instead", say("polls.instead", **facts), options("polls.instead_choices"), secret=True)
        if answer != 1:
            _tell(talk, say("polls.left", number=poll.number))
            return
    polls.vote(talk.turn, talk.person, poll, choice, instead=instead)
    _tell(talk, say("polls.taken_secret" if poll.secret else "polls.taken", **facts))


def change(talk: Talk) -> None:
    """`改成1`, `我改A`; `投错了` asks for what."""
    poll = _voted(talk)
    if poll.secret:
        raise Refusal("polls.voted_secret", number=poll.number)
    said = talk.args.get("choice", "")
    choice = read_choice(figure(said) or said, poll.options) if said else None
    if choice is None:
        labels = [*enumerate(poll.options, start=1), *options("polls.keep")]
        choice = talk.choose("to", say("polls.change_to", number=poll.number), labels, secret=True)
    if choice:
        _cast(talk, poll, choice)
    else:
        _tell(talk, say("polls.left", number=poll.number))


def withdraw(talk: Talk) -> None:
    """`刚才那个不算`."""
    poll = _voted(talk)
    polls.withdraw(talk.turn, talk.person, poll)
    _tell(talk, say("polls.withdrawn", number=poll.number))


def _voted(talk: Talk) -> Poll:
    """The open poll in which the person's household has voted; in a group other words are meant for neighbours."""
    if number := talk.args.get("number"):
        return polls.numbered(talk.turn, talk.person, talk.chat, int(number))
    found = []
    for poll in polls.around(talk.turn, talk.person, talk.chat):
        try:
            found += [poll] if polls.standing(talk.turn, talk.person, poll) else []
        except Refusal:
            continue
    if len(found) == 1:
        return found[0]
    if not talk.addressed:
        raise Silence
    raise _which(found) if found else Refusal("polls.nothing_voted")


def _meant(talk: Talk, *, alone: bool) -> Poll | None:
    """The poll named, the one that is answered, the only open one. None: the words were no vote (and were answered);
    alone: they name no poll by themselves, so in a group without one nobody was spoken to."""
    quoted = pattern("polls.quoted").search(talk.incoming.quoted) if talk.incoming.reply_to_me else None
    number = talk.args.get("number") or (quoted["number"] if quoted else "")
    if number:
        try:
            return polls.numbered(talk.turn, talk.person, talk.chat, int(number))
        except Refusal:
            if not talk.addressed:
                raise Silence from None
            raise
    if talk.incoming.quoted and not talk.incoming.address.private:
        raise Silence  # an answer to something else that the bot said
    found = polls.around(talk.turn, talk.person, talk.chat)
    if len(found) == 1:
        return found[0]
    if not found and alone:
        if not talk.incoming.address.private:
            raise Silence
        talk.then("help.menu")
        return None
    raise _which(found) if found else Refusal("polls.none_open")


def _which(found: list[Poll]) -> Refusal:
    """Said and not asked: what was chosen is kept nowhere."""
    lines = [say("polls.which_line", number=poll.number, title=poll.title) for poll in found[:MOST]]
    return Refusal("polls.which", polls="\n".join(lines), number=found[0].number)


def _tell(talk: Talk, text: str) -> None:
    """Never a line in the group: it would tell who voted."""
    talk.turn.say(Outgoing(talk.private, text))


# --- how it stands, and the end -------------------------------------------------------------------------------------


def result(talk: Talk) -> None:
    """`结果 P3`: privately."""
    poll = _meant(talk, alone=False)
    if poll:
        _tell(talk, polls.result(talk.turn, talk.person, poll, talk.chat))


def missing(talk: Talk) -> None:
    """`谁家没投`: no list of names, for nobody; a private reminder instead."""
    if not talk.addressed and not may(talk.person, Action.OPEN_POLL):
        raise Silence
    poll = _meant(talk, alone=False)
    if poll is None:
        return
    if not polls.leads(talk.turn, talk.person, poll):
        raise Refusal("polls.not_told")
    if talk.choose("remind", say("polls.missing"), options("polls.missing_choices"), secret=True) == 1:
        _remind(talk, poll)
    else:
        _tell(talk, say("polls.not_reminded"))


def remind(talk: Talk) -> None:
    """`提醒 P3`."""
    poll = _meant(talk, alone=False)
    if poll:
        _remind(talk, poll)


def _remind(talk: Talk, poll: Poll) -> None:
    count = polls.remind(talk.turn, talk.person, poll)
    _tell(talk, say("polls.reminded" if count else "polls.nobody_to_remind", number=poll.number, count=count))


def end(talk: Talk) -> None:
    """`结束 P3`."""
    poll = _meant(talk, alone=False)
    if poll:
        polls.end(talk.turn, talk.person, poll)
        _tell(talk, say("polls.ended", number=poll.number, title=polls.title_of(talk.turn, poll)))


FLOWS = {
    "polls.start": start,
    "polls.vote": vote,
    "polls.change": change,
    "polls.withdraw": withdraw,
    "polls.result": result,
    "polls.missing": missing,
    "polls.remind": remind,
    "polls.end": end,
}
