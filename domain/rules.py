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
    duty: str = ""


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
    keep_days: int = 30
    keep_words_days: int = 730
    keep_leaver_days: int = 90
    keep_request_days: int = 180
    keep_consent_days: int = 1095
    numbers: Numbers = Numbers()

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
