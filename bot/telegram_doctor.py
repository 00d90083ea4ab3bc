"""What `linli doctor` says of a bot on Telegram: the token, the way there, what the bot may read, the webhook."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from telegram import WebhookInfo
from telegram.error import InvalidToken, TelegramError

from bot.telegram_client import Client
from bot.telegram_line import unknown_token

Finding = tuple[bool, str, str]  # serious, what, what to do

_RECENT = timedelta(hours=1)  # an older error of the webhook may be mended since
PRIVACY = "privacy mode is on: in groups the bot hears only commands and replies, so it takes no report"
PRIVACY_OFF = (
    "BotFather → /mybots → Bot Settings → Group Privacy → Turn off, "
    "then remove the bot from the group and add it again, or make it an admin"
)


async def examine(client: Client, *, api: str, webhook: str, listen: str) -> list[Finding]:
    try:
        me = await client.get_me()
        info = await client.get_webhook_info()
    except InvalidToken:
        wrong = unknown_token()
        return [(True, wrong.what, wrong.mend)]
    except TelegramError as error:
        return [_no_answer(client.plain(error), urlsplit(api).hostname or api)]
    findings: list[Finding] = [(False, f"Telegram knows the bot as @{me.username}", "")]
    if not me.can_read_all_group_messages:
        findings.append((True, PRIVACY, PRIVACY_OFF))
    findings += _webhook(info, webhook, listen) if webhook else _polling(info)
    return findings


def _no_answer(why: str, host: str) -> Finding:
    if "certificate" in why.lower():
        mend = "check this machine's clock and its CA certificates; if a proxy opens TLS, name its CA in SSL_CERT_FILE"
        return True, f"the TLS certificate of {host} is not trusted: {why}", mend
    mend = "check the network; behind a proxy set HTTPS_PROXY; another Bot API server is named by telegram.api"
    return True, f"no answer from {host}: {why}", mend


def _polling(info: WebhookInfo) -> Iterator[Finding]:
    if info.url:
        what = f"a webhook is set: Telegram posts updates to {urlsplit(info.url).hostname}, to nobody else"
        yield False, what, "linli run takes it away at its start; stop the other program if it is still wanted there"


def _webhook(info: WebhookInfo, webhook: str, listen: str) -> Iterator[Finding]:
    if not info.url:
        yield False, "Telegram knows of no webhook yet", "linli run sets it at its start"
    elif info.url != webhook:
        what = f"the webhook set at Telegram is not telegram.webhook; it leads to {urlsplit(info.url).hostname}"
        yield True, what, "stop the other program that uses this bot; linli run sets its own at its start"
    elif info.last_error_message:
        yield _refused(info, listen)


def _refused(info: WebhookInfo, listen: str) -> Finding:
    """Telegram could not hand over an update."""
    why, at = info.last_error_message or "", info.last_error_date
    serious = at is not None and datetime.now(UTC) - at < _RECENT
    when = f" at {at:%Y-%m-%d %H:%M} UTC" if at else ""
    if "403" in why:
        mend = "let the proxy pass X-Telegram-Bot-Api-Secret-Token, and start linli run again: it sets the secret anew"
        return serious, f"Telegram's posts were refused{when}, wrong secret: {why}", mend
    if "certificate" in why.lower() or "ssl" in why.lower():
        mend = "give the reverse proxy a valid certificate with its whole chain"
        return serious, f"Telegram does not trust the webhook's certificate{when}: {why}", mend
    mend = f"check that linli runs and that the reverse proxy leads the whole path to {listen}"
    return serious, f"Telegram's posts did not arrive{when}: {why}", mend
