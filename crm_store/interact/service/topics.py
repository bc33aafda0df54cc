"""What is being talked about, so that "how much is it?" and an answer to what we asked back can be understood.

Kept with the conversation, beside what a yes would refer to; holds ids of products, never anything of the customer's.
"""

from __future__ import annotations

from collections.abc import Sequence

from crm_store.moment import Moment

STOCK = "stock"
RETURN = "return"
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
