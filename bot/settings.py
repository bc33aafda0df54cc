"""Every setting of the processes, from the environment or `.env`. docs/settings.md lists them; a test holds the two together."""

from __future__ import annotations

import json
import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from crm_store.settings import StoreSettings

ROOT = Path(__file__).resolve().parent.parent


class Settings(StoreSettings):
    """`PORT` and `DATABASE_URL` as they are; all others with the prefix `RAPPORT_`."""

    port: int = Field(default=8000, ge=0, le=65535, validation_alias="PORT")
    host: str = "127.0.0.1"
    var: Path = Path("var")
    """Folder for everything made here: database, models, tracker, logs, secrets."""
    demo: bool = True
    """Load the demo business's customers on first use and serve its shop page; of no effect for another business."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    allowed_origins: list[str] = []
    """Other origins whose pages may embed the widget."""
    user_token_secret: SecretStr | None = None
    """HS256 key for signed user tokens; made and kept under `var` when not set."""
    api_key: SecretStr | None = None
    """For `POST /v1/events` and `POST /v1/decisions`; made and kept under `var` when not set."""
    session_hours: int = Field(default=12, gt=0)
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

    @cached_property
    def _kept(self) -> dict[str, str]:
        """Secrets made on first use, readable by the owner only."""
        path = self.var / "secrets.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            made = {n: secrets.token_urlsafe(32) for n in ("user_token_secret", "api_key", "internal_token")}
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

    def secret(self, name: Literal["user_token_secret", "api_key", "internal_token"]) -> str:
        """The secret from the environment, else the one kept under `var`."""
        given: SecretStr | None = getattr(self, name)
        return given.get_secret_value() if given else self._kept[name]
