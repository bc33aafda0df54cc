"""Why a customer gets what they get: in their words for them, with every fact for staff. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crm_store.business import Business, Offer
from crm_store.customize.offers import words_of
from crm_store.differentiate.needs import Evidence, likelihood

_BECAUSE = {"en": "Because", "id": "Karena"}
_AND = {"en": "and", "id": "dan"}
_ANYBODY = {"en": "A favourite of many of our customers", "id": "Favorit banyak pelanggan kami"}


def customer_reason(
    business: Business, offer: Offer, evidence: Sequence[Evidence], language: str, most: int = 2
) -> str:
    """The offer's reason as the customer reads it, from what they said and did; never their value to the business.

    Only evidence that speaks for the offer is named, the strongest first, what was said before what was observed.
    """
    ranked = sorted(
        (e for e in evidence if _speaks_for(business, offer, e) > 1.0),
        key=lambda e: (e.kind != "observed", e.weight, _speaks_for(business, offer, e)),
        reverse=True,
    )
    clauses: list[str] = []
    messages: set[str] = set()
    implied = _implied(business, ranked)
    for piece in ranked:
        clause = _clause(business, piece, language)
        # One message is one reason, however many things it told.
        if clause and clause not in clauses and piece.message_id not in messages and piece not in implied:
            clauses.append(clause)
            if piece.message_id:
                messages.add(piece.message_id)
    if not clauses:
        return f"{_ANYBODY[language]}."
    return f"{_BECAUSE[language]} {f' {_AND[language]} '.join(clauses[:most])}."


def _implied(business: Business, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Stated needs that an answer says again: it answers a question that is asked of them alone."""
    asked = [business.question(piece.key) for piece in evidence if piece.kind == "answered"]
    said_again = {question.segments[0] for question in asked if question and len(question.segments) == 1}
    return [piece for piece in evidence if piece.kind == "stated" and piece.value in said_again]


def _speaks_for(business: Business, offer: Offer, piece: Evidence) -> float:
    """By how much this piece alone raises the offer's expected fit (1: not at all)."""
    if piece.kind == "denied":
        return 0.0
    if f"{piece.key}.{piece.value}" in {*offer.answers, *(a for p in offer.pitches for a in p.answers)}:
        return 100.0
    told = likelihood(business, piece)
    if told is None:
        return 0.0
    prior = business.prior
    before = sum(prior[s] * offer.fits.get(s, 0.0) for s in prior)
    weight = {s: prior[s] * told[s] for s in prior}
    after = sum(weight[s] * offer.fits.get(s, 0.0) for s in prior) / sum(weight.values())
    return after / before if before else 0.0


def _clause(business: Business, piece: Evidence, language: str) -> str | None:
    because: Mapping[str, str] | None = None
    if piece.kind == "stated":
        segment = business.segment(piece.value)
        because = segment.because if segment else None
    elif piece.kind == "answered":
        question = business.question(piece.key)
        option = question.option(piece.value) if question else None
        because = option.because if option else None
        if because:
            return because[language].replace("{words}", words_of(business, piece, language))
    else:
        because = next((b.because for b in business.needs.behaviours if b.id == piece.key), None)
    return because[language] if because else None
