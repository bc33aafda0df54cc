"""Whether the mail server takes what we would send: reached, encrypted, signed in. Sends nothing, and never says the password."""

from __future__ import annotations

import asyncio

from aiosmtplib import SMTPAuthenticationError, SMTPException

from bot.channels.mail.smtp import MailServer
from bot.cli.refusals import Refusal
from bot.settings import Settings


def examine_mail(settings: Settings) -> None:
    """Raises Refusal for a server that cannot be reached, does not encrypt, or does not know the user."""
    server = MailServer.of(settings)
    if server is None:
        return
    try:
        asyncio.run(_greet(server))
    except SMTPAuthenticationError:
        raise Refusal(
            f"the mail server {server.host} refuses the user",
            "correct RAPPORT_SMTP_USER and RAPPORT_SMTP_PASSWORD; codes wait as long as they are good",
        ) from None
    except (SMTPException, OSError, TimeoutError) as error:
        raise Refusal(
            f"the mail server {server.host}:{server.port} cannot be used: {type(error).__name__}: {error}",
            "check RAPPORT_SMTP_HOST, RAPPORT_SMTP_PORT and RAPPORT_SMTP_STARTTLS, and this machine's way to it",
        ) from None


async def _greet(server: MailServer) -> None:
    client = server.client()
    try:
        await client.connect()
    finally:
        client.close()
