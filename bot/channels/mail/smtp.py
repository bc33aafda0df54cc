"""The way to the mail server: one mail, one connection, and what is known of it when it failed.

What fails before the server has taken the message surely did not go out and is tried again; what fails after it was handed over,
without an answer, may have gone out and is not. Knows neither store nor codes.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage

import aiosmtplib
from aiosmtplib import SMTPException, SMTPNotSupported, SMTPRecipientsRefused, SMTPResponseException

from bot.settings import Settings
from crm_store.conversations.deliveries import Outcome, Told

TIMEOUT_SECONDS = 15.0
TLS_PORT = 465
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=1)
PERMANENT = 500
"""SMTP replies from this one on will not change by trying again (RFC 5321, 4.2.1)."""


@dataclass(frozen=True)
class MailServer:
    host: str
    port: int
    sender: str
    user: str | None = None
    password: str | None = None
    starttls: bool = True

    @classmethod
    def of(cls, settings: Settings) -> MailServer | None:
        """As the settings have it; None where they have none."""
        if not settings.smtp_host or not settings.smtp_from:
            return None
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
        tls = settings.smtp_starttls
        return cls(settings.smtp_host, settings.smtp_port, settings.smtp_from, settings.smtp_user, password, tls)

    async def send(self, message: EmailMessage, attempts: int) -> Told:
        """One try. `attempts`: with this one; the problem that is told names no address."""
        client = self.client()
        try:
            await client.connect()
        except (SMTPException, OSError, TimeoutError) as error:
            return _again(error, attempts)
        try:
            await client.send_message(message)
            with suppress(SMTPException, OSError, TimeoutError):
                await client.quit()
        except SMTPNotSupported as error:  # an address that this server cannot take, such as one that is not ASCII
            return Told(Outcome.FAILED, problem=type(error).__name__)
        except SMTPRecipientsRefused as error:
            codes = [refusal.code for refusal in error.recipients]
            return _refused(max(codes, default=PERMANENT), attempts)
        except SMTPResponseException as error:
            return _refused(error.code, attempts)
        except (SMTPException, OSError, TimeoutError) as error:
            return Told(Outcome.AMBIGUOUS, problem=type(error).__name__)
        finally:
            client.close()
        return Told(Outcome.SENT)

    def client(self) -> aiosmtplib.SMTP:
        """Not connected yet. `connect` encrypts and signs in too."""
        encrypted = self.port == TLS_PORT
        return aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            use_tls=encrypted,
            start_tls=self.starttls and not encrypted,
            timeout=TIMEOUT_SECONDS,
        )


def _refused(code: int, attempts: int) -> Told:
    """The server's own words are not taken along: they name the address."""
    if code >= PERMANENT:
        return Told(Outcome.FAILED, problem=f"The mail server answered {code}.")
    return Told(Outcome.AGAIN, problem=f"The mail server answered {code}.", wait=_pause(attempts))


def _again(error: Exception, attempts: int) -> Told:
    code = f" {error.code}" if isinstance(error, SMTPResponseException) else ""
    return Told(Outcome.AGAIN, problem=f"{type(error).__name__}{code}", wait=_pause(attempts))


def _pause(attempts: int) -> timedelta:
    doublings: int = 1 << min(attempts - 1, 10)
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)
