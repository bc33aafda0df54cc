"""What there is to buy and how it is bought: products, prices and places as `business.yml` has them, nothing beyond that."""

from __future__ import annotations

from crm_store.customize.prices import money
from crm_store.interact.service.proof import not_known
from crm_store.interact.service.wishes import frequent
from crm_store.interact.service.words import listed
from crm_store.moment import Moment, Reply

MOST_SHOWN = 12
_MORE = {
    "en": "\u2026 and {n} more: ask me for any of them by name",
    "id": "\u2026 dan {n} lagi: tanyakan saja namanya",
}
_WEB = {"en": "in our web shop", "id": "di toko web kami"}
_AT = {"en": "at {stores}", "id": "di {stores}"}
_STORE = "{name} ({address})"


def products(moment: Moment) -> list[Reply]:
    """The products with their prices, as many as can be read at a glance, and where they are bought."""
    language, about = moment.language, moment.business
    if not about.products:
        return how_to_order(moment)
    answered = frequent(moment)
    if answered:
        return [answered]
    shown = about.products if len(about.products) <= MOST_SHOWN else about.products[: MOST_SHOWN - 1]
    lines = [f"- {p.called(language)}: {money(p.price, about.business.currency, language)}" for p in shown]
    if len(shown) < len(about.products):
        lines.append(_MORE[language].format(n=len(about.products) - len(shown)))
    where = _where(moment)
    values = {"products": "\n".join(lines)}
    return [Reply("utter_products_where", values | {"where": where}) if where else Reply("utter_products", values)]


def how_to_order(moment: Moment) -> list[Reply]:
    """Where one orders; the answer of `business.yml` where the question is one of its own."""
    answered = frequent(moment)
    if answered:
        return [answered]
    about, where = moment.business.business, _where(moment)
    if not where:
        return [not_known(moment)]
    return [Reply("utter_how_to_order", {"where": where, "phone": about.phone, "hours": about.hours[moment.language]})]


def stores(moment: Moment) -> list[Reply]:
    return [Reply("utter_stores")]


def _where(moment: Moment) -> str:
    """`in our web shop or at Menteng (Jl. Cikini Raya 12)`; empty where there is neither."""
    language = moment.language
    places = [_STORE.format(name=store.name, address=store.address) for store in moment.business.stores]
    ways = [_WEB[language]] if any(t.kind == "web_site" for t in moment.business.touchpoints.values()) else []
    if places:
        ways.append(_AT[language].format(stores=listed(places, language)))
    return (" or " if language == "en" else " atau ").join(ways)
