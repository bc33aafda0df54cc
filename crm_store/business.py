"""The schema of `business.yml`: the one file in which an operator describes the business.

Everything the rules need to know of a trade is read from here and from nowhere else. How the file is read, and what is said of one
that is wrong, is `crm_store.business_file`. Knows no database and no Rasa.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from crm_store.contradictions import contradictions
from crm_store.identify.linking import Rules
from crm_store.opening import Week, week_of

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$", max_length=60)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Words = dict[str, str]
"""A text in each language of the business, by language code."""
Phrases = dict[str, list[str]]
"""Ways to say a thing in each language, by language code."""


def _is_a_week(opening: dict[str, str]) -> dict[str, str]:
    week_of(opening)
    return opening


Opening = Annotated[dict[str, str], AfterValidator(_is_a_week)]
"""Days and hours, as `crm_store.opening` reads them."""


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Without what was worked out of the one that is copied."""
        made = super().model_copy(update=update, deep=deep)
        for name in made.__dict__.keys() - type(made).model_fields.keys():
            del made.__dict__[name]
        return made


class About(Part):
    name: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    languages: Annotated[list[Annotated[str, Field(pattern=r"^(en|id)$")]], Field(min_length=1)]
    default_language: str
    timezone: str
    phone: str
    hours: Words
    """When somebody answers the phone, in words."""
    opening: Opening = {}
    """When somebody answers in the chat; always when there is nothing."""
    closed_on: list[date] = []
    """Days on which nobody answers and no store is open."""
    privacy_url: str
    accent: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#0f766e"

    @field_validator("timezone")
    @classmethod
    def _is_on_the_map(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (LookupError, ValueError, OSError):
            raise ValueError("is not a time zone; write one such as Asia/Jakarta") from None
        return name

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @cached_property
    def week(self) -> Week:
        return week_of(self.opening)


class Touchpoint(Part):
    kind: Literal["web_site", "loyalty_programme", "contact_centre", "point_of_purchase", "after_sales"]
    cost: Annotated[float, Field(ge=0)]
    """What one interaction there costs to serve, unless the interaction brings its own cost."""


class Store(Part):
    id: Id
    name: str
    address: str
    hours: Words
    opening: Opening = {}
    """When it is open; not known when there is nothing."""
    names: list[str] = []

    @cached_property
    def week(self) -> Week:
        return week_of(self.opening)


class Product(Part):
    id: Id
    name: str
    title: Words | None = None
    """What customers call it in each language; its name where there is none."""
    category: Id
    price: Annotated[float, Field(gt=0)]
    names: list[str] = []

    def called(self, language: str) -> str:
        return self.title[language] if self.title else self.name


class Value(Part):
    window_days: Annotated[int, Field(gt=0)] = 365
    margin_rate: Probability
    """Share of the amount that is margin where a transaction does not say."""


Amount = Annotated[float, Field(allow_inf_nan=False)]


class Bounds(Part):
    """Between what a figure has to lie, in the business's currency."""

    at_least: Amount = -math.inf
    below: Amount = math.inf

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("asks for nothing; write at_least, below or both, such as {at_least: 0}")
        return self

    def hold(self, figure: float) -> bool:
        return self.at_least <= figure < self.below

    def hold_all_of(self, other: Bounds) -> bool:
        """Whether no figure lies within `other` and not within these."""
        return self.at_least <= other.at_least and other.below <= self.below


class Tier(Part):
    """Customers of about one worth. All conditions have to hold; the last tier has none."""

    id: Id
    title: Words
    actual: Bounds | None = None
    """On margin less cost to serve over the window."""
    future: Bounds | None = None
    """On the same as expected."""
    unrealised: Bounds | None = None
    """On what lies between that and potential value."""

    @model_validator(mode="before")
    @classmethod
    def _says_what_of(cls, given: Any) -> Any:
        if isinstance(given, dict) and "at_least" in given:
            raise ValueError(
                f"write `actual: {{at_least: {given['at_least']}}}`: a threshold says of which value it is"
            )
        return given

    @cached_property
    def conditions(self) -> tuple[tuple[str, Bounds], ...]:
        """Each figure that is asked for, by its name in `differentiate.tiers.Figures`."""
        given = (("actual", self.actual), ("future", self.future), ("unrealised", self.unrealised))
        return tuple((name, bounds) for name, bounds in given if bounds is not None)


class Segment(Part):
    id: Id
    title: Words
    prior: Probability
    says: Phrases
    because: Words


class Option(Part):
    id: Id
    title: Words
    says: Phrases = {}
    range: tuple[float, float] | None = None
    likelihood: dict[str, Probability] = {}
    """None where the question tells nothing of needs."""
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of customer: the part of what they spend in this field that is spent here, of who answers so."""
    because: Words


class Question(Part):
    id: Id
    text: Words
    why: Words
    segments: list[str] = []
    """Ask it only when one of these segments is likely; all when empty."""
    options: Annotated[list[Option], Field(min_length=2, max_length=6)]

    def option(self, option_id: str) -> Option | None:
        return next((o for o in self.options if o.id == option_id), None)

    @property
    def tells_of_needs(self) -> bool:
        return any(option.likelihood for option in self.options)

    @cached_property
    def chances(self) -> dict[str, dict[str, float]]:
        """By option: P(it is chosen | segment). What the file says may add up to a little more or less than 1 over the options."""
        if not self.tells_of_needs:
            return {}
        total = {s: sum(o.likelihood[s] for o in self.options) for s in self.options[0].likelihood}
        return {o.id: {s: p / total[s] for s, p in o.likelihood.items()} for o in self.options}

    @property
    def tells_of_share(self) -> bool:
        return any(option.share is not None for option in self.options)


class Behaviour(Part):
    id: Id
    category: Id
    likelihood: dict[str, Probability]
    because: Words


Hours = Annotated[float, Field(gt=0, le=168)]


class Treatment(Part):
    id: Id
    tiers: list[str]
    tone: Literal["standard", "valued", "plain"]
    note: str
    """Why these customers are treated so; part of every stored reason."""
    answer_within_hours: Hours | None = None
    """Hours in which staff answer, within which a person does; as the service floor says where there is nothing."""


class ServiceFloor(Part):
    """What no tier and no treatment falls under, and what guests get."""

    tone: Literal["plain", "standard"] = "plain"
    answer_within_hours: Hours = 24


class Pitch(Part):
    text: Words
    segments: list[str] = []
    answers: list[str] = []
    """Said instead of the offer's own text to these segments, or after these answers ("question.option")."""


class Offer(Part):
    id: Id
    title: Words
    text: Words
    pitches: list[Pitch] = []
    fits: dict[str, Annotated[float, Field(ge=0, le=1)]]
    tiers: list[str] = []
    not_tiers: list[str] = []
    answers: list[str] = []
    channels: list[str] = []
    assurance: Literal["anonymous", "recognised", "verified"] = "anonymous"
    cooldown_days: Annotated[int, Field(ge=0)] = 30
    code: str | None = None
    url: str | None = None
    image: str | None = None


class Asking(Part):
    per_conversation: Annotated[int, Field(ge=0)] = 2
    per_30_days: Annotated[int, Field(ge=0)] = 6
    least_information: Annotated[float, Field(ge=0)] = 0.05
    """Expected information, in bits, below which a question is not worth the customer's time."""


Days = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class HalfLives(Part):
    """After so many days half of those who told in this way need something else; of the three the mean rate counts, until it is
    learnt. As they come these need no tuning.
    """

    answered: Days = 730
    stated: Days = 365
    observed: Days = 365


class Needs(Part):
    segments: Annotated[list[Segment], Field(min_length=2)]
    behaviours: list[Behaviour] = []
    half_life_days: HalfLives = HalfLives()
    equivalent_sample_size: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 100
    """As many customers of a segment as its likelihoods in this file are worth beside those that are learnt from."""

    @cached_property
    def shares(self) -> dict[str, dict[str, float]]:
        """By behaviour: of a segment's purchases in the categories of all behaviours, how many are in this; of a lone one its
        likelihood.
        """
        alone = len(self.behaviours) == 1
        total = {s.id: 1.0 if alone else sum(b.likelihood[s.id] for b in self.behaviours) for s in self.segments}
        return {b.id: {s: b.likelihood[s] / total[s] for s in total} for b in self.behaviours}


class Numbers(Part):
    """How order and loyalty numbers look, as regular expressions, so that they are found in what customers type."""

    order_number: str = r"\bORD-?\d{4,10}\b"
    loyalty_number: str = r"\bLC-?\d{4,12}\b"

    @field_validator("order_number", "loyalty_number")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from None
        return pattern


class Limits(Part):
    """What an identifier of one type may do. A value beyond them is kept as a fact and identifies nobody."""

    priority: int
    """Of several that lead to different customers the one of the lowest number is believed."""
    shared_by: Annotated[int, Field(ge=1)]
    """So many customers may have the same value."""
    values: Annotated[int, Field(ge=1)]
    """So many values one customer may come to have by joining, within the window."""
    window_days: Annotated[int, Field(ge=1)] = 365
    blocked: list[str] = []


_USUAL: dict[str, dict[str, int]] = {
    "loyalty_id": {"priority": 1, "shared_by": 1, "values": 5},
    "email": {"priority": 2, "shared_by": 1, "values": 5},
    "phone": {"priority": 3, "shared_by": 1, "values": 5},
}
LinkingType = Literal["loyalty_id", "email", "phone"]
_TYPED_BY = {"web": dict.fromkeys(_USUAL, "customer")}
"""A form on a web site takes whatever is typed, unless the operator says that it is checked."""


class Resolution(Part):
    """How sure batch resolution has to be. As they come these need no tuning."""

    join_from: Annotated[float, Field(gt=0.5, le=1)] = 0.95
    """Probability from which profiles are joined without anybody being asked, where two identifiers agree and nothing tells
    the two apart."""
    join_from_one: Annotated[float, Field(gt=0.5, le=1)] = 0.997
    """The same where the two agree in one identifier alone, or in some that several people have."""
    join_from_none: Annotated[float, Field(gt=0.5, le=1)] = 0.985
    """The same where the two have no identifier in common, or two but names or births that tell them apart, or two of several
    people and the same given name."""
    review_from: Probability = 0.5
    """Probability from which staff are asked."""


class Identity(Part):
    """What takes two records for one customer, and what does not."""

    identifiers: dict[LinkingType, Limits] = Field(default={}, validate_default=True)
    typed_by: dict[str, dict[LinkingType, Literal["machine", "customer", "clerk"]]] = Field(
        default={}, validate_default=True
    )
    """By source and column, who typed what stands there. What customers typed into an open form joins nobody."""
    resolution: Resolution = Resolution()

    @field_validator("identifiers", mode="before")
    @classmethod
    def _as_usual_where_left_out(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not all(isinstance(limits, dict) for limits in given.values()):
            return given
        return _filled_up(given, _USUAL)

    @field_validator("typed_by", mode="before")
    @classmethod
    def _by_customers_on_the_web_where_left_out(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not all(isinstance(columns, dict) for columns in given.values()):
            return given
        return _filled_up(given, _TYPED_BY)


def _filled_up(given: dict[str, Any], usual: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {**given, **{key: {**inner, **given.get(key, {})} for key, inner in usual.items()}}


class Service(Part):
    """What the chat says of the usual services; where a text is missing it says that it does not know and who does."""

    delivery: Words | None = None
    returns: Words | None = None
    return_days: Annotated[int, Field(ge=0)] | None = None
    repair: Words | None = None
    points: Words | None = None


class Faq(Part):
    """A question that customers ask, with one answer for everybody."""

    id: Id
    says: Phrases
    text: Words


class Privacy(Part):
    notice: Words
    """What the chat itself says of personal data: what is kept, what for, and how it is erased."""


class Business(Part):
    """All of `business.yml`, checked against itself."""

    business: About
    numbers: Numbers = Numbers()
    touchpoints: Annotated[dict[Id, Touchpoint], Field(min_length=1)]
    stores: list[Store] = []
    products: list[Product] = []
    value: Value
    tiers: Annotated[list[Tier], Field(min_length=1)]
    needs: Needs
    questions: list[Question]
    asking: Asking = Asking()
    treatments: Annotated[list[Treatment], Field(min_length=1)]
    service_floor: ServiceFloor = ServiceFloor()
    offers: list[Offer]
    service: Service = Service()
    privacy: Privacy | None = None
    identity: Identity = Identity()
    faq: list[Faq] = []

    @cached_property
    def linking(self) -> Rules:
        """What links records, with the business's own phone number as one that is nobody's."""
        return Rules(self.identity, [("phone", self.business.phone)])

    @cached_property
    def segment_ids(self) -> list[str]:
        return [s.id for s in self.needs.segments]

    @cached_property
    def prior(self) -> dict[str, float]:
        total = sum(s.prior for s in self.needs.segments)
        return {s.id: s.prior / total for s in self.needs.segments}

    @cached_property
    def chat_touchpoint(self) -> str:
        """The id of the web site's touchpoint, to which conversations count; the first one where there is no web site."""
        web = [name for name, touchpoint in self.touchpoints.items() if touchpoint.kind == "web_site"]
        return next(iter(web or self.touchpoints))

    @cached_property
    def share_question(self) -> Question | None:
        """The question whose answers tell the share of customer; there is one at most."""
        return next((q for q in self.questions if q.tells_of_share), None)

    @cached_property
    def share_key(self) -> str:
        """Its id, by which evidence of it is kept; "" where there is none."""
        return self.share_question.id if self.share_question else ""

    def question(self, question_id: str) -> Question | None:
        return next((q for q in self.questions if q.id == question_id), None)

    def segment(self, segment_id: str) -> Segment | None:
        return next((s for s in self.needs.segments if s.id == segment_id), None)

    def offer(self, offer_id: str) -> Offer | None:
        return next((o for o in self.offers if o.id == offer_id), None)

    def product(self, product_id: str) -> Product | None:
        return next((p for p in self.products if p.id == product_id), None)

    def store(self, store_id: str) -> Store | None:
        return next((s for s in self.stores if s.id == store_id), None)

    def language(self, wanted: str | None) -> str:
        """The wanted language where the business speaks it, else its default."""
        code = (wanted or "").lower()[:2]
        return code if code in self.business.languages else self.business.default_language

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        problems = contradictions(self)
        if problems:
            raise ValueError("\n".join(f"{'/'.join(map(str, loc))}|{text}" for loc, text in problems))
        return self
