"""Talking about one's own data. Whatever is asked in a group is answered privately."""

from dialogs.engine import Talk
from services import privacy
from texts import options, say


def mine(talk: Talk) -> None:
    """`我的数据`: a copy of everything that is kept."""
    talk.whisper(say("privacy.mine", **privacy.copy(talk.turn, talk.person)))


def erase(talk: Talk) -> None:
    """`注销`: one question, then everything goes that may go."""
    privacy.check_erasable(talk.person)
    if talk.choose("erase", say("privacy.erase"), options("privacy.erase_choices"), secret=True) == 1:
        privacy.erase(talk.turn, talk.person)
        talk.whisper(say("privacy.erased"))
    else:
        talk.whisper(say("privacy.kept"))


def withdraw_consent(talk: Talk) -> None:
    """`撤回同意`: one question, then what was agreed to ends."""
    if talk.choose("withdraw", say("privacy.withdraw"), options("privacy.withdraw_choices"), secret=True) == 1:
        privacy.withdraw_consent(talk.turn, talk.person)
        talk.whisper(say("privacy.withdrawn"))
    else:
        talk.whisper(say("privacy.kept"))


FLOWS = {"privacy.mine": mine, "privacy.erase": erase, "privacy.withdraw_consent": withdraw_consent}
