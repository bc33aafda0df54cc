"""Learning the likelihoods of needs from all customers: what is read of them, and what `rapport score` calls.

Queries beside `expected`, which counts. In what is kept no customer stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, exists, select

from crm_store.access.consent import PROFILE, all_withdrawn
from crm_store.bulk import among
from crm_store.business import Business
from crm_store.differentiate.evidence import PeriodsSince, bought_on, days_since, standing
from crm_store.differentiate.expected import learnt
from crm_store.differentiate.forward import Parameters
from crm_store.differentiate.gamma import Array
from crm_store.differentiate.lifetime.sampling import spacing
from crm_store.differentiate.likelihoods import (
    Learnt,
    Model,
    Part,
    Table,
)
from crm_store.differentiate.needs import LEAST, NEED, PERIOD, Evidence, Periods, still_told
from crm_store.differentiate.observations import Bought, Observations
from crm_store.tables import customers, evidence, transactions

MOST_LEARNT = 2_500
"""Customers who said something, and others, of whom each is looked at: more would move what is learnt by less than it is unsure."""
FEW = 1
"""Customers of whom something is known, below which nothing is learnt."""


def likelihoods(connection: Connection, business: Business, now: datetime) -> Learnt | None:
    """Learnt from all who have not withdrawn; None where nothing is known of anybody. Nothing after `now` is looked at."""
    known = observations(connection, business, now)
    if known.count < FEW:
        return None
    given = parameters(Model(business))
    return _told_of(business, known, given, learnt(known, given, business.needs.equivalent_sample_size), now)


def parameters(model: Model) -> Parameters:
    """The likelihoods in use, as arrays in the business's own order of segments, options and behaviours."""
    business, segments = model.business, model.business.segment_ids

    def rows(table: Table) -> Array:
        return np.array([[row[s] for s in segments] for row in table.values()]).reshape(-1, len(segments))

    return Parameters(
        np.array([business.prior[s] for s in segments]),
        {q.id: rows(q.chances) for q in business.questions if q.tells_of_needs},
        rows(business.needs.shares),
        model.trust,
        model.repeats,
        dict(model.dependence),
        model.mixing.second,
        model.mixing.other,
        model.half_life,
    )


def observations(connection: Connection, business: Business, now: datetime, most: int = MOST_LEARNT) -> Observations:
    """What is known of each customer of whom anything is, one row for all of their profiles.

    Of more than `most` customers who said something, and of more than `most` others, evenly spaced ones stand for all.
    """
    told, quiet = _customers(connection, now)
    off = all_withdrawn(connection, PROFILE, now)
    who: dict[str, int] = defaultdict(lambda: len(who))
    said: list[tuple[int, list[Evidence]]] = []
    bought: list[tuple[int, Periods]] = []
    model = Model(business)
    stands_for: list[float] = []
    for some in (told, quiet):
        step = spacing(len(some), most)
        chosen = [customer for customer in some[::step] if customer not in off]
        said += [(who[c], pieces) for c, pieces in said_by(connection, model, now, among_these=chosen) if pieces]
        bought += [(who[c], periods) for c, periods in bought_by(connection, model, now, among_these=chosen) if periods]
        stands_for += [float(step)] * (len(who) - len(stands_for))
    return replace(gathered(business, said, bought, len(who), now), stands_for=np.array(stands_for))


def _customers(connection: Connection, now: datetime) -> tuple[list[str], list[str]]:
    """Who said something until now, and everybody else; by canonical id, ascending."""
    whole = customers.c.canonical_id
    spoke = (
        select(whole)
        .where(exists().where(evidence.c.customer_id == customers.c.id, evidence.c.at <= now))
        .distinct()
        .order_by(whole)
    )
    told = list(connection.execute(spoke).scalars().all())
    spoken = frozenset(told)
    everybody = connection.execute(select(whole).distinct().order_by(whole)).scalars().all()
    return told, [customer for customer in everybody if customer not in spoken]


def gathered(
    business: Business,
    said: Iterable[tuple[int, list[Evidence]]],
    bought: Iterable[tuple[int, Periods]],
    count: int,
    now: datetime,
) -> Observations:
    """As arrays, by each customer's row of so many."""
    segments = {s: place for place, s in enumerate(business.segment_ids)}
    places = {b.category: place for place, b in enumerate(business.needs.behaviours)}
    options = {q.id: {o.id: place for place, o in enumerate(q.options)} for q in business.questions if q.tells_of_needs}
    answers = {q: (np.full(count, -1, np.int64), np.zeros(count), np.zeros(count)) for q in options}
    stated, ago = np.zeros((count, len(segments))), np.zeros((count, len(segments)))
    denied = np.zeros((count, len(segments)), bool)
    for row, pieces in said:
        for piece in pieces:
            if piece.kind == "answered" and piece.value in options.get(piece.key, {}):
                chosen, sure, when = answers[piece.key]
                chosen[row], sure[row] = options[piece.key][piece.value], piece.strength
                when[row] = days_since(piece.at, now)
            elif piece.kind == "stated" and piece.value in segments:
                stated[row, segments[piece.value]] = piece.strength
                ago[row, segments[piece.value]] = days_since(piece.at, now)
            elif piece.kind == "denied" and piece.value in segments:
                denied[row, segments[piece.value]] = True
    flat = [
        (row, places[category], PERIOD * period, number)
        for row, by_category in bought
        for category, periods in by_category.items()
        for period, number in periods.items()
    ]
    rows, behaviours, ages, numbers = np.array(flat, float).reshape(-1, 4).T
    purchases = Bought(rows.astype(np.int64), behaviours.astype(np.int64), ages, numbers)
    return Observations(answers, stated, ago, denied, purchases)


def said_by(
    connection: Connection,
    model: Model,
    now: datetime,
    among_these: Collection[str] | None = None,
) -> Iterator[tuple[str, list[Evidence]]]:
    """What stands of what each customer has said, or each of these, by canonical id in its order."""
    query = (
        select(
            customers.c.canonical_id,
            evidence.c.kind,
            evidence.c.key,
            evidence.c.value,
            evidence.c.strength,
            evidence.c.at,
        )
        .join(customers, customers.c.id == evidence.c.customer_id)
        .where(evidence.c.at <= now)
        .order_by(customers.c.canonical_id, evidence.c.at, evidence.c.id)
        .execution_options(yield_per=5000)
    )
    rows = connection.execute(_of(connection, query, among_these))
    for customer, theirs in groupby(rows, key=lambda row: row.canonical_id):
        yield customer, standing(theirs, model.half_life, now, trust=model.trust)


def bought_by(
    connection: Connection, model: Model, now: datetime, among_these: Collection[str] | None = None
) -> Iterator[tuple[str, Periods]]:
    """How many periods ago, and on how many days, each customer, or each of these, bought in the category of each behaviour, in the
    same order; what was bought so long ago that it tells nothing is left out.
    """
    categories = [b.category for b in model.business.needs.behaviours]
    if not categories:
        return
    customer = customers.c.canonical_id
    query = (
        bought_on(connection, customer)
        .join(customers, customers.c.id == transactions.c.customer_id)
        .where(transactions.c.category.in_(categories))
        .order_by(customer)
        .execution_options(yield_per=5000)
    )
    periods_ago = PeriodsSince(now)
    rows = connection.execute(_of(connection, query, among_these), {"now": now})
    for who, theirs in groupby(rows, key=lambda row: row.canonical_id):
        bought: Periods = {}
        for row in theirs:
            by_period, period = bought.setdefault(row.category, {}), periods_ago[row.day]
            by_period[period] = by_period.get(period, 0) + 1
        yield (
            who,
            {category: periods for category, periods in bought.items() if still_told(periods, model.half_life) > LEAST},
        )


def _of(connection: Connection, query: Select[Any], these: Collection[str] | None) -> Select[Any]:
    return query if these is None else query.where(among(connection, customers.c.canonical_id, these))


def _told_of(business: Business, known: Observations, given: Parameters, found: Parameters, now: datetime) -> Learnt:
    segments = business.segment_ids

    def table(names: list[str], values: Array) -> Table:
        return {
            name: {s: max(round(float(p), 6), 1e-6) for s, p in zip(segments, row, strict=True)}
            for name, row in zip(names, values, strict=True)
        }

    weight, there = known.weight, known.told
    told = {q: round(weight[who].sum()) for q, who in there.items()}
    buyers = round(weight[known.days > 0].sum())
    pairs = [sorted(pair) for pair in found.dependence]
    return Learnt(
        at=now,
        customers=round(weight.sum()),
        equivalent_sample_size=business.needs.equivalent_sample_size,
        prior=Part({"prior": dict(business.prior)}, table(["prior"], found.prior[None, :]), round(weight.sum())),
        questions={
            q.id: Part(q.chances, table([o.id for o in q.options], found.answers[q.id]), told[q.id])
            for q in business.questions
            if q.tells_of_needs
        },
        behaviours=Part(business.needs.shares, table([b.id for b in business.needs.behaviours], found.shares), buyers),
        stated=round(found.trust, 6),
        stated_by=told[NEED],
        repeats=round(found.repeats, 4),
        repeated_by=buyers,
        dependence=[
            (a, b, round(found.dependence[frozenset((a, b))], 4), round(weight[there[a] & there[b]].sum()))
            for a, b in pairs
        ],
        second=round(found.second, 6),
        other=round(found.other, 6),
        half_life=round(found.half_life, 2),
        half_life_given=given.half_life,
    )
