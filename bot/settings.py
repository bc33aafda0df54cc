"""Every setting of the processes, from the environment or `.env`. docs/settings.md lists them; a test holds the two together."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from email.utils import parseaddr
from functools import cached_property
from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import Field, SecretStr, model_validator

from crm_store.identify.token_keys import TokenKeys, TokenKeysError, read_keys
from crm_store.settings import StoreSettings

ROOT = Path(__file__).resolve().parent.parent

Secret = Literal["user_token_secret", "api_key", "internal_token"]
"""Secrets that are made on first use where the operator sets none."""


class Settings(StoreSettings):
    """`PORT` and `DATABASE_URL` as they are; all others with the prefix `RAPPORT_`."""

    home: Path = Path()
    """The folder whose `.env` is read and to which relative paths are relative; `bot.home` finds it."""
    port: int = Field(default=8000, ge=0, le=65535, validation_alias="PORT")
    host: str = "127.0.0.1"
    var: Path = Path("var")
    """Folder for everything made here: database, models, tracker, logs, secrets."""
    demo: bool = True
    """Load the demo business's customers on first use and serve its shop page; of no effect for another business."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    allowed_origins: list[str] = []
    """Other origins whose pages may embed the widget."""
    user_token_secret: SecretStr | None = None
    """HS256 key for signed user tokens; made and kept under `var` when not set."""
    user_token_keys: Path | None = None
    """A JWK Set (RFC 7517) with the keys of user tokens, where there are several or they are public ones."""
    api_key: SecretStr | None = None
    """For `POST /v1/events` and `POST /v1/decisions`; made and kept under `var` when not set."""
    session_hours: int = Field(default=12, gt=0)
    sessions_per_minute: int = Field(default=60, ge=0)
    """How many chats one address may open; 0: any number."""
    keep_days: int = Field(default=0, ge=0)
    """How long a conversation is kept after its last word; 0: until somebody erases it."""
    public_url: str | None = None
    """Where customers reach the gateway, such as https://chat.example.com; for the Telegram webhook."""
    page_url: str | None = None
    """A page with the widget, such as https://shop.example.com/help; `/link` on Telegram leads there. Default: public_url."""
    telegram_token: SecretStr | None = None
    """Of the bot, from BotFather; without one there is no Telegram."""
    telegram_bot: str | None = None
    """The bot's name there, without the @: the widget offers to go on with it."""
    telegram_mode: Literal["polling", "webhook"] = "polling"
    telegram_api_url: str = "https://api.telegram.org"
    telegram_webhook_secret: SecretStr | None = None
    """What Telegram says with every webhook call; derived from the token when not set."""
    smtp_host: str | None = None
    """The mail server that takes one-time codes; without one none are sent, but in the demo, whose console shows them."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str | None = None
    """The sender of such mail, an address or `Name <address>`."""
    smtp_starttls: bool = True
    """Refuse a server that does not encrypt; on port 465 everything is encrypted from the start."""
    link_engine: Literal["duckdb", "spark"] = "duckdb"
    """Where `rapport resolve` compares records."""
    rasa_url: str = "http://127.0.0.1:5005"
    actions_url: str = "http://127.0.0.1:5055"
    internal_token: SecretStr | None = None
    """Shared by gateway and Rasa process; made and kept under `var` when not set."""

    @property
    def shows_demo(self) -> bool:
        """Whether this is the demo: never with somebody's own business, whose customers no stranger may sign in as."""
        return self.demo and self.business.resolve() == ROOT / "demo/business.yml"

    @property
    def tracker_path(self) -> Path:
        return self.var / "tracker.db"

    @model_validator(mode="after")
    def _whole_mail(self) -> Self:
        if self.smtp_host and "@" not in parseaddr(self.smtp_from or "")[1]:
            raise ValueError("RAPPORT_SMTP_HOST needs RAPPORT_SMTP_FROM, the address that codes are sent from")
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("RAPPORT_SMTP_USER and RAPPORT_SMTP_PASSWORD are needed together, or neither")
        return self

    @property
    def shows_codes(self) -> bool:
        """Whether the console shows the codes instead of a mail: in the demo, where no customer is real, without a mail server."""
        return self.shows_demo and not self.smtp_host

    @property
    def code_key(self) -> bytes | None:
        """Of one-time codes, the same in every process of the stack; None where no code would reach anybody."""
        if not self.smtp_host and not self.shows_codes:
            return None
        return hmac.digest(self.secret("internal_token").encode(), b"rapport one-time codes", "sha256")

    @property
    def telegram_secret(self) -> str:
        """What a webhook call must carry. Derived and not kept: nobody knows it who does not know the token."""
        if self.telegram_webhook_secret:
            return self.telegram_webhook_secret.get_secret_value()
        token = self.telegram_token.get_secret_value() if self.telegram_token else ""
        return hmac.new(token.encode(), b"rapport webhook", "sha256").hexdigest()

    @cached_property
    def token_keys(self) -> TokenKeys:
        """The keys of user tokens, read once. Raises TokenKeysError and OSError for a file that cannot be used.

        Beside named keys a secret counts only where somebody set one; the demo shop signs with the one that is made.
        """
        if self.user_token_keys is None:
            return TokenKeys.of_secret(self.secret("user_token_secret"))
        try:
            named = read_keys(self.user_token_keys.read_text("utf-8"))
        except TokenKeysError as error:
            raise TokenKeysError(f"RAPPORT_USER_TOKEN_KEYS, {self.user_token_keys}: {error}") from None
        if self.user_token_secret or self.shows_demo:
            return TokenKeys.of_secret(self.secret("user_token_secret"), named)
        return TokenKeys(named)

    @cached_property
    def _kept(self) -> dict[str, str]:
        """Secrets made on first use, readable by the owner only."""
        path = self.var / "secrets.json"
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = {name: secrets.token_urlsafe(32) for name in get_args(Secret)}
            draft = path.with_suffix(f".{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(made))
            try:
                os.link(draft, path)  # atomic, and loses to whoever was first
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        kept: dict[str, str] = json.loads(path.read_text())
        return kept

    def secret(self, name: Secret) -> str:
        """The secret from the environment, else the one kept under `var`."""
        given: SecretStr | None = getattr(self, name)
        return given.get_secret_value() if given else self._kept[name]
