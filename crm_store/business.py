"""The schema of `business.yml`: the one file in which an operator describes the business.

Everything the rules need to know of a trade is read from here and from nowhere else. How the file is read, and what is said of one
that is wrong, is `crm_store.business_file`. Knows no database and no Rasa.
"""

from __future__ import annotations

import re
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


class Tier(Part):
    id: Id
    title: Words
    at_least: float | None = None
    """Actual value over the window from which a customer is of this tier; none for the lowest."""


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
    likelihood: dict[str, Probability]
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


class Behaviour(Part):
    id: Id
    category: Id
    likelihood: dict[str, Probability]
    because: Words


class Treatment(Part):
    id: Id
    tiers: list[str]
    tone: Literal["standard", "valued", "plain"]
    note: str
    """Why these customers are treated so; part of every stored reason."""


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


class Needs(Part):
    segments: Annotated[list[Segment], Field(min_length=2)]
    behaviours: list[Behaviour] = []


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


class Identity(Part):
    """What takes two records for one customer, and what does not."""

    identifiers: dict[LinkingType, Limits] = Field(default={}, validate_default=True)
    typed_by: dict[str, dict[LinkingType, Literal["machine", "customer", "clerk"]]] = {}
    """By source and column, who typed what stands there. What customers typed into an open form joins nobody."""

    @field_validator("identifiers", mode="before")
    @classmethod
    def _as_usual_where_left_out(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not all(isinstance(limits, dict) for limits in given.values()):
            return given
        return {**given, **{kind: {**usual, **given.get(kind, {})} for kind, usual in _USUAL.items()}}


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
    identity: Identity = Identity()
    touchpoints: Annotated[dict[Id, Touchpoint], Field(min_length=1)]
    stores: list[Store] = []
    products: list[Product] = []
    value: Value
    tiers: Annotated[list[Tier], Field(min_length=1)]
    needs: Needs
    questions: list[Question]
    asking: Asking = Asking()
    treatments: Annotated[list[Treatment], Field(min_length=1)]
    offers: list[Offer]
    service: Service = Service()
    privacy: Privacy | None = None
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
