"""Whether Telegram knows our bot. Never says the token."""

from __future__ import annotations

import httpx

from bot.cli.refusals import Refusal
from bot.settings import Settings

UNKNOWN = {401, 404}
"""What Telegram answers to a token that is none of its; the second where it is not even written like one."""


def examine_telegram(settings: Settings) -> None:
    """Raises Refusal for a token that is wrong, an address that does not answer, or a webhook nobody can reach."""
    if settings.telegram_token is None:
        return
    _require_known(settings.telegram_api_url, settings.telegram_token.get_secret_value())
    if settings.telegram_mode == "webhook" and not (settings.public_url or "").startswith("https://"):
        raise Refusal(
            "Telegram is to call a webhook, but RAPPORT_PUBLIC_URL is not an https address",
            "set RAPPORT_PUBLIC_URL to where the gateway is reached, or RAPPORT_TELEGRAM_MODE=polling",
        )


def _require_known(api: str, token: str) -> None:
    try:
        answer = httpx.get(f"{api}/bot{token}/getMe", timeout=10)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # The error's own text may have the address, and the token in it.
        raise Refusal(
            f"Telegram at {api} cannot be reached: {type(error).__name__}",
            "check this machine's network and RAPPORT_TELEGRAM_API_URL; what is to be sent waits until it is back",
        ) from None
    if answer.status_code in UNKNOWN:
        raise Refusal(
            f"Telegram at {api} does not know the bot: RAPPORT_TELEGRAM_TOKEN is wrong or was revoked",
            "copy the token from BotFather again (/mybots, the bot, API Token) into .env, then start again",
        )
    if not answer.is_success:
        raise Refusal(f"Telegram at {api} answers {answer.status_code}", "wait a minute, then try again")
