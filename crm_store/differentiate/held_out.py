"""Forecasts of an earlier day, held against what has happened since: of value, by purchases; of needs, by what was told.

Queries beside `calibration`, which compares. Nothing later than a forecast's day goes into it, but for who is joined to whom.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, select

from crm_store.access.consent import PROFILE, all_withdrawn
from crm_store.bulk import among
from crm_store.business import Business
from crm_store.differentiate.calibration import (
    NeedsCheck,
    Outcomes,
    TooFew,
    ValueCheck,
    bins_of,
    calibration_error,
    check_values,
)
from crm_store.differentiate.evidence import bought_on, by_period, standing
from crm_store.differentiate.histories import Histories, amounts, histories
from crm_store.differentiate.lifetime.sampling import spacing
from crm_store.differentiate.likelihoods import Model, in_use
from crm_store.differentiate.needs import NEED, Posterior, observed, speaking, tempered
from crm_store.differentiate.worth import LEVEL, learn
from crm_store.tables import customers, evidence, learnt_likelihoods, transactions

LEAST_DAYS = 28
LEAST_CUSTOMERS = 50
"""Below these nothing is said of forecasts of value."""
LEAST_ANSWERS = 50
"""Below so many nothing is said of needs."""
MOST_TELLING = 5000
"""Customers whose words are predicted, evenly chosen where more have told of themselves."""
SURE = 0.5
"""How surely words have to be read to be held against a prediction."""
Progress = Callable[[int], None]


def check_forecasts(connection: Connection, business: Business, as_of: datetime, horizon: float) -> ValueCheck | TooFew:
    """Fits to what was known a horizon before `as_of`, or half of the history where it is shorter, and looks what came of it.

    Value of the days held out is margin less cost to serve in them.
    """
    known = histories(connection, business, as_of)
    days = _held_days(known, horizon)
    if days < LEAST_DAYS:
        return TooFew("days", days, LEAST_DAYS)
    cut = as_of - timedelta(days=days)
    value = business.value.model_copy(update={"window_days": days})
    held = business.model_copy(update={"value": value})
    before = histories(connection, business, cut)
    bought = int((before.purchases > 0).sum())
    if bought < LEAST_CUSTOMERS:
        return TooFew("customers", bought, LEAST_CUSTOMERS)
    paid = amounts(connection, before, cut)
    usual = business.value
    models, ahead = learn(before, paid, horizon=days, window_days=usual.window_days, margin_rate=usual.margin_rate)
    counts = models.purchasing.counts(before.history, days, LEVEL)
    later = _beside(before, histories(connection, held, as_of))
    lately = _beside(before, histories(connection, held, cut))
    columns = (
        before.purchases,
        ahead.purchases,
        counts.low,
        counts.high,
        later(lambda each: each.purchases) - before.purchases,
        ahead.future,
        later(lambda each: each.actual_value),
        lately(lambda each: each.actual_value),
    )
    # Nothing is forecast of who was only served.
    outcomes = Outcomes(*(column[before.purchases > 0] for column in columns))
    newcomers = int((known.purchases > 0).sum()) - bought
    return check_values(outcomes, cut=cut, until=as_of, days=days, level=LEVEL, newcomers=newcomers)


def _held_days(known: Histories, horizon: float) -> int:
    if not (known.purchases > 0).any():
        return 0
    return int(min(horizon, (known.until - np.nanmin(known.first_day)) / 2))


Figure = Callable[[Histories], NDArray[np.float64]]


def _beside(those: Histories, other: Histories) -> Callable[[Figure], NDArray[np.float64]]:
    """A figure of the other histories for the customers of those; 0 of who is not in them."""
    place = {customer: at for at, customer in enumerate(other.customer_ids)}
    at = np.array([place.get(customer, len(other)) for customer in those.customer_ids], dtype=np.intp)
    return lambda figure: np.append(figure(other), 0.0)[at]


def check_needs(
    connection: Connection, business: Business, until: datetime, advance: Progress = lambda _: None
) -> NeedsCheck | TooFew:
    """Predicts the first answer of each customer to each question, and the first need each states, from what was known of them
    before, by the likelihoods that were in use then. `advance` counts customers.
    """
    models = _Models(connection, business)
    probabilities: list[float] = []
    came_true: list[bool] = []
    answers, unknown, right, expected = 0, 0, 0, 0.0
    who: set[str] = set()
    for customer, rows, bought in _telling(connection, business, until):
        for row, needs in _before_each(business, rows, bought, models):
            chances = chances_of(models.at(row.at), needs, row.kind, row.key) if needs else {}
            if row.value not in chances:
                unknown += not needs
                continue
            answers += 1
            who.add(customer)
            likeliest = max(chances, key=chances.__getitem__)
            right += likeliest == row.value
            expected += chances[likeliest]
            probabilities += chances.values()
            came_true += [value == row.value for value in chances]
        advance(1)
    if answers < LEAST_ANSWERS:
        return TooFew("answers", answers, LEAST_ANSWERS)
    bins = bins_of(probabilities, came_true)
    return NeedsCheck(answers, len(who), unknown, bins, calibration_error(bins), right, round(expected, 2))


def chances_of(model: Model, needs: Posterior, kind: str, key: str) -> dict[str, float]:
    """P(answer) of each answer to a question, or P(stated) of each segment, summed over the segments a customer's word may be of.

    Empty where `business.yml` no longer knows the question, or it is not of needs.
    """
    segments = model.business.segment_ids
    if kind == "stated":
        rest = (1 - model.trust) / (len(segments) - 1)
        return {said: sum(needs[s] * (model.trust if s == said else rest) for s in segments) for said in segments}
    question = model.business.question(key)
    chances = question.chances if question else {}
    return {option: sum(needs[s] * row[s] for s in segments) for option, row in chances.items()}


class _Models:
    """The likelihoods that were in use at each moment."""

    def __init__(self, connection: Connection, business: Business) -> None:
        self._connection, self._business = connection, business
        times = select(learnt_likelihoods.c.at).order_by(learnt_likelihoods.c.at)
        self._learnt = list(connection.execute(times).scalars())
        self._by_place: dict[int, Model] = {}

    def at(self, moment: datetime) -> Model:
        place = bisect_right(self._learnt, moment)
        if place not in self._by_place:
            self._by_place[place] = in_use(self._connection, self._business, moment)
        return self._by_place[place]


Bought = list[tuple[str, date]]
"""Categories, each with a day on which it was bought."""


def _before_each(
    business: Business, rows: Sequence[Row[Any]], bought: Bought, models: _Models
) -> Iterator[tuple[Row[Any], Posterior | None]]:
    """Each first word on a matter, with what need it may have been of, as it was known before; None where nothing was."""
    told: set[str] = set()
    for row in rows:
        matter = row.key if row.kind == "answered" else NEED
        if row.kind == "denied" or row.strength < SURE or matter in told:
            continue
        told.add(matter)
        model, today = models.at(row.at), row.at.astimezone(UTC).date()
        said = standing([each for each in rows if each.at < row.at], model.half_life, row.at, trust=model.trust)
        periods, _ = by_period(((c, day) for c, day in bought if day < today), row.at)
        done = observed(model.business, periods, model.repeats, half_life=model.half_life)
        pieces = tempered([*said, *done], model.dependence)
        yield row, speaking(model.business, pieces, model.mixing) if pieces else None


def _telling(
    connection: Connection, business: Business, until: datetime
) -> Iterator[tuple[str, list[Row[Any]], Bought]]:
    """Customers who told of themselves: all that they told, in its order, and all that they bought."""
    who = (
        select(customers.c.canonical_id)
        .join(evidence, evidence.c.customer_id == customers.c.id)
        .where(evidence.c.at <= until)
        .distinct()
        .order_by(customers.c.canonical_id)
    )
    off = all_withdrawn(connection, PROFILE)
    every = [customer for customer in connection.execute(who).scalars() if customer not in off]
    chosen = every[:: spacing(len(every), MOST_TELLING)]
    bought = _bought(connection, business, chosen, until)
    said = (
        select(
            customers.c.canonical_id,
            evidence.c.kind,
            evidence.c.key,
            evidence.c.value,
            evidence.c.strength,
            evidence.c.at,
        )
        .join(customers, customers.c.id == evidence.c.customer_id)
        .where(evidence.c.at <= until, among(connection, customers.c.canonical_id, chosen))
        .order_by(customers.c.canonical_id, evidence.c.at, evidence.c.id)
    )
    every_word: list[Row[Any]] = list(connection.execute(said))
    for customer, rows in groupby(every_word, key=lambda row: row.canonical_id):
        yield customer, list(rows), bought.get(customer, [])


def _bought(connection: Connection, business: Business, chosen: Sequence[str], until: datetime) -> Mapping[str, Bought]:
    customer = customers.c.canonical_id
    query = (
        bought_on(connection, customer)
        .join(customers, customers.c.id == transactions.c.customer_id)
        .where(transactions.c.category.in_([b.category for b in business.needs.behaviours]))
        .where(among(connection, customer, chosen))
    )
    found: dict[str, Bought] = defaultdict(list)
    for row in connection.execute(query, {"now": until}):
        found[row.canonical_id].append(
            (row.category, row.day if isinstance(row.day, date) else date.fromisoformat(row.day))
        )
    return found
