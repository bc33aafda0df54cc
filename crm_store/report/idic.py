"""The report: the four steps at each kind of touchpoint, and what to connect where nothing comes from one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection

from crm_store.business import Business
from crm_store.report.contacts import contacts_in
from crm_store.report.customized import Customized, customized
from crm_store.report.differentiated import Differentiated, differentiated
from crm_store.report.identified import Identified, identified
from crm_store.report.interacted import Interacted, interacted
from crm_store.report.placing import ALL, ELSEWHERE, KINDS, Period, Places

_CONNECT = {
    "web_site": "have the shop send purchases as events, or import them",
    "loyalty_programme": "send points earned and redeemed as events, or import them",
    "contact_centre": "keep calls at /console/call, or import them",
    "point_of_purchase": "have the till send purchases and returns as events, or import them",
    "after_sales": "send repairs and complaints with their status as events, or import them",
}


@dataclass(frozen=True)
class Touchpoint:
    """One kind of touchpoint. `names`: those of `business.yml`; `mends`: what to do where nothing comes from it."""

    kind: str
    names: list[str]
    identify: Identified
    differentiate: Differentiated
    interact: Interacted
    customize: Customized
    mends: list[str]


@dataclass(frozen=True)
class Report:
    period: Period
    currency: str
    touchpoints: list[Touchpoint]
    """The five kinds, each also where there is nothing."""
    elsewhere: Touchpoint
    """What names no touchpoint of `business.yml`."""
    together: Touchpoint

    def as_dict(self) -> dict[str, Any]:
        """For JSON; times are datetimes."""
        return {**asdict(self.period), **{k: v for k, v in asdict(self).items() if k != "period"}}


def idic(connection: Connection, business: Business, period: Period) -> Report:
    """How the four steps were executed in the period at each of the five kinds of touchpoint."""
    places = Places.find(connection, business)
    contacts = contacts_in(connection, places, period)
    one = identified(connection, places, period, contacts)
    two = differentiated(connection, business, period, contacts)
    three = interacted(connection, places, period, contacts)
    four = customized(connection, places, period)

    def touchpoint(kind: str) -> Touchpoint:
        names = [name for name, found in business.touchpoints.items() if kind in (found.kind, ALL)]
        mends = list(_mends(kind, names, one[kind], four[kind]))
        if kind == places.chat and not three[kind].conversations:
            mends.append(
                "Nobody wrote in the chat: embed the widget (docs/embed.md) or connect Telegram (docs/telegram.md)."
            )
        return Touchpoint(kind, names, one[kind], two[kind], three[kind], four[kind], mends)

    return Report(
        period, business.business.currency, [touchpoint(k) for k in KINDS], touchpoint(ELSEWHERE), touchpoint(ALL)
    )


def _mends(kind: str, names: list[str], known: Identified, given: Customized) -> Iterator[str]:
    if kind == ALL:
        return
    if kind == ELSEWHERE:
        if known.contacts or given.decisions:
            yield "Rows name a touchpoint that business.yml does not have, or none: add it there, or name one of its touchpoints."
        return
    if not names:
        yield f"business.yml has no touchpoint of this kind: add one under `touchpoints` with `kind: {kind}`."
        return
    named = " or ".join(f"`{name}`" for name in names)
    if not known.contacts:
        yield f"Nothing comes from there yet: {_CONNECT[kind]} (touchpoint {named}; docs/http-api.md, docs/operate.md)."
    elif known.share is not None and known.share < 0.5:
        yield "Most contacts are of somebody who cannot be recognised elsewhere: send an email, phone or card number along."
    if not given.decisions and kind == "contact_centre":
        yield "Nothing is decided there yet: look callers up at /console/call, which says what to say and ask."
    elif not given.decisions and kind != "web_site":
        yield f"Nothing is decided there yet: ask POST /v1/decisions with touchpoint {named} what to say, and tell its outcome."
