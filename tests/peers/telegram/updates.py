"""The queue of updates for the bot, as getUpdates gives it out: confirmed by offset, one reader at a time."""

import random
import time
from dataclasses import dataclass
from itertools import count

from tests.peers.telegram.pulse import Pulse
from tests.peers.telegram.request import ApiError, Json

UNASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})  # come only if asked for
OTHER_READER = (
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
)


@dataclass(slots=True)
class Ghost:
    """A confirmed update that is given again all the same."""

    update: Json
    left: int


class Updates:
    def __init__(self, first_id: int) -> None:
        self.pulse = Pulse()
        self.pending: list[Json] = []
        self.allowed: list[str] = []
        self.again = 0  # how often confirmed updates are given again
        self.shuffle: random.Random | None = None
        self.webhook_active = False
        self._ids = count(first_id)
        self._ghosts: list[Ghost] = []
        self._reader = 0

    def add(self, update: Json, *, seen: bool = True) -> Json:
        """Queue the update if the bot sees it and wants its kind; give it with its id."""
        update = {"update_id": next(self._ids)} | update
        if seen and all(self._wanted(kind) for kind in update if kind != "update_id"):
            self.pending.append(update)
            self.pulse.beat()
        return update

    def _wanted(self, kind: str) -> bool:
        return kind in self.allowed if self.allowed else kind not in UNASKED

    def remove(self, update: Json) -> None:
        self.pending = [entry for entry in self.pending if entry is not update]

    def release(self) -> None:
        """End the waiting of whoever reads."""
        self._reader += 1
        self.pulse.beat()

    async def poll(self, offset: int, limit: int, seconds: float) -> list[Json]:
        """A batch of updates as soon as there is one; who began to read earlier and still waits is sent away."""
        self.release()
        reader = self._reader
        if not self.webhook_active:
            self._confirm(offset)
        until = time.monotonic() + seconds
        while True:
            if self.webhook_active or reader != self._reader:
                raise ApiError(409, OTHER_READER[self.webhook_active])
            batch = self._batch(limit)
            left = until - time.monotonic()
            if batch or left <= 0:
                return batch
            await self.pulse.wait(left)

    def _confirm(self, offset: int) -> None:
        if offset == 0:
            return
        if offset < 0:
            done, self.pending = self.pending[:offset], self.pending[offset:]
        else:
            done = [update for update in self.pending if update["update_id"] < offset]
            self.pending = [update for update in self.pending if update["update_id"] >= offset]
        if self.again:
            self._ghosts += [Ghost(update, self.again) for update in done]

    def _batch(self, limit: int) -> list[Json]:
        batch = self.pending[:limit]
        for ghost in self._ghosts[: limit - len(batch)]:
            batch.append(ghost.update)
            ghost.left -= 1
        self._ghosts = [ghost for ghost in self._ghosts if ghost.left]
        if self.shuffle:
            self.shuffle.shuffle(batch)
        return batch
