"""What the assistant understands: known entities, the intent, the need or answer in it, and the language."""
