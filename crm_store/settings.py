"""Where the store and the business's description are. Read from the environment or `.env`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class StoreSettings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_prefix="RAPPORT_", extra="ignore", populate_by_name=True)

    database_url: str = Field(default="sqlite:///var/rapport.db", validation_alias="DATABASE_URL")
    business: Path = Path("demo/business.yml")
