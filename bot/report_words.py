"""The IDIC report in words: which figure means what, and how it is written. The same for the command and the console.

Pure; knows no page and no terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from crm_store.business import Business
from crm_store.report import Report, Touchpoint
from crm_store.report.customized import Acceptance

TITLES = {
    "web_site": "Web site",
    "loyalty_programme": "Loyalty programme",
    "contact_centre": "Contact centre",
    "point_of_purchase": "Point of purchase",
    "after_sales": "After-sales",
    "elsewhere": "Elsewhere",
    "all": "All",
}
NOTHING = "\N{EN DASH}"
"""Of a share or a mean of nothing; what is none is 0."""

Cell = Callable[[Touchpoint], str]


@dataclass(frozen=True)
class Line:
    """One figure at every touchpoint. `meaning`: what it counts, where the title does not say."""

    title: str
    meaning: str
    cells: list[str]
    is_part: bool = False
    """Whether it is a part of the line above it."""


@dataclass(frozen=True)
class Step:
    title: str
    says: str
    lines: list[Line]


def columns(report: Report) -> list[Touchpoint]:
    """The five kinds, elsewhere where there is something, and all together."""
    elsewhere = report.elsewhere
    found = bool(elsewhere.identify.contacts or elsewhere.customize.decisions or elsewhere.identify.new_identifiers)
    return [*report.touchpoints, *([elsewhere] if found or elsewhere.identify.joins else []), report.together]


def steps(report: Report, business: Business) -> list[Step]:
    """The four steps with their lines."""
    shown = columns(report)

    def line(title: str, cell: Cell, meaning: str = "", part: bool = False) -> Line:
        return Line(title, meaning, [cell(touchpoint) for touchpoint in shown], part)

    return [
        Step("Identify", "Do we know whom we meet?", list(_identify(line))),
        Step(
            "Differentiate", "Do we know what they are worth and what they need?", list(_differentiate(line, business))
        ),
        Step("Interact", "Do we talk cheaply, and learn something?", list(_interact(line, report.currency))),
        Step("Customize", "Does what we know change what they get, and does it pay?", list(_customize(line, report))),
    ]


def _identify(line: Callable[..., Line]) -> Iterator[Line]:
    yield line("Contacts", lambda t: _n(t.identify.contacts), "conversations, purchases and other interactions")
    yield line(
        "of a known customer",
        lambda t: _of(t.identify.known, t.identify.contacts),
        "recognised or verified in the conversation, or with an email, phone, card or account on record",
        True,
    )
    for level, meaning in (
        ("anonymous", "a device never seen"),
        ("recognised", "a known device or account"),
        ("verified", "proven to be the customer"),
    ):
        yield line(f"{level} conversations", lambda t, key=level: _n(t.identify.conversations[key]), meaning, True)
    for level, meaning in (
        ("none", "their customer has no identifier that another touchpoint knows"),
        ("imported", "an identifier that a system of the business told, never proven"),
        ("proven", "an identifier that the customer has proven"),
    ):
        title = f"purchases, interactions: {level}"
        yield line(title, lambda t, key=level: _n(t.identify.records[key]), meaning, True)
    yield line("Customers known to several systems", lambda t: _n(t.identify.linked_customers), "of those met there")
    yield line("New identifiers", lambda t: _n(t.identify.new_identifiers), "first seen in the period")
    yield line("Joins", lambda t: _n(t.identify.joins), "profiles that turned out to be one customer")


def _differentiate(line: Callable[..., Line], business: Business) -> Iterator[Line]:
    yield line(
        "Customers met", lambda t: _n(t.differentiate.customers), "each once; somebody new on a device counts too"
    )
    yield line(
        "with a value",
        lambda t: _of(t.differentiate.with_value, t.differentiate.customers),
        f"a purchase or interaction in {business.value.window_days} days; by tier at the end of the period:",
        True,
    )
    for tier in business.tiers:
        title = tier.title.get("en") or tier.title[business.business.default_language]
        yield line(title, lambda t, key=tier.id: _n(t.differentiate.tiers[key]), "", True)
    yield line(
        "with evidence of needs",
        lambda t: _of(t.differentiate.with_needs, t.differentiate.customers),
        "told or observed",
        True,
    )
    yield line("told", lambda t: _n(t.differentiate.needs_told), "in a conversation, at the till, on the phone", True)
    yield line("observed", lambda t: _n(t.differentiate.needs_observed), "by what they bought", True)


def _interact(line: Callable[..., Line], currency: str) -> Iterator[Line]:
    yield line("Conversations", lambda t: _n(t.interact.conversations), "in which the customer said something")
    yield line(
        "by the assistant alone",
        lambda t: _of(t.interact.assistant_alone, t.interact.conversations),
        "answered, and no person needed",
        True,
    )
    yield line(
        "handed over",
        lambda t: _of(t.interact.handed_over, t.interact.conversations),
        "a person was asked for, called or took over",
        True,
    )
    yield line(
        "Interactions", lambda t: _n(t.interact.interactions), "calls, repairs, points, visits; no conversations"
    )
    yield line(
        f"cost, {currency}", lambda t: _n(t.interact.cost), "their own, or the touchpoint's of business.yml", True
    )
    yield line(f"cost of one, {currency}", lambda t: _maybe(t.interact.cost_per_interaction), "", True)
    yield line("Purchases", lambda t: _n(t.interact.purchases), "and returns; a basket is one")
    yield line("Questions asked", lambda t: _n(t.interact.questions_asked))
    yield line("answered", lambda t: _of(t.interact.questions_answered, t.interact.questions_asked), "until now", True)
    yield line(
        "information gained, bits",
        lambda t: f"{t.interact.bits_gained:,.2f}",
        "that the answers were expected to tell",
        True,
    )


def _customize(line: Callable[..., Line], report: Report) -> Iterator[Line]:
    yield line("Decisions", lambda t: _n(t.customize.decisions), "what somebody gets now, said or not; by treatment:")
    for treatment in report.together.customize.treatments:
        title = treatment.replace("_", " ")
        yield line(title, lambda t, key=treatment: _n(t.customize.treatments.get(key, 0)), "", True)
    yield line("Offers shown", lambda t: _n(t.customize.offers_shown))
    yield line("accepted", lambda t: _n(t.customize.accepted), "", True)
    yield line("declined", lambda t: _n(t.customize.declined), "", True)
    yield line("without an answer", lambda t: _n(t.customize.unanswered), "", True)
    yield line(
        "accepted of shown",
        lambda t: _share(t.customize.acceptance),
        "with its 95 % interval; no answer is no acceptance",
        True,
    )


def _n(figure: float) -> str:
    return f"{figure:,.0f}"


def _maybe(figure: float | None) -> str:
    return NOTHING if figure is None else _n(figure)


def _of(part: int, whole: int) -> str:
    """`30 (75 %)`; never 0 or 100 % for what is only nearly so."""
    if not whole:
        return _n(part)
    percent = f"{part / whole * 100:.0f}"
    if percent == "0" and part:
        percent = "<1"
    if percent == "100" and part < whole:
        percent = ">99"
    return f"{part:,} ({percent}\N{NO-BREAK SPACE}%)"


def _share(acceptance: Acceptance | None) -> str:
    if acceptance is None:
        return NOTHING
    share, low, high = (f"{figure * 100:.0f}" for figure in (acceptance.share, acceptance.low, acceptance.high))
    return f"{share}\N{NO-BREAK SPACE}% ({low}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{high})"
