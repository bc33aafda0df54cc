"""Which offer fits this customer now. Pure: takes what is known, gives the offer, how well it fits and the words for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from crm_store.business import Business, Offer, Pitch
from crm_store.differentiate.needs import Evidence
from crm_store.identify.assurance import Assurance

NEARLY = 0.6
"""Share of the best propensity that an offer must reach to stand in for it."""


@dataclass(frozen=True)
class Circumstances:
    """What decides which offers are open to a customer, beside their needs."""

    assurance: Assurance
    tier: str | None
    """None for a customer who is not verified: value is not used, whatever it may be."""
    channel: str
    answers: frozenset[str]
    """"question.option", newest answer to each question."""
    resting: Collection[str] = ()
    """Offers shown lately."""


@dataclass(frozen=True)
class Choice:
    offer: Offer
    propensity: float
    """Expected fit, 0 to 1: the sum over segments of posterior times fit."""
    pitch: Pitch | None

    @property
    def outcome(self) -> str:
        """What the customer would see: two choices of one outcome are the same to them."""
        return f"{self.offer.id}/{self.offer.pitches.index(self.pitch) if self.pitch else ''}"


def open_to(offer: Offer, at: Circumstances) -> bool:
    """Whether the offer may be made to such a customer at all, whether or not it rests."""
    return (
        at.assurance >= Assurance.of(offer.assurance)
        and (not offer.tiers or at.tier in offer.tiers)
        and at.tier not in offer.not_tiers
        and (not offer.channels or at.channel in offer.channels)
        and (not offer.answers or bool(at.answers.intersection(offer.answers)))
    )


def propensity(offer: Offer, needs: Mapping[str, float]) -> float:
    return sum(p * offer.fits.get(segment, 0.0) for segment, p in needs.items())


def best_offer(business: Business, needs: Mapping[str, float], at: Circumstances) -> Choice | None:
    """The open offer with the highest propensity; the earlier in `business.yml` when two are equal.

    While the best one rests, another takes its place only when it fits nearly as well: nothing is better than anything.
    """
    candidates = [(propensity(o, needs), o) for o in business.offers if open_to(o, at)]
    if not candidates:
        return None
    best = max(fit for fit, _ in candidates)
    awake = [(fit, o) for fit, o in candidates if o.id not in at.resting and fit >= NEARLY * best]
    if not awake:
        return None
    fit, offer = max(awake, key=lambda c: c[0])
    return Choice(offer, fit, pitch_for(offer, needs, at.answers))


def pitch_for(offer: Offer, needs: Mapping[str, float], answers: frozenset[str]) -> Pitch | None:
    """How the offer is put to a customer of these needs, if otherwise than to everybody."""
    likeliest = max(needs, key=lambda s: needs[s])
    for pitch in offer.pitches:
        if answers.intersection(pitch.answers) or likeliest in pitch.segments:
            return pitch
    return None


def answers_of(evidence: Sequence[Evidence]) -> frozenset[str]:
    return frozenset(f"{e.key}.{e.value}" for e in evidence if e.kind == "answered")


def words_of(business: Business, piece: Evidence, language: str) -> str:
    """The figure that an answer was given with, else the title of the option, such as "10 to 40"."""
    question = business.question(piece.key)
    option = question.option(piece.value) if question else None
    return piece.words or (option.title[language].lower() if option else "")


def pitch_text(business: Business, choice: Choice, evidence: Sequence[Evidence], language: str) -> str:
    """The offer in words, with the customer's own figure where the pitch has room for it.

    A pitch that has room for a figure nobody gave is not said: the offer's own text is.
    """
    if choice.pitch is None:
        return choice.offer.text[language]
    text = choice.pitch.text[language]
    given = (e for e in evidence if e.kind == "answered" and f"{e.key}.{e.value}" in choice.pitch.answers)
    words = next((words_of(business, e, language) for e in given), None)
    if "{words}" in text and not words:
        return choice.offer.text[language]
    return text.replace("{words}", words or "")
