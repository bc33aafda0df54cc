"""What a product costs. Pure."""

from __future__ import annotations

from crm_store.business import Business, Product
from crm_store.interact.answers import plain

_SYMBOLS = {"IDR": "Rp ", "USD": "$", "EUR": "€", "GBP": "£"}
_WHOLE = {"IDR", "JPY", "KRW", "VND"}
_SWAPPED = str.maketrans(",.", ".,")


def product_named(business: Business, text: str, named: list[str]) -> Product | None:
    """The product that the assistant found by name, or whose longest name stands in the words."""
    by_id = {p.id: p for p in business.products}
    for name in named:
        if name in by_id:
            return by_id[name]
    said = f" {plain(text)} "
    found = [
        (len(name), product)
        for product in business.products
        for name in (product.name, *(product.title or {}).values(), *product.names)
        if f" {plain(name)} " in said
    ]
    return max(found, key=lambda f: f[0])[1] if found else None


def money(amount: float, currency: str, language: str) -> str:
    """An amount as readers of this language write it: "Rp 185,000" or "$12.50", in Indonesian "Rp 185.000" or "$12,50"."""
    text = f"{amount:,.0f}" if currency in _WHOLE else f"{amount:,.2f}"
    if language == "id":
        text = text.translate(_SWAPPED)
    return f"{_SYMBOLS.get(currency, currency + ' ')}{text}"
