"""Times and places in the words people use: 今晚8点, 明天中午12点, 3栋2单元."""

from datetime import date, datetime

_WEEKDAYS = "一二三四五六日"
_DIGITS = "零一二三四五六七八九十"


def clock(at: datetime) -> str:
    """7点, 7点半, 7点20; twelve-hour, the part of the day is said apart."""
    hour = at.hour if at.hour <= 12 else at.hour - 12
    minutes = {0: "", 30: "半"}.get(at.minute, f"{at.minute:02d}")
    return f"{hour}点{minutes}"


def _part(at: datetime) -> str:
    parts = ((5, "凌晨"), (9, "早上"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))
    return next(name for until, name in parts if at.hour < until)


def hour(at: datetime) -> str:
    """The hour of a day: 下午5点44."""
    return f"{_part(at)}{clock(at)}"


def moment(at: datetime, now: datetime) -> str:
    """A local moment as a neighbour says it. Both datetimes are aware and in the local zone."""
    days = (at.date() - now.date()).days
    part, time = _part(at), clock(at)
    if days in (0, 1):
        day = "今" if days == 0 else "明"
        if part == "晚上":
            return f"{day}晚{time}"
        if part == "早上" or (days == 1 and at.hour == 9):
            return f"{day}早{time}"
        return f"{day}天{part}{time}"
    weekday = f"周{_WEEKDAYS[at.weekday()]}"
    return f"{weekday}（{at.month}月{at.day}日）{part}{time}"


def day(at: date, today: date) -> str:
    """A day as a neighbour says it: 今天, 明天, 周日（11月29日）."""
    near = ("今天", "明天")
    days = (at - today).days
    return near[days] if days in (0, 1) else f"周{_WEEKDAYS[at.weekday()]}（{at.month}月{at.day}日）"


def listed(parts: list[str]) -> str:
    return "、".join(parts)


def place(building: str, unit: str = "") -> str:
    """3栋2单元; "" where no building is known."""
    if not building:
        return ""
    return f"{building}栋{unit}单元" if unit else f"{building}栋"


def home(building: str, unit: str, room: str) -> str:
    """3栋2单元501; "" where it is not known."""
    return f"{place(building, unit)}{room}" if building else ""


def numbers(tickets: list[tuple[int, str]]) -> str:
    """#9 楼道灯、#15 下水道"""
    return "、".join(f"#{number} {matter}" for number, matter in tickets)


def figure(written: str) -> str:
    """The digits of a number as people write it: "3", "三", "十二" → "3", "3", "12"; "" where it is none."""
    if not all(char.isdecimal() or char in _DIGITS for char in written) or written.count("十") > 1:
        return ""
    if written.isdecimal():
        return str(int(written))
    tens, _, ones = written.partition("十")
    if "十" not in written:
        return str(_DIGITS.index(written)) if len(written) == 1 else "".join(str(_DIGITS.index(c)) for c in written)
    return str((_DIGITS.index(tens) if tens else 1) * 10 + (_DIGITS.index(ones) if ones else 0))


def phone_masked(phone: str) -> str:
    """138****1234; of a short number only the last two digits."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 9 else f"****{phone[-2:]}" if phone else ""


def paper_masked(paper: str) -> str:
    """The last four of an identity card's number: ****123X."""
    return f"****{paper[-4:]}" if paper else ""
