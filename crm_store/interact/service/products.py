"""Which product is meant, and what it is called in the customer's language. Pure."""

from __future__ import annotations

import re

from crm_store.business import Business, Product
from crm_store.customize.prices import product_named
from crm_store.interact.answers import plain
from crm_store.interact.service.topics import MOST_PRODUCTS, follow_up, talked_of
from crm_store.moment import Moment

_IT = re.compile(r"\b(it|its|this|that|them|those|these|one|ones|itu|ini|nya|\w{3,}nya|tersebut)\b", re.IGNORECASE)
_FEW_WORDS = 4


def product_of(business: Business, written: str) -> Product | None:
    """The product that another system calls so: by id, by name, or by any other name."""
    wanted = plain(written)
    for product in business.products:
        names = (product.id, product.name, *(product.title or {}).values(), *product.names)
        if wanted and wanted in map(plain, names):
            return product
    return None


def title_of(business: Business, written: str, language: str) -> str:
    """What customers of this language call it; as it is written where it is none of ours."""
    product = product_of(business, written)
    return product.called(language) if product else written


def products_in(business: Business, text: str) -> list[str]:
    """The ids of all products that a text names, in the order in which they stand in it."""
    said = f" {plain(text)} "
    places = {
        product.id: min(
            (place for name in (product.name, *product.names) if (place := said.find(f" {plain(name)} ")) >= 0),
            default=-1,
        )
        for product in business.products
    }
    return sorted((product for product, place in places.items() if place >= 0), key=lambda product: places[product])


def product_meant(moment: Moment) -> list[Product]:
    """The products that the message names; else what was talked of, where the words point back at it."""
    heard = list(dict.fromkeys(value for value, _ in moment.understanding.values("product")))
    several = [product for value in heard if (product := moment.business.product(value))]
    if len(several) > 1:
        return several[:MOST_PRODUCTS]
    named = product_named(moment.business, moment.text, heard)
    if named:
        return [named]
    words = moment.text.split()
    if len(words) > _FEW_WORDS and not _IT.search(moment.text) and not follow_up(moment):
        return []
    return [product for known in talked_of(moment) if (product := moment.business.product(known))]
