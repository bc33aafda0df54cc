"""Telegram: updates in, messages out. What is said and to whom is the store's; nothing of the Bot API leaves this folder."""
