"""Customize: treat customer A differently from B because of what is known, and say why."""
