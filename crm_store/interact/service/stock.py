"""What there is of a product, and where. No figures: they are old the moment they are said; "a few left" is enough."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from crm_store.business import Product, Store
from crm_store.interact.service.products import product_meant
from crm_store.interact.service.proof import not_known
from crm_store.interact.service.topics import STOCK, STOCK_TOLD, asks_back, talks_of, told
from crm_store.interact.service.words import at_time, listed
from crm_store.moment import Moment, Reply
from crm_store.stock import WEB_SHOP, Count
from crm_store.tables import stock as table

FRESH = timedelta(days=2)
"""A count that is older says nothing any more."""
A_FEW = 5
"""Down from here there are only a few left."""
MOST_PLACES = 4
_AT = {"en": "at {place}", "id": "di {place}"}
_WEB = {"en": "in the web shop", "id": "di toko web"}
_LEVELS = {
    "plenty": {"en": "in stock {places}", "id": "tersedia {places}"},
    "few": {"en": "only a few left {places}", "id": "tinggal sedikit {places}"},
    "none": {"en": "sold out {places}", "id": "habis {places}"},
    "unknown": {"en": "not known {places}", "id": "belum ada kabar {places}"},
}


def stock(moment: Moment) -> list[Reply]:
    products = product_meant(moment)
    if not products:
        asks_back(moment, STOCK)
        return [Reply("utter_stock_which")]
    talks_of(moment, [product.id for product in products])
    places = _places(moment)
    if len(places) > MOST_PLACES:
        asks_back(moment, STOCK)
        return [Reply("utter_stock_where", {"product": products[0].called(moment.language)})]
    told(moment, STOCK_TOLD)
    return [_told(moment, product, places) for product in products]


def _places(moment: Moment) -> list[Store]:
    """The store that the message names; all of them where it names none."""
    named = {value for value, _ in moment.understanding.values("store")}
    return [store for store in moment.business.stores if store.id in named] or moment.business.stores


def _told(moment: Moment, product: Product, stores: Sequence[Store]) -> Reply:
    fresh = _fresh(moment, product)
    everywhere = len(stores) == len(moment.business.stores)
    places = [(store.id, _AT[moment.language].format(place=store.name)) for store in stores]
    if everywhere and WEB_SHOP in fresh:
        places.append((WEB_SHOP, _WEB[moment.language]))
    known = [fresh[place] for place, _ in places if place in fresh]
    called = product.called(moment.language)
    if not known:
        about = not_known(moment)
        return Reply("utter_stock_unknown", {"product": called, **about.values})
    levels: dict[str, list[str]] = {}
    for place, words in places:
        levels.setdefault(_level(fresh.get(place)), []).append(words)
    found = ", ".join(
        form[moment.language].format(places=listed(levels[level], moment.language))
        for level, form in _LEVELS.items()
        if level in levels
    )
    as_of = at_time(min(count.at for count in known), moment.now, moment.business.business.zone, moment.language)
    there = any(count.quantity > 0 for count in known)
    return Reply(
        "utter_stock_there" if there else "utter_stock_gone", {"product": called, "found": found, "as_of": as_of}
    )


def _fresh(moment: Moment, product: Product) -> dict[str, Count]:
    """The counts of this product that still say something, by store."""
    rows = moment.connection.execute(select(table).where(table.c.product_id == product.id))
    counts = (Count(row.product_id, row.store_id, row.quantity, row.at) for row in rows)
    return {count.store_id: count for count in counts if moment.now - count.at <= FRESH}


def _level(count: Count | None) -> str:
    if count is None:
        return "unknown"
    if count.quantity <= 0:
        return "none"
    return "few" if count.quantity <= A_FEW else "plenty"
