"""The staff console: pages in which staff read transcripts and see what is known of the customer."""

from bot.console.app import create_console

__all__ = ["create_console"]
