"""Interact: whether and what to ask, so that each exchange tells what observing cannot."""
