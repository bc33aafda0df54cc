"""Identify: know that the customer in this chat is the one who was in the store yesterday, and how surely."""
