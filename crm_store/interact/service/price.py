"""What a product costs: the one that is named, else the one that was just offered or talked of."""

from __future__ import annotations

from crm_store.business import Product
from crm_store.customize.prices import money
from crm_store.interact.service.products import product_meant
from crm_store.interact.service.topics import PRICE_TOLD, talks_of, told
from crm_store.moment import Moment, Reply


def priced(moment: Moment) -> list[Reply]:
    """The prices that the message asks for; nothing where it is not clear of what."""
    products = product_meant(moment)
    if not products:
        return []
    talks_of(moment, [product.id for product in products])
    told(moment, PRICE_TOLD)
    if len(products) == 1:
        (product,) = products
        return [Reply("utter_price", {"product": product.called(moment.language), "price": _price(moment, product)})]
    lines = "\n".join(f"- {product.called(moment.language)}: {_price(moment, product)}" for product in products)
    return [Reply("utter_prices", {"prices": lines})]


def _price(moment: Moment, product: Product) -> str:
    return money(product.price, moment.business.business.currency, moment.language)
