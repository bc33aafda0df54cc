"""Differentiate: what each customer is worth and what each needs."""

from crm_store.differentiate.picture import Picture, picture

__all__ = ["Picture", "picture"]
