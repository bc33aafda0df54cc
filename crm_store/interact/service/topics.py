"""What is being talked about, so that "how much is it?" and an answer to what we asked back can be understood.

Kept with the conversation, beside what a yes would refer to; holds ids of products, never anything of the customer's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crm_store.interact.answers import plain
from crm_store.interact.service.days import days_in
from crm_store.moment import Moment

STOCK = "stock"
RETURN = "return"
STOCK_TOLD = "stock_told"
PRICE_TOLD = "price_told"
HOURS_TOLD = "hours_told"
_FOLLOWED_BY = {STOCK_TOLD: "action_stock", PRICE_TOLD: "action_price"}
_FEW_WORDS = 3
_MOST_WORDS = 6
"""In a message that names nothing but another day."""
_LEADS = re.compile(
    r"^(and|or|what about|how about|dan|atau|sama|kalau|kalo|klo|kl|terus|trus|lalu|gimana|bagaimana)\b"
)
_LITTLE = frozenset(
    plain("""and or what about how in at from the a any store shop branch one for of then too also please pls is are there it do
    does you they have got get left dan atau sama kalau kalo klo kl di dari yang toko cabang buat untuk terus trus lalu
    gimana bagaimana juga ya kak min dong nih ada adakah gak ga nggak ngga masih stok stoknya berapa harganya harga""").split()
)
MOST_PRODUCTS = 3


def asks_back(moment: Moment, topic: str) -> None:
    """The next message may answer what we ask back now; a yes that was waited for before is not."""
    moment.pending.pop("yes", None)
    moment.pending["topic"] = topic


def talks_of(moment: Moment, products: Sequence[str]) -> None:
    """These products are what "it" means from now on; an empty list leaves nothing."""
    if products:
        moment.pending["about"] = list(products[:MOST_PRODUCTS])
    else:
        moment.pending.pop("about", None)


def talked_of(moment: Moment) -> list[str]:
    return [product for product in moment.pending.get("about", []) if moment.business.product(product)]


def told(moment: Moment, topic: str) -> None:
    """That this was answered: the next message may ask the same of something else by its name alone."""
    moment.pending["topic"] = topic


def follow_up(moment: Moment) -> str | None:
    """The action that answers a message which asks the same as the one before, of something else.

    "And in Kemang?" after a question for stock: a name and little words, nothing else.
    """
    if moment.topic == HOURS_TOLD:
        return "action_hours" if _names_day_alone(moment) else None
    action = _FOLLOWED_BY.get(moment.topic)
    said = f" {plain(moment.text)} "
    rest, stores = _without(said, [name for store in moment.business.stores for name in (store.name, *store.names)])
    titles = [
        name
        for product in moment.business.products
        for name in (product.name, *(product.title or {}).values(), *product.names)
    ]
    rest, products = _without(rest, titles)
    if action is None or not _LITTLE.issuperset(rest.split()):
        return None
    asks_of_store = stores and moment.topic == STOCK_TOLD
    return action if asks_of_store or (products and _LEADS.search(said.strip())) else None


def _names_day_alone(moment: Moment) -> bool:
    words, today = plain(moment.text), moment.now.astimezone(moment.business.business.zone).date()
    is_short = len(words.split()) <= (_MOST_WORDS if _LEADS.search(words) else _FEW_WORDS)
    return is_short and bool(days_in(moment.text, today))


def _without(said: str, names: Sequence[str]) -> tuple[str, bool]:
    """The words without these names, and whether any of them was in them."""
    rest = said
    for name in sorted(map(plain, names), key=len, reverse=True):
        rest = rest.replace(f" {name} ", "  ")
    return rest, rest != said
