"""Posts the pending updates to the bot's webhook and tries again until the bot says 2xx."""

import asyncio
import time
from collections import Counter
from http import HTTPStatus

import httpx

from tests.peers.telegram.request import Json
from tests.peers.telegram.updates import Updates

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


class Webhook:
    def __init__(self, updates: Updates) -> None:
        self.updates = updates
        self.settings: Json | None = None  # as setWebhook gave them
        self.parallel = 1
        self.tries = 200
        self.pause = 0.05
        self.timeout = 10.0
        self.deliveries: Counter[int] = Counter()  # posts by update_id
        self.given_up: list[Json] = []
        self.last_error: Json = {}
        self._workers: list[asyncio.Task[None]] = []
        self._in_flight: list[int] = []

    async def set(self, settings: Json) -> None:
        await self.pause_work()
        self.settings, self.last_error = settings, {}
        self.updates.webhook_active = True
        self.updates.release()
        self.resume_work()

    async def clear(self) -> None:
        await self.pause_work()
        self.settings = None
        self.updates.webhook_active = False

    def resume_work(self) -> None:
        if self.settings:
            workers = min(self.settings["max_connections"], self.parallel)
            self._workers = [asyncio.create_task(self._work(self.settings)) for _ in range(workers)]

    async def pause_work(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._workers, self._in_flight = [], []

    def info(self) -> Json:
        settings = self.settings or {}
        info = {"url": "", "has_custom_certificate": False, "pending_update_count": len(self.updates.pending)}
        return info | {name: value for name, value in settings.items() if name != "secret_token"} | self.last_error

    async def _work(self, settings: Json) -> None:
        headers = {SECRET_HEADER: settings["secret_token"]} if settings.get("secret_token") else {}
        async with httpx.AsyncClient(headers=headers, timeout=self.timeout, trust_env=False) as client:
            while True:
                update = next((one for one in self.updates.pending if one["update_id"] not in self._in_flight), None)
                if update is None:
                    await self.updates.pulse.wait()
                    continue
                self._in_flight.append(update["update_id"])
                await self._deliver(client, settings["url"], update)
                self.updates.remove(update)
                self._in_flight.remove(update["update_id"])

    async def _deliver(self, client: httpx.AsyncClient, url: str, update: Json) -> None:
        for _ in range(self.tries):
            self.deliveries[update["update_id"]] += 1
            if await self._post(client, url, update):
                return
            await asyncio.sleep(self.pause)
        self.given_up.append(update)

    async def _post(self, client: httpx.AsyncClient, url: str, update: Json) -> bool:
        try:
            answer = await client.post(url, json=update)
        except httpx.TimeoutException:
            error = "Read timeout expired"
        except httpx.ConnectError:
            error = "Connection refused"
        except httpx.HTTPError:
            error = "Connection reset by peer"
        else:
            if answer.is_success:
                return True
            phrase = HTTPStatus(answer.status_code).phrase
            error = f"Wrong response from the webhook: {answer.status_code} {phrase}"
        self.last_error = {"last_error_date": int(time.time()), "last_error_message": error}
        return False
