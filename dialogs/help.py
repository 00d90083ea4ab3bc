"""Help, a person to talk to, and the menu for words the bot did not understand."""

from dialogs import topics
from dialogs.engine import Talk
from dialogs.topics import Entry
from domain.rights import Action
from services import help as services
from services import people
from texts import options, say, words


def show_help(talk: Talk) -> None:
    """`帮助`: what this person may do here: to residents an example of each topic, to officers a menu of their topics,
    in parts; `帮助 报修`: one topic."""
    if talk.args.get("first"):
        talk.say(_first_words(talk))
        return
    rights = services.rights_here(talk.turn, talk.person, talk.chat)
    if topic := _meant(talk.args.get("topic", ""), rights):
        talk.say(_told(topic, rights))
        return
    own = {part: found for part, topics_of in topics.PARTS.items() if (found := _known(topics_of, rights))}
    if not own:
        talk.say(_short())
        return
    parts = [(number, part, say(f"help.part_{part}")) for number, part in enumerate(own, start=1)]
    labels = [(number, label) for number, _, label in parts] + [(len(own) + 1, say("help.everybodys"))]
    chosen = talk.choose("part", say("help.which"), labels)
    if chosen > len(own):
        talk.whisper(_short())
        return
    _, part, label = parts[chosen - 1]
    talk.whisper(_told(_topic(talk, label, own[part]), rights))


def _topic(talk: Talk, part: str, known: list[str]) -> str:
    if len(known) == 1:
        return known[0]
    labels = [(number, say(f"help.topic_{topic}")) for number, topic in enumerate(known, start=1)]
    return known[talk.choose("topic", say("help.which_topic", part=part), labels) - 1]


def _first_words(talk: Talk) -> str:
    """`/start`: whose bot this is and what for, as a group hears it when it is bound."""
    lives = talk.person.household_id or talk.person.posts
    community = services.community(talk.turn, talk.person, talk.chat)
    return say("help.first", community=community, join="" if lives else say("help.line_join"))


def _meant(word: str, rights: frozenset[Action]) -> str:
    """The topic of that name, else of the first command whose example has the word in it; "" where there is none."""
    known = _known((*topics.OFFICERS, *topics.EVERYBODYS), rights)
    for topic in known if word else ():
        if word in words(f"help.names_{topic}"):
            return topic
    for topic in known if len(word) > 1 else ():
        if any(word in _line(entry) for entry in topics.of_topic(topic, rights)):
            return topic
    return ""


def _known(names: tuple[str, ...], rights: frozenset[Action]) -> list[str]:
    return [topic for topic in names if topics.of_topic(topic, rights)]


def _told(topic: str, rights: frozenset[Action]) -> str:
    return "\n".join((*map(_line, topics.of_topic(topic, rights)), say("help.honest")))


def _short() -> str:
    """What everybody may do, an example of each topic."""
    lines = [_line(topics.of_topic(topic, frozenset())[0]) for topic in topics.EVERYBODYS]
    more = say("help.comma").join(say(f"help.topic_{topic}") for topic in topics.EVERYBODYS)
    return "\n".join((*lines, say("help.more", topics=more), say("help.honest")))


def _line(entry: Entry) -> str:
    return say(f"help.line_{entry.name}")


def call(talk: Talk) -> None:
    """`找人`: the nearest head is asked to get in touch."""
    text = say("common.call_head", name=talk.person.name)
    office = people.call_head(talk.turn, talk.person, talk.chat, text)
    talk.say(say("common.called", office=office))


def example(talk: Talk) -> None:
    """A command with something missing or wrong in it: how it is said. A complaint that begins so stays one."""
    said = talk.incoming.text
    if talk.classify(said).ticket:
        talk.then("tickets.report", words=said)
        return
    whole = next(each for each in words("words.examples") if each.startswith(talk.args["verb"]))
    talk.whisper(say("common.example", example=whole))


def menu(talk: Talk) -> None:
    """Words in private that mean nothing to the bot: three doors and a way out."""
    chosen = talk.choose("what", say("common.menu"), options("common.menu_choices"))
    if chosen == 1:
        talk.then("tickets.report")
    elif chosen == 2:
        talk.then("tickets.progress")
    elif chosen == 3:
        talk.then("help.call")
    else:
        talk.say(say("common.nothing"))


FLOWS = {"help.show": show_help, "help.call": call, "help.example": example, "help.menu": menu}
