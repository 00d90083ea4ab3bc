"""Help, a person to talk to, and the menu for words the bot did not understand."""

from dialogs.engine import Talk
from services import people
from texts import options, say, words


def show_help(talk: Talk) -> None:
    """`帮助`: what this person may do here, each with an example."""
    talk.say(say("common.help"))
    if talk.person.posts:
        talk.say(say("common.help_handler"))


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
