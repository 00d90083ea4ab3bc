"""Whether a bot keeps Telegram's rates: 30 a second in all, 20 a minute to one group, 1 a second to one chat."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    at: float  # monotonic seconds
    chat: int
    method: str


def is_limited(method: str) -> bool:
    """Whether calls of this method count."""
    return method.lower().startswith(("send", "edit")) and method.lower() != "sendchataction"


def breaches(arrivals: Iterable[Arrival], *, second: float, minute: float, slack: float = 0.0) -> list[str]:
    """Every breach in words; `slack` forgives that much of a window to what lies between the bot and the peer."""
    everything: list[float] = []
    chats: dict[int, list[float]] = defaultdict(list)
    for arrival in arrivals:
        everything.append(arrival.at)
        chats[arrival.chat].append(arrival.at)
    found = _over("the bot", everything, 30, second, slack)
    for chat, times in chats.items():
        found += _over(f"chat {chat}", times, 1, second, slack)
        if chat < 0:
            found += _over(f"group {chat}", times, 20, minute, slack)
    return found


def _over(what: str, times: list[float], most: int, window: float, slack: float) -> list[str]:
    times = sorted(times)
    found: list[str] = []
    first = 0
    while first + most < len(times):
        apart = times[first + most] - times[first]
        if apart < window - slack:
            found.append(f"{what}: {most + 1} calls within {apart:.3f} s, allowed are {most} in {window:g} s")
            first += most
        else:
            first += 1
    return found
