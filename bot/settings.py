"""Every setting of the processes, from the environment or `.env`. docs/settings.md lists them; a test holds the two together."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, SecretStr

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
    api_key: SecretStr | None = None
    """For `POST /v1/events` and `POST /v1/decisions`; made and kept under `var` when not set."""
    session_hours: int = Field(default=12, gt=0)
    sessions_per_minute: int = Field(default=60, ge=0)
    """How many chats one address may open; 0: any number."""
    keep_days: int = Field(default=0, ge=0)
    """How long a conversation is kept after its last word; 0: until somebody erases it."""
    public_url: str | None = None
    """Where customers reach the gateway, such as https://chat.example.com; for the Telegram webhook."""
    telegram_token: SecretStr | None = None
    """Of the bot, from BotFather; without one there is no Telegram."""
    telegram_mode: Literal["polling", "webhook"] = "polling"
    telegram_api_url: str = "https://api.telegram.org"
    telegram_webhook_secret: SecretStr | None = None
    """What Telegram says with every webhook call; derived from the token when not set."""
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

    @property
    def telegram_secret(self) -> str:
        """What a webhook call must carry. Derived and not kept: nobody knows it who does not know the token."""
        if self.telegram_webhook_secret:
            return self.telegram_webhook_secret.get_secret_value()
        token = self.telegram_token.get_secret_value() if self.telegram_token else ""
        return hmac.new(token.encode(), b"rapport webhook", "sha256").hexdigest()

    @cached_property
    def _kept(self) -> dict[str, str]:
        """Secrets made on first use, readable by the owner only."""
        path = self.var / "secrets.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
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
