"""The numbers a city or compound may set, each with its default and where it comes from."""

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers to call. No guessed defaults: an empty one leaves its line out of a card; 110, 119 and 120 remain."""

    lift: str = ""
    gas: str = ""
    power: str = ""
    water: str = ""
    heating: str = ""
    telecom: str = ""
    duty: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of tickets. Sources: the 12345 standard of Beijing (draft 2021: danger 2 h, water, power, gas and heating
    24 h, common matters 7 days, complex ones 15 days), Weifang's regulation of 2021 (article 20: 5 working days), one
    city bureau's limits (questions 3 working days). None of them is national: a city sets its own.

    urgent_*_minutes: until somebody answers; until it is dealt with; until the next level is called.
    respond_hours: until somebody takes it or speaks with the reporter. utility_hours: water, power, gas, lifts.
    *_days: working days. hop_days: what each level has before the next is called. extension_days: the most that the one
    extension adds. shelve_days: the longest until a shelved matter is looked at again.
    reopen_days: so long after it was done a reporter may reopen it. ask_again_hours: until the closing question is
    asked once more.
    lapse_days: so long after the question nobody answered it counts as not called back (未回访); so many working days a
    handler's question to the reporter stops the clock.
    photo_categories: whose handler is asked for a picture of the result (repair files show before and after; matters of
    words have nothing to show).
    """

    urgent_respond_minutes: int = 30
    urgent_resolve_minutes: int = 120
    urgent_hop_minutes: int = 30
    respond_hours: int = 24
    utility_hours: int = 24
    question_days: int = 1
    report_days: int = 3
    complaint_days: int = 5
    suggestion_days: int = 7
    complex_days: int = 15
    hop_days: int = 1
    extension_days: int = 5
    shelve_days: int = 90
    reopen_days: int = 7
    ask_again_hours: int = 24
    lapse_days: int = 3
    photo_categories: tuple[str, ...] = ("house", "water", "greenery", "sanitation", "illegal", "renovation")


@dataclass(frozen=True, slots=True)
class Figures:
    """How the three rates are weighed and when a figure is shown. Source of the weights and of fair_percent: the
    formulas of a public 12345 data project (response 0.1, solved 0.5, satisfaction 0.4; "fair" counts 0.9); the law
    names the rates only (Beijing 2021, article 32), so every city sets its own.

    few: under so many valid answers no percentage is shown (nobody is judged by three answers).
    repeat_times, repeat_days: so many tickets of a kind in a building within so many days are a repeated place.
    remind_days: so long before the month ends the secretary hears how many are not called back.
    """

    response_weight: int = 10
    solved_weight: int = 50
    satisfied_weight: int = 40
    fair_percent: int = 90
    few: int = 5
    repeat_times: int = 3
    repeat_days: int = 30
    remind_days: int = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """Hours are local, "HH:MM".

    quiet_from, quiet_to: nothing but 🆘 is said in groups or to handlers (common group rules end talk at 22:00 and
    start after 7:00; the default keeps half an hour of distance).
    report_*: the hours at which the bot reports back; report_cutoff: what comes later is answered the next noon.
    remind_before_hours: warning to the handler before the bot must report back.
    duty_minutes: an urgent ticket nobody took after so long goes to the next levels.
    rescue_minutes: so long after 🆘 everything not urgent is said privately.
    mourning_hours: so long after a death notice the bot is quiet in that group; 0: never by itself.
    merge_days: the same matter in the same building joins the open ticket for so long (12345 practice: same place,
    same kind, within some days).
    join_seconds: one sender's lines within this time are one message.
    request_days: so long a request to join a home waits for a head; then it is withdrawn and the asker told.
    keep_*_days: how long is the shortest necessary (PIPL, article 19); where each comes from: docs/privacy.md.
    """

    timezone: str = "Asia/Shanghai"
    quiet_from: str = "21:30"
    quiet_to: str = "07:30"
    report_morning: str = "09:00"
    report_noon: str = "12:00"
    report_evening: str = "20:00"
    report_cutoff: str = "16:00"
    remind_before_hours: int = 4
    duty_minutes: int = 3
    rescue_minutes: int = 30
    mourning_hours: int = 12
    merge_days: int = 7
    join_seconds: int = 90
    dialog_hours: int = 48
    request_days: int = 30
    keep_days: int = 30
    keep_words_days: int = 730
    keep_leaver_days: int = 90
    keep_request_days: int = 180
    keep_consent_days: int = 1095
    numbers: Numbers = Numbers()
    limits: Limits = Limits()
    figures: Figures = Figures()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def join_window(self) -> timedelta:
        return timedelta(seconds=self.join_seconds)

    @property
    def dialog_window(self) -> timedelta:
        return timedelta(hours=self.dialog_hours)

    @property
    def rescue_window(self) -> timedelta:
        return timedelta(minutes=self.rescue_minutes)

    @property
    def mourning_window(self) -> timedelta:
        return timedelta(hours=self.mourning_hours)
