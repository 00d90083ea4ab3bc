"""All features with their flows and the words that start them, in the order in which they are tried."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from dialogs import (
    accounts,
    bodies,
    callbacks,
    figures,
    intake,
    known,
    lessons,
    members,
    offices,
    polls,
    posters,
    privacy,
    quiet,
    responsibility,
    ticket_endings,
    ticket_merging,
    ticket_routing,
    ticket_work,
    tickets,
)
from dialogs import help as help_dialogs
from texts import pattern, words
from texts.wording import figure


class Where(StrEnum):
    """Where a command counts. Short everyday words count only where they cannot be meant for a neighbour."""

    ANYWHERE = "anywhere"
    ADDRESSED = "addressed"  # in private, in answer to the bot, or with its name
    WORK = "work"  # in a work chat, or from an officer who addresses the bot
    REPLY = "reply"  # in a work chat, with its name or in answer to it
    OFFICE = "office"  # in a work chat, or from an officer anywhere


@dataclass(frozen=True, slots=True)
class Command:
    """key: the words or pattern in texts/words.toml; named groups of a pattern become the flow's args.

    Words of a key with "_short" in it never break into an open question.
    """

    flow: str
    key: str
    where: Where = Where.ANYWHERE

    def match(self, text: str) -> dict[str, str] | None:
        if not self.key.endswith("_pattern"):
            return {} if text in words(f"words.{self.key}") else None
        found: re.Match[str] | None = pattern(f"words.{self.key}").match(text)
        if found is None:
            return None
        args = {name: value for name, value in found.groupdict().items() if value}
        if "number" in args:
            args["number"] = figure(args["number"])
        return args if args.get("number", "0") else None


COMMANDS = (
    Command("tickets.withdraw", "withdraw"),
    Command("tickets.withdraw", "withdraw_pattern"),
    Command("tickets.finish", "finish_here", Where.REPLY),
    Command("tickets.withdraw", "withdraw_short", Where.ADDRESSED),
    Command("tickets.urge", "urge"),
    Command("tickets.urge", "urge_pattern"),
    Command("tickets.progress", "progress_pattern"),
    Command("tickets.progress", "progress"),
    Command("tickets.progress", "progress_mine"),
    Command("tickets.progress", "progress_short", Where.ADDRESSED),
    Command("tickets.progress", "progress_short_pattern", Where.ADDRESSED),
    Command("tickets.accept", "accept_pattern"),
    Command("tickets.accept", "accept_short_pattern", Where.WORK),
    Command("tickets.accept", "accept_work", Where.OFFICE),
    Command("tickets.accept", "accept_number", Where.WORK),
    Command("tickets.accept", "accept_urgent_pattern", Where.OFFICE),
    Command("tickets.finish", "finish_pattern"),
    Command("tickets.finish", "finish_short_pattern", Where.WORK),
    Command("tickets.finish", "finish_work", Where.OFFICE),
    Command("tickets.contacted", "contacted_pattern", Where.OFFICE),
    Command("tickets.tell", "tell_pattern", Where.OFFICE),
    Command("tickets.ask", "ask_pattern", Where.OFFICE),
    Command("tickets.extend", "extend_pattern", Where.OFFICE),
    Command("tickets.extend", "extend_short_pattern", Where.OFFICE),
    Command("tickets.shelve", "shelve_pattern", Where.OFFICE),
    Command("tickets.decline", "decline_pattern", Where.OFFICE),
    Command("lessons.sort", "sort_pattern", Where.OFFICE),
    Command("lessons.reject", "reject_pattern", Where.OFFICE),
    Command("lessons.take_back", "take_back_pattern", Where.OFFICE),
    Command("lessons.why", "why_pattern"),
    Command("lessons.suggest", "new_words", Where.WORK),
    Command("lessons.suggest", "new_words", Where.ADDRESSED),
    Command("lessons.add_word", "add_word_pattern", Where.WORK),
    Command("lessons.add_word", "add_word_pattern", Where.ADDRESSED),
    Command("lessons.drop_word", "drop_word_pattern", Where.WORK),
    Command("lessons.drop_word", "drop_word_pattern", Where.ADDRESSED),
    Command("tickets.merge", "merge_pattern", Where.OFFICE),
    Command("tickets.unmerge", "unmerge_pattern", Where.OFFICE),
    Command("tickets.split", "split_pattern", Where.OFFICE),
    Command("callbacks.list", "call_list", Where.WORK),
    Command("callbacks.book", "call_back_pattern", Where.OFFICE),
    Command("callbacks.exclude", "exclude_pattern", Where.OFFICE),
    Command("callbacks.agree", "exclude_agree_pattern", Where.OFFICE),
    Command("callbacks.exclusions", "exclusions", Where.WORK),
    Command("tickets.pass_on", "pass_on_pattern", Where.OFFICE),
    Command("tickets.pass_on", "pass_on_short_pattern", Where.WORK),
    Command("tickets.give_back", "give_back_pattern", Where.OFFICE),
    Command("tickets.give_back", "give_back_work", Where.OFFICE),
    Command("tickets.give_back", "give_back_short_pattern", Where.OFFICE),
    Command("tickets.take_over", "take_over_pattern", Where.OFFICE),
    Command("tickets.refuse_over", "refuse_over_pattern", Where.OFFICE),
    Command("tickets.uphold", "uphold_pattern", Where.OFFICE),
    Command("tickets.assist", "assist_pattern", Where.OFFICE),
    Command("tickets.whistle", "whistle_pattern", Where.OFFICE),
    Command("tickets.reply", "reply_pattern", Where.OFFICE),
    Command("tickets.refer", "refer_pattern", Where.OFFICE),
    Command("routes.routes", "routes_short", Where.ADDRESSED),
    Command("routes.routes", "routes_short", Where.WORK),
    Command("routes.routes", "routes_pattern", Where.ADDRESSED),
    Command("routes.routes", "routes_pattern", Where.WORK),
    Command("routes.duty", "duty_short", Where.ADDRESSED),
    Command("routes.duty", "duty_short", Where.WORK),
    Command("routes.duty", "duty_pattern", Where.ADDRESSED),
    Command("routes.duty", "duty_pattern", Where.WORK),
    Command("tickets.unsolved", "unsolved_pattern"),
    Command("tickets.unsolved", "unsolved_short", Where.ADDRESSED),
    Command("tickets.call_off", "false_alarm_pattern"),
    Command("tickets.report", "behalf_pattern"),
    Command("tickets.report", "hidden_pattern"),
    Command("tickets.report", "report_pattern"),
    Command("tickets.report", "report_short", Where.ADDRESSED),
    Command("tickets.pictures", "pictures_pattern"),
    Command("known.hang", "known_pattern"),
    Command("known.end", "known_end_pattern"),
    Command("known.end", "known_back", Where.OFFICE),
    Command("offices.appoint", "appoint_pattern", Where.ADDRESSED),
    Command("offices.appoint", "appoint_pattern", Where.WORK),
    Command("offices.hand_over", "hand_over_pattern", Where.ADDRESSED),
    Command("offices.hand_over", "hand_over_pattern", Where.WORK),
    Command("offices.dismiss", "dismiss_pattern", Where.ADDRESSED),
    Command("offices.dismiss", "dismiss_pattern", Where.WORK),
    Command("offices.away", "away_pattern", Where.ADDRESSED),
    Command("offices.away", "away_pattern", Where.WORK),
    Command("offices.back", "back_short", Where.ADDRESSED),
    Command("offices.holders", "holders_short", Where.ADDRESSED),
    Command("offices.vacancies", "vacancies", Where.ADDRESSED),
    Command("offices.vacancies", "vacancies", Where.WORK),
    Command("bodies.establish", "establish_pattern", Where.ADDRESSED),
    Command("bodies.establish", "establish_pattern", Where.WORK),
    Command("bodies.dissolve", "dissolve_pattern", Where.ADDRESSED),
    Command("bodies.dissolve", "dissolve_pattern", Where.WORK),
    Command("bodies.dissolve", "dissolve_named_pattern", Where.WORK),
    Command("bodies.rename", "rename_pattern", Where.ADDRESSED),
    Command("bodies.rename", "rename_pattern", Where.WORK),
    Command("bodies.divide_all", "divide_all_pattern", Where.ADDRESSED),
    Command("bodies.divide_all", "divide_all_pattern", Where.WORK),
    Command("bodies.divide", "divide_pattern", Where.ADDRESSED),
    Command("bodies.divide", "divide_pattern", Where.WORK),
    Command("bodies.unplaced", "unplaced_pattern", Where.ADDRESSED),
    Command("members.bind", "bind_pattern"),
    Command("members.bind_code", "bind_code_pattern"),
    Command("members.move_code", "move_code_pattern"),
    Command("members.home_code", "home_code_pattern"),
    Command("members.home_code", "home_code_short", Where.ADDRESSED),
    Command("members.code", "code_pattern", Where.ADDRESSED),
    Command("members.join", "join_pattern"),
    Command("members.waiting", "waiting", Where.ADDRESSED),
    Command("members.approve_all", "approve_all", Where.ADDRESSED),
    Command("members.approve", "approve_pattern", Where.ADDRESSED),
    Command("members.refuse", "refuse_pattern", Where.ADDRESSED),
    Command("members.missing", "missing_pattern", Where.ADDRESSED),
    Command("posters.send", "poster_pattern", Where.ADDRESSED),
    Command("posters.start", "start_pattern", Where.ADDRESSED),
    Command("polls.start", "poll_whole_pattern"),
    Command("polls.start", "poll_new_pattern", Where.ADDRESSED),
    Command("polls.start", "poll_new_short_pattern", Where.ADDRESSED),
    Command("polls.change", "poll_wrong"),
    Command("polls.vote", "poll_vote_pattern"),
    Command("polls.vote", "poll_named_pattern", Where.ADDRESSED),
    Command("polls.vote", "poll_choice_pattern"),
    Command("polls.vote", "poll_option_pattern", Where.ADDRESSED),
    Command("polls.vote", "poll_bare_short_pattern", Where.ADDRESSED),
    Command("polls.change", "poll_change_pattern"),
    Command("polls.withdraw", "poll_withdraw"),
    Command("polls.withdraw", "poll_withdraw_pattern"),
    Command("polls.result", "poll_result_pattern"),
    Command("polls.result", "poll_result_short", Where.ADDRESSED),
    Command("polls.missing", "poll_missing_pattern"),
    Command("polls.remind", "poll_remind_pattern"),
    Command("polls.end", "poll_end_pattern"),
    Command("quiet.start", "quiet_pattern"),
    Command("quiet.start", "quiet_short", Where.ADDRESSED),
    Command("quiet.start", "quiet_short_pattern", Where.ADDRESSED),
    Command("quiet.end", "quiet_end_pattern"),
    Command("accounts.change", "change_account_code_pattern"),
    Command("accounts.code", "change_account_short", Where.ADDRESSED),
    Command("accounts.code_for", "change_account_pattern", Where.ADDRESSED),
    Command("ticket_figures.show", "figures_pattern", Where.ADDRESSED),
    Command("ticket_figures.show", "figures_pattern", Where.WORK),
    Command("ticket_figures.list", "figures_list_pattern", Where.ADDRESSED),
    Command("ticket_figures.list", "figures_list_pattern", Where.WORK),
    Command("ticket_figures.close", "close_month_pattern", Where.ADDRESSED),
    Command("ticket_figures.close", "close_month_pattern", Where.WORK),
    Command("ticket_figures.export", "export_pattern", Where.ADDRESSED),
    Command("ticket_figures.export", "export_pattern", Where.WORK),
    Command("ticket_figures.hotline", "hotline_pattern", Where.OFFICE),
    Command("ticket_figures.link", "hotline_link_pattern", Where.OFFICE),
    Command("privacy.mine", "my_data", Where.ADDRESSED),
    Command("privacy.erase", "erase_me", Where.ADDRESSED),
    Command("privacy.withdraw_consent", "withdraw_consent", Where.ADDRESSED),
    Command("help.show", "help", Where.ADDRESSED),
    Command("help.show", "help_work", Where.WORK),
    Command("help.show", "help_pattern", Where.ADDRESSED),
    Command("help.show", "first_pattern", Where.ADDRESSED),
    Command("help.call", "call", Where.ADDRESSED),
    Command("help.example", "example_work_pattern", Where.WORK),
    Command("help.example", "example_short_pattern", Where.ADDRESSED),  # last: a command with something missing
)

FLOWS: dict[str, Callable[..., None]] = {
    **tickets.FLOWS,
    **intake.FLOWS,
    **known.FLOWS,
    **ticket_work.FLOWS,
    **ticket_endings.FLOWS,
    **ticket_routing.FLOWS,
    **responsibility.FLOWS,
    **ticket_merging.FLOWS,
    **callbacks.FLOWS,
    **figures.FLOWS,
    **members.FLOWS,
    **polls.FLOWS,
    **posters.FLOWS,
    **offices.FLOWS,
    **lessons.FLOWS,
    **bodies.FLOWS,
    **privacy.FLOWS,
    **quiet.FLOWS,
    **accounts.FLOWS,
    **help_dialogs.FLOWS,
}

_BETWEEN = " \uff0c,\uff1a:"  # what may stand between a verb and its words

UNBOUND = frozenset({"members.bind"})  # flows that count in a group of which no place is known


@cache
def _may_be() -> re.Pattern[str]:
    """All command words and patterns in one: most talk is none of them."""
    patterns = [pattern(f"words.{each.key}").pattern for each in COMMANDS if each.key.endswith("_pattern")]
    listed = {word for each in COMMANDS if not each.key.endswith("_pattern") for word in words(f"words.{each.key}")}
    unnamed = [re.sub(r"\?P<\w+>", "", each).replace("(?s)", "") for each in patterns]
    return re.compile("|".join([*unnamed, f"(?:{'|'.join(map(re.escape, sorted(listed)))})$"]), re.DOTALL)


def find_commands(text: str) -> list[tuple[Command, dict[str, str]]]:
    """Every command these words may be, the first declared first; where each counts is for the caller to see."""
    if len(text) > 500:
        return []
    text = text.rstrip("。.!！?？~～，, ") or text
    if turned := pattern("words.turned").match(text):  # "12 延期 周五"
        text = f"{turned['verb']} {turned['number']} {turned['rest'].strip(_BETWEEN)}".strip()
    if not _may_be().match(text):
        return []
    found = ((command, command.match(text)) for command in COMMANDS)
    return [(command, args) for command, args in found if args is not None]
