"""What goes wrong on purpose, next time or several times."""

from dataclasses import dataclass
from http import HTTPStatus

from tests.peers.telegram.limits import is_limited
from tests.peers.telegram.request import ApiError


@dataclass(slots=True)
class Flood:
    chat: int | None
    left: int
    seconds: int


class Faults:
    def __init__(self) -> None:
        self.floods: list[Flood] = []
        self.failures: list[tuple[str, int]] = []  # method, status
        self.drops: list[str] = []

    def before(self, method: str, chat: object) -> None:
        """Refuse the call if it is to fail; it has no effect then."""
        for failure in self.failures:
            if failure[0].lower() == method.lower():
                self.failures.remove(failure)
                raise ApiError(failure[1], HTTPStatus(failure[1]).phrase)
        for flood in self.floods:
            if is_limited(method) and flood.left and flood.chat in {None, chat}:
                flood.left -= 1
                description = f"Too Many Requests: retry after {flood.seconds}"
                raise ApiError(429, description, retry_after=flood.seconds)

    def drops_now(self, method: str) -> bool:
        """Whether the line breaks before the answer to this call, which has had its effect."""
        for name in self.drops:
            if name.lower() == method.lower():
                self.drops.remove(name)
                return True
        return False
