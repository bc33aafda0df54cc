"""The likelihoods in use: those of `business.yml`, or in their place what was learnt from the customers since.

What was learnt is a row of its own, made by `learning`, in which no customer stands. It counts as long as `business.yml` says what
it said when it was learnt; a part that was written anew there is as it is written until the next run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, bindparam, select

from crm_store.business import Business
from crm_store.differentiate.filtering import OTHER, SECOND, Mixing
from crm_store.differentiate.needs import HALF_LIFE, REPEATS, STATED, Dependence
from crm_store.identify.profiles import new_id
from crm_store.prepared import Prepared
from crm_store.tables import learnt_likelihoods as table

FORM = 1
"""Of what is kept. A row of another form is of another version and passed over."""
TAKEN = Mixing(SECOND, OTHER)
"""Until it is learnt."""
MOST_KEPT = 400
"""Times of which it is kept what was learnt until then: a year of nights."""
Table = dict[str, dict[str, float]]
"""By option or behaviour, by segment: a probability."""


@dataclass(frozen=True)
class Part:
    """One thing that was learnt: what `business.yml` says, what was learnt, and of how many customers."""

    given: Table
    learnt: Table
    customers: int


@dataclass(frozen=True)
class Learnt:
    """What a run of learning came to. `customers`: of how many anything was known."""

    at: datetime
    customers: int
    equivalent_sample_size: float
    prior: Part
    """Its one row is called "prior"."""
    questions: dict[str, Part]
    behaviours: Part
    """Shares of purchases; see `business.Needs.shares`."""
    stated: float = STATED
    stated_by: int = 0
    repeats: float = REPEATS
    repeated_by: int = 0
    dependence: list[tuple[str, str, float, int]] = field(default_factory=list)
    """Two matters, how much they go together, and how many customers told of both."""
    second: float = SECOND
    other: float = OTHER
    """See `filtering.Mixing`."""
    half_life: float | None = None
    """Days after which half of the customers have another need; of what was learnt by an earlier version None."""
    half_life_given: float = HALF_LIFE

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"at": self.at.isoformat()}

    @classmethod
    def of(cls, body: Mapping[str, Any], at: datetime) -> Learnt:
        parts = {
            "prior": Part(**body["prior"]),
            "questions": {name: Part(**part) for name, part in body["questions"].items()},
            "behaviours": Part(**body["behaviours"]),
            "dependence": [(a, b, rho, n) for a, b, rho, n in body["dependence"]],
        }
        rest = {key: value for key, value in body.items() if key != "form"}
        return cls(**{**rest, **parts, "at": at})


@dataclass(frozen=True)
class Model:
    """What the posterior is computed with. `business`: with what was learnt in the place of what it says."""

    business: Business
    trust: float = STATED
    repeats: float = REPEATS
    dependence: Dependence = field(default_factory=dict)
    learnt: Learnt | None = None
    mixing: Mixing = TAKEN

    @cached_property
    def half_life(self) -> float:
        """Days after which half of the customers have another need."""
        given = half_life_of(self.business)
        if self.learnt is None or self.learnt.half_life is None or self.learnt.half_life_given != given:
            return given
        return self.learnt.half_life


def keep_learnt(connection: Connection, learnt: Learnt) -> None:
    """Writes it down, instead of what was learnt of that very time; from now on it is in use. What is old is forgotten."""
    kept = select(table.c.id).order_by(table.c.at.desc()).limit(MOST_KEPT)
    connection.execute(table.delete().where((table.c.at == learnt.at) | table.c.id.not_in(kept)))
    body = {key: value for key, value in learnt.as_dict().items() if key != "at"} | {"form": FORM}
    connection.execute(table.insert().values(id=new_id(), at=learnt.at, body=body))


_NEWEST = Prepared(
    lambda _: select(table.c.id).where(table.c.at <= bindparam("now")).order_by(table.c.at.desc(), table.c.id).limit(1)
)
_IN_USE: dict[int, tuple[Business, str, Model]] = {}
"""By the business's identity, the model that was made of it last: of a few, since a process has one."""


def in_use(connection: Connection, business: Business, now: datetime) -> Model:
    """The model of this moment: what was learnt last before `now` where anything was. One small statement."""
    last = _NEWEST.row(connection, now=now)
    if last is None:
        return Model(business)
    known = _IN_USE.get(id(business))
    if known and known[0] is business and known[1] == last.id:
        return known[2]
    row = connection.execute(select(table).where(table.c.id == last.id)).one()
    model = with_learnt(business, Learnt.of(row.body, row.at)) if row.body.get("form") == FORM else Model(business)
    if len(_IN_USE) > 8:
        _IN_USE.clear()
    _IN_USE[id(business)] = (business, last.id, model)
    return model


def newest(connection: Connection, now: datetime) -> Learnt | None:
    """What was learnt last."""
    row = connection.execute(
        select(table).where(table.c.at <= now).order_by(table.c.at.desc(), table.c.id).limit(1)
    ).one_or_none()
    return Learnt.of(row.body, row.at) if row and row.body.get("form") == FORM else None


def with_learnt(business: Business, learnt: Learnt) -> Model:
    """The business with what was learnt put in, as far as it is of the business as it is now."""
    if learnt.prior.given["prior"] != business.prior:
        return Model(business)
    questions = [
        question.model_copy(
            update={"options": [o.model_copy(update={"likelihood": part.learnt[o.id]}) for o in question.options]}
        )
        if question.tells_of_needs and (part := learnt.questions.get(question.id)) and part.given == question.chances
        else question
        for question in business.questions
    ]
    behaviours, repeats = business.needs.behaviours, REPEATS
    if behaviours and learnt.behaviours.given == business.needs.shares:
        behaviours = [b.model_copy(update={"likelihood": learnt.behaviours.learnt[b.id]}) for b in behaviours]
        repeats = learnt.repeats
    shares = learnt.prior.learnt["prior"]
    segments = [s.model_copy(update={"prior": shares[s.id]}) for s in business.needs.segments]
    needs = business.needs.model_copy(update={"segments": segments, "behaviours": behaviours})
    made = business.model_copy(update={"needs": needs, "questions": questions})
    dependence = {frozenset((a, b)): rho for a, b, rho, _ in learnt.dependence}
    return Model(made, learnt.stated, repeats, dependence, learnt, Mixing(learnt.second, learnt.other))


def half_life_of(business: Business) -> float:
    """Days after which half of the customers have another need, as `business.yml` has it: the rates of its three half-lives are
    three guesses of one rate.
    """
    told = business.needs.half_life_days
    return 3 / (1 / told.answered + 1 / told.stated + 1 / told.observed)
