"""What help tells: for each command who may use it, under which topic, and its one example (texts, "help.line_…").

Beside dialogs/registry.py: a command there without a line here fails a test.
"""

from dataclasses import dataclass

from domain.rights import Action


@dataclass(frozen=True, slots=True)
class Entry:
    """needs: the right without which nobody is told of it; slash: its name in Telegram's menu.

    The first entry of a topic stands for it in the short help.
    """

    name: str
    flow: str
    topic: str
    needs: Action | None = None
    slash: str = ""


ENTRIES = (
    Entry("say", "tickets.report", "report", slash="report"),
    Entry("behalf", "tickets.report", "report", slash="behalf"),
    Entry("hidden", "tickets.report", "report"),
    Entry("progress", "tickets.progress", "progress", slash="progress"),
    Entry("urge", "tickets.urge", "progress"),
    Entry("withdraw", "tickets.withdraw", "progress", slash="withdraw"),
    Entry("unsolved", "tickets.unsolved", "progress", slash="unsolved"),
    Entry("pictures", "tickets.pictures", "progress", slash="pictures"),
    Entry("join", "members.join", "home", slash="join"),
    Entry("code", "members.code", "home"),
    Entry("call", "help.call", "person", slash="person"),
    Entry("holders", "offices.holders", "person", slash="head"),
    Entry("account", "accounts.code", "home"),
    Entry("new_account", "accounts.change", "home"),
    Entry("mine", "privacy.mine", "data", slash="data"),
    Entry("consent", "privacy.withdraw_consent", "data"),
    Entry("erase", "privacy.erase", "data"),
    Entry("help", "help.show", "person", slash="help"),
    Entry("figures", "ticket_figures.show", "figures", Action.HANDLE),
    Entry("figure_list", "ticket_figures.list", "figures", Action.HANDLE),
    Entry("close_month", "ticket_figures.close", "figures", Action.EXPORT),
    Entry("export", "ticket_figures.export", "figures", Action.EXPORT),
    Entry("hotline_link", "ticket_figures.link", "figures", Action.HANDLE),
    Entry("hotline", "ticket_figures.hotline", "figures", Action.HANDLE),
    Entry("accept", "tickets.accept", "work", Action.HANDLE, "accept"),
    Entry("finish", "tickets.finish", "work", Action.HANDLE, "finish"),
    Entry("contacted", "tickets.contacted", "work", Action.HANDLE),
    Entry("tell", "tickets.tell", "work", Action.HANDLE),
    Entry("ask", "tickets.ask", "work", Action.HANDLE),
    Entry("extend", "tickets.extend", "later", Action.HANDLE),
    Entry("shelve", "tickets.shelve", "later", Action.HANDLE),
    Entry("decline", "tickets.decline", "later", Action.HANDLE),
    Entry("why", "lessons.why", "progress"),
    Entry("sort", "lessons.sort", "teaching", Action.TEACH),
    Entry("reject", "lessons.reject", "teaching", Action.TEACH),
    Entry("take_back", "lessons.take_back", "teaching", Action.TEACH),
    Entry("new_words", "lessons.suggest", "teaching", Action.TEACH),
    Entry("add_word", "lessons.add_word", "teaching", Action.TEACH),
    Entry("drop_word", "lessons.drop_word", "teaching", Action.TEACH),
    Entry("pass_on", "tickets.pass_on", "routes", Action.HANDLE),
    Entry("give_back", "tickets.give_back", "routes", Action.HANDLE),
    Entry("assist", "tickets.assist", "routes", Action.HANDLE),
    Entry("whistle", "tickets.whistle", "routes", Action.HANDLE),
    Entry("refer", "tickets.refer", "routes", Action.HANDLE),
    Entry("routes", "routes.routes", "routes", Action.SET_ROUTES),
    Entry("duty", "routes.duty", "routes", Action.SET_DUTY),
    Entry("false_alarm", "tickets.call_off", "work", Action.CALL_OFF, "false_alarm"),
    Entry("call_back", "callbacks.book", "ending", Action.HANDLE),
    Entry("call_list", "callbacks.list", "ending", Action.HANDLE),
    Entry("merge", "tickets.merge", "ending", Action.HANDLE),
    Entry("split", "tickets.split", "ending", Action.HANDLE),
    Entry("waiting", "members.waiting", "entry", Action.APPROVE, "waiting"),
    Entry("approve_all", "members.approve_all", "entry", Action.APPROVE),
    Entry("approve", "members.approve", "entry", Action.APPROVE),
    Entry("refuse", "members.refuse", "entry", Action.APPROVE),
    Entry("home_code", "members.home_code", "entry", Action.MAKE_CODES, "home_code"),
    Entry("missing", "members.missing", "entry", Action.SEE_ROSTER, "missing"),
    Entry("account_for", "accounts.code_for", "home", Action.APPROVE),
    Entry("poster", "posters.send", "entry", Action.MAKE_CODES),
    Entry("appoint", "offices.appoint", "team", Action.APPOINT, "appoint"),
    Entry("dismiss", "offices.dismiss", "team", Action.DISMISS, "dismiss"),
    Entry("away", "offices.away", "team", Action.DEPUTISE, "deputy"),
    Entry("back", "offices.back", "team", Action.DEPUTISE, "back"),
    Entry("hand_over", "offices.hand_over", "team", Action.APPOINT),
    Entry("vacancies", "offices.vacancies", "team", Action.SEE_ROSTER, "vacancies"),
    Entry("bind_code", "members.bind_code", "group", Action.BIND_CHAT, "bind_code"),
    Entry("bind", "members.bind", "group", Action.BIND_CHAT, "bind"),
    Entry("move_code", "members.move_code", "group", Action.BIND_CHAT),
    Entry("quiet", "quiet.start", "group", Action.QUIET),
    Entry("quiet_end", "quiet.end", "group", Action.QUIET),
    Entry("known", "known.hang", "group", Action.HANDLE),
    Entry("known_end", "known.end", "group", Action.HANDLE),
    Entry("poll", "polls.start", "poll", Action.OPEN_POLL),
    Entry("poll_result", "polls.result", "poll", Action.OPEN_POLL),
    Entry("poll_remind", "polls.remind", "poll", Action.OPEN_POLL),
    Entry("poll_end", "polls.end", "poll", Action.OPEN_POLL),
    Entry("establish", "bodies.establish", "bodies", Action.ESTABLISH),
    Entry("dissolve", "bodies.dissolve", "bodies", Action.ESTABLISH),
    Entry("rename", "bodies.rename", "bodies", Action.ESTABLISH),
    Entry("divide", "bodies.divide", "bodies", Action.ESTABLISH),
    Entry("divide_all", "bodies.divide_all", "bodies", Action.ESTABLISH),
    Entry("unplaced", "bodies.unplaced", "bodies", Action.SEE_ROSTER),
)
# Flows that words start and that nobody is told of.
UNTOLD = frozenset(
    {
        "help.example",  # a command with something missing
        "tickets.take_over",  # what is answered to a post, which says how
        "tickets.refuse_over",
        "tickets.uphold",
        "tickets.reply",
        "tickets.asked",  # a handler's question, answered
        "tickets.unmerge",  # told in answer to what it undoes
        "callbacks.exclude",  # rare; docs/commands.md tells those who keep the figures
        "callbacks.agree",
        "callbacks.exclusions",
        "polls.vote",  # the post says how, and its answer how to change
        "polls.change",
        "polls.withdraw",
        "polls.missing",  # asked in plain words, refused
        "posters.start",  # what a scanned poster says
    }
)
EVERYBODYS = tuple(dict.fromkeys(each.topic for each in ENTRIES if each.needs is None))
OFFICERS = tuple(
    dict.fromkeys(each.topic for each in ENTRIES if each.needs is not None and each.topic not in EVERYBODYS)
)
# The menu of officers: its parts, and the topics of each.
PARTS = {
    "tickets": ("work", "later", "ending", "routes"),
    "people": ("entry", "team", "bodies"),
    "group": ("group", "poll"),
    "figures": ("figures",),
    "teaching": ("teaching",),
}


def of_topic(topic: str, rights: frozenset[Action]) -> list[Entry]:
    """What somebody with these rights is told of it."""
    return [each for each in ENTRIES if each.topic == topic and (each.needs is None or each.needs in rights)]
