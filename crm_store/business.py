"""The schema of `business.yml`: the one file in which an operator describes the business.

Everything the rules need to know of a trade is read from here and from nowhere else. A file that is wrong is refused whole,
with the line, what is wrong there and what to write instead. Knows no database and no Rasa.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$", max_length=60)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Words = dict[str, str]
"""A text in each language of the business, by language code."""
Phrases = dict[str, list[str]]
"""Ways to say a thing in each language, by language code."""


class InvalidBusinessError(ValueError):
    """`business.yml` cannot be used. `problems`: one line each, with the line number and the mend."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.path = path
        self.problems = problems
        super().__init__("\n".join(problems))


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
    privacy_url: str
    accent: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#0f766e"


class Touchpoint(Part):
    kind: Literal["web_site", "loyalty_programme", "contact_centre", "point_of_purchase", "after_sales"]
    cost: Annotated[float, Field(ge=0)]
    """What one interaction there costs to serve, unless the interaction brings its own cost."""


class Store(Part):
    id: Id
    name: str
    address: str
    hours: Words
    names: list[str] = []


class Product(Part):
    id: Id
    name: str
    category: Id
    price: Annotated[float, Field(gt=0)]
    names: list[str] = []


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


class Business(Part):
    """All of `business.yml`, checked against itself."""

    business: About
    numbers: Numbers = Numbers()
    touchpoints: dict[Id, Touchpoint]
    stores: list[Store] = []
    products: list[Product] = []
    value: Value
    tiers: Annotated[list[Tier], Field(min_length=1)]
    needs: Needs
    questions: list[Question]
    asking: Asking = Asking()
    treatments: Annotated[list[Treatment], Field(min_length=1)]
    offers: list[Offer]

    @cached_property
    def segment_ids(self) -> list[str]:
        return [s.id for s in self.needs.segments]

    @cached_property
    def prior(self) -> dict[str, float]:
        total = sum(s.prior for s in self.needs.segments)
        return {s.id: s.prior / total for s in self.needs.segments}

    def question(self, question_id: str) -> Question | None:
        return next((q for q in self.questions if q.id == question_id), None)

    def segment(self, segment_id: str) -> Segment | None:
        return next((s for s in self.needs.segments if s.id == segment_id), None)

    def offer(self, offer_id: str) -> Offer | None:
        return next((o for o in self.offers if o.id == offer_id), None)

    def language(self, wanted: str | None) -> str:
        """The wanted language where the business speaks it, else its default."""
        code = (wanted or "").lower()[:2]
        return code if code in self.business.languages else self.business.default_language

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        problems = list(_contradictions(self))
        if problems:
            raise ValueError("\n".join(f"{'/'.join(map(str, loc))}|{text}" for loc, text in problems))
        return self


def _contradictions(business: Business) -> list[tuple[tuple[str | int, ...], str]]:
    """References to what is not there, ids that stand twice, texts that lack a language."""
    found: list[tuple[tuple[str | int, ...], str]] = []
    segments, tiers = set(business.segment_ids), {t.id for t in business.tiers}
    answers = {f"{q.id}.{o.id}" for q in business.questions for o in q.options}

    def known(loc: tuple[str | int, ...], names: Any, among: set[str], what: str) -> None:
        found.extend(
            (loc, f"no {what} is called {name!r}; there are: {', '.join(sorted(among))}")
            for name in names
            if name not in among
        )

    def complete(loc: tuple[str | int, ...], likelihood: dict[str, float]) -> None:
        known(loc, likelihood, segments, "segment")
        missing = segments - set(likelihood)
        if missing:
            found.append((loc, f"give a likelihood for each segment; missing: {', '.join(sorted(missing))}"))

    if business.business.default_language not in business.business.languages:
        found.append((("business", "default_language"), "must be one of `languages`"))
    for where, things in (
        (("needs", "segments"), business.needs.segments),
        (("questions",), business.questions),
        (("offers",), business.offers),
        (("tiers",), business.tiers),
        (("products",), business.products),
        (("stores",), business.stores),
    ):
        ids = [thing.id for thing in things]
        found.extend(
            ((*where, i), f"the id {name!r} stands twice; ids are unique in a list")
            for i, name in enumerate(ids)
            if name in ids[:i]
        )
    for i, question in enumerate(business.questions):
        known(("questions", i, "segments"), question.segments, segments, "segment")
        for j, option in enumerate(question.options):
            complete(("questions", i, "options", j, "likelihood"), option.likelihood)
        for segment in segments:
            total = sum(o.likelihood.get(segment, 0) for o in question.options)
            if not 0.98 <= total <= 1.02:
                found.append(
                    (
                        ("questions", i, "options"),
                        f"the likelihoods for {segment!r} add up to {total:.2f} over the options; make it 1",
                    )
                )
    for i, behaviour in enumerate(business.needs.behaviours):
        complete(("needs", "behaviours", i, "likelihood"), behaviour.likelihood)
    for i, offer in enumerate(business.offers):
        known(("offers", i, "fits"), offer.fits, segments, "segment")
        known(("offers", i, "tiers"), offer.tiers, tiers, "tier")
        known(("offers", i, "not_tiers"), offer.not_tiers, tiers, "tier")
        known(("offers", i, "answers"), offer.answers, answers, "answer")
        for j, pitch in enumerate(offer.pitches):
            known(("offers", i, "pitches", j, "segments"), pitch.segments, segments, "segment")
            known(("offers", i, "pitches", j, "answers"), pitch.answers, answers, "answer")
    for i, treatment in enumerate(business.treatments):
        known(("treatments", i, "tiers"), treatment.tiers, tiers, "tier")
    treated = [t for treatment in business.treatments for t in treatment.tiers]
    for tier in sorted(tiers):
        if treated.count(tier) != 1:
            found.append((("treatments",), f"tier {tier!r} needs exactly one treatment, has {treated.count(tier)}"))
    lowest = [t for t in business.tiers if t.at_least is None]
    if len(lowest) != 1:
        found.append((("tiers",), "exactly one tier, the lowest, has no `at_least`"))
    found.extend(_missing_words(business.model_dump(), set(business.business.languages), ()))
    return found


_TEXTS = {"title", "text", "why", "because", "hours"}


def _missing_words(
    node: Any, languages: set[str], loc: tuple[str | int, ...]
) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    if isinstance(node, dict):
        if loc and loc[-1] in _TEXTS:
            missing = languages - {k for k, v in node.items() if v}
            return [(loc, f"say it in {', '.join(sorted(missing))} too")] if missing else []
        for key, value in node.items():
            found.extend(_missing_words(value, languages, (*loc, key)))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            found.extend(_missing_words(value, languages, (*loc, i)))
    return found


def load_business(path: Path) -> Business:
    """Reads and checks `business.yml`.

    Raises InvalidBusinessError with one problem a line: file, line number, place, what is wrong and the mend.
    """
    try:
        tree = YAML(typ="rt").load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InvalidBusinessError(
            path,
            [f"{path} is not there; set RAPPORT_BUSINESS to your business.yml, or leave it unset for the demo"],
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidBusinessError(path, [f"{path}: not UTF-8 text ({error}); save it as UTF-8"]) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidBusinessError(
            path, [f"{path}, line {line}: {error.problem}; check the indentation, colons and quotes there"]
        ) from None
    if not isinstance(tree, dict):
        raise InvalidBusinessError(path, [f"{path}, line 1: expected `business:` and its sisters, found {tree!r}"])
    try:
        return Business.model_validate(tree)
    except ValidationError as error:
        raise InvalidBusinessError(path, list(_problems(path, tree, error))) from None


def _problems(path: Path, tree: Any, error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        if problem["type"] == "value_error" and not problem["loc"]:
            for row in str(problem["ctx"]["error"]).splitlines():
                place, text = row.split("|", 1)
                loc = tuple(int(p) if p.isdigit() else p for p in place.split("/"))
                lines.append(_at(path, tree, loc, text))
        else:
            lines.append(_at(path, tree, problem["loc"], _mend(problem)))
    return lines


def _mend(problem: Any) -> str:
    if problem["type"] == "missing":
        return "is missing; add it"
    if problem["type"] == "extra_forbidden":
        return "is not a key that belongs here; check the spelling or take it out"
    return f"{problem['msg'][0].lower()}{problem['msg'][1:]}; found {problem['input']!r:.60}"


def _at(path: Path, tree: Any, loc: tuple[str | int, ...], text: str) -> str:
    """The problem with the line of the deepest part of `loc` that is in the file."""
    line, node = 1, tree
    for step in loc:
        try:
            if isinstance(node, CommentedMap):
                line, node = node.lc.key(step)[0] + 1, node[step]
            elif isinstance(node, CommentedSeq) and isinstance(step, int):
                line, node = node.lc.item(step)[0] + 1, node[step]
            else:
                break
        except (KeyError, IndexError, TypeError):
            break
    return f"{path}, line {line}: {'.'.join(map(str, loc))} {text}"
