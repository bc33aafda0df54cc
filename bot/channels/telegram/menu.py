"""The menu of commands that Telegram shows beside the box to write in."""

from __future__ import annotations

from telegram import BotCommand

from bot.channels.telegram.api import Bot
from bot.channels.telegram.wording import MENU, said
from crm_store.business import Business


async def show_menu(bot: Bot, business: Business) -> None:
    """In each language of the business, and in its default for everybody else."""
    about = business.business
    for code in (None, *about.languages):
        texts = [(name, said(text, code or about.default_language)) for name, text in MENU.items()]
        await bot.set_my_commands([BotCommand(name, text) for name, text in texts], language_code=code)
