"""What a business says against itself: references to what is not there, ids that stand twice, texts that lack a language.

Each finding is the place in `business.yml` and what to write there instead. Pure; called by `crm_store.business` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crm_store.business import Business, Question, Tier

Place = tuple[str | int, ...]
Finding = tuple[Place, str]

_TEXTS = {"title", "text", "why", "because", "hours", "notice"}
_SUM_MAY_BE_OFF = 0.02
_TONES = ("plain", "standard", "valued")
"""From the least on."""


def contradictions(business: Business) -> list[Finding]:
    """All of them, in the order in which the checks stand here."""
    return [
        *_default_language(business),
        *_twice(business),
        *_needs(business),
        *(finding for i, question in enumerate(business.questions) for finding in _question(business, i, question)),
        *(finding for i, question in enumerate(business.questions) for finding in _shares(business, i, question)),
        *_offers(business),
        *of_tiers(business.tiers),
        *_treatments(business),
        *_service(business),
        *_missing_words(business.model_dump(), set(business.business.languages), ()),
    ]


def _default_language(business: Business) -> Iterator[Finding]:
    if business.business.default_language not in business.business.languages:
        yield ("business", "default_language"), "must be one of `languages`"


def _twice(business: Business) -> Iterator[Finding]:
    lists: list[tuple[Place, Iterable[Any]]] = [
        (("needs", "segments"), business.needs.segments),
        (("needs", "behaviours"), business.needs.behaviours),
        (("questions",), business.questions),
        *((("questions", i, "options"), q.options) for i, q in enumerate(business.questions)),
        (("treatments",), business.treatments),
        (("offers",), business.offers),
        (("tiers",), business.tiers),
        (("products",), business.products),
        (("stores",), business.stores),
        (("faq",), business.faq),
    ]
    for where, things in lists:
        seen: set[str] = set()
        for i, thing in enumerate(things):
            if thing.id in seen:
                yield (*where, i), f"the id {thing.id!r} stands twice; ids are unique in a list"
            seen.add(thing.id)


def _needs(business: Business) -> Iterator[Finding]:
    for i, segment in enumerate(business.needs.segments):
        # A need that nobody can say in one of the languages: its customers there would never be understood.
        missing = sorted(language for language in business.business.languages if not segment.says.get(language))
        if missing:
            yield ("needs", "segments", i, "says"), f"give ways to say it in {', '.join(missing)} too"
    for i, behaviour in enumerate(business.needs.behaviours):
        yield from _likelihood(business, ("needs", "behaviours", i, "likelihood"), behaviour.likelihood)


def _question(business: Business, i: int, question: Question) -> Iterator[Finding]:
    yield from _unknown(("questions", i, "segments"), question.segments, business.segment_ids, "segment")
    for j, option in enumerate(question.options):
        if question.tells_of_needs or not question.tells_of_share:
            yield from _likelihood(business, ("questions", i, "options", j, "likelihood"), option.likelihood)
        if option.range and option.range[0] >= option.range[1]:
            yield ("questions", i, "options", j, "range"), "ends before it begins; the lower end comes first"
    for segment in business.segment_ids if question.tells_of_needs else ():
        total = sum(option.likelihood.get(segment, 0.0) for option in question.options)
        if abs(total - 1) > _SUM_MAY_BE_OFF:
            text = f"the likelihoods for {segment!r} add up to {total:.2f} over the options; make it 1"
            yield ("questions", i, "options"), text


def _shares(business: Business, i: int, question: Question) -> Iterator[Finding]:
    """A customer can always leave open how much they buy elsewhere, and take back what they said of it."""
    if not question.tells_of_share:
        return
    asked = business.share_question
    if asked and asked.id != question.id:
        yield ("questions", i), f"asks for a share as {asked.id!r} does; keep `share` in one of the two"
    open_ones = [j for j, option in enumerate(question.options) if option.share is None]
    if not open_ones:
        yield ("questions", i, "options"), "leave one without `share`, for who would rather not say"
    for j in open_ones if len(open_ones) > 1 else ():
        text = "lacks `share`, and is not the only one; give one to all but that for who would rather not say"
        yield ("questions", i, "options", j), text
    first: dict[float, str] = {}
    for j, option in enumerate(question.options):
        if option.share in first and not question.tells_of_needs:
            text = f"is that of {first[option.share]!r} too; answers that mean the same are one option"
            yield ("questions", i, "options", j, "share"), text
        elif option.share is not None:
            first.setdefault(option.share, option.id)
    if len(first) == 1:
        yield ("questions", i, "options"), "give two of them a `share`, or more, each another one"


def _offers(business: Business) -> Iterator[Finding]:
    segments, tiers = business.segment_ids, [t.id for t in business.tiers]
    answers = [f"{q.id}.{o.id}" for q in business.questions for o in q.options]
    for i, offer in enumerate(business.offers):
        yield from _unknown(("offers", i, "fits"), offer.fits, segments, "segment")
        yield from _unknown(("offers", i, "tiers"), offer.tiers, tiers, "tier")
        yield from _unknown(("offers", i, "not_tiers"), offer.not_tiers, tiers, "tier")
        yield from _unknown(("offers", i, "answers"), offer.answers, answers, "answer")
        for j, pitch in enumerate(offer.pitches):
            yield from _unknown(("offers", i, "pitches", j, "segments"), pitch.segments, segments, "segment")
            yield from _unknown(("offers", i, "pitches", j, "answers"), pitch.answers, answers, "answer")


def of_tiers(tiers: Sequence[Tier]) -> Iterator[Finding]:
    """Of tiers that are nobody's, and customers who would be of none."""
    for i, tier in enumerate(tiers):
        for name, bounds in tier.conditions:
            if bounds.below <= bounds.at_least:
                yield ("tiers", i, name), "no figure is that: `below` has to be more than `at_least`"
        if tier.unrealised and tier.unrealised.below <= 0:
            yield ("tiers", i, "unrealised"), "never is below 0: potential value is no less than what is expected"
        before = next((other for other in tiers[:i] if _takes_all_of(other, tier)), None)
        if before:
            yield ("tiers", i), f"nobody is of it: {before.id!r} takes them all; put {tier.id!r} before {before.id!r}"
    if tiers[-1].conditions:
        yield (
            ("tiers", len(tiers) - 1),
            "the last tier is for all the others; take its conditions out, or add one after it",
        )


def _takes_all_of(tier: Tier, later: Tier) -> bool:
    """Whether whoever is within the conditions of `later` is within those of `tier` too."""
    asked = dict(later.conditions)
    return all(name in asked and bounds.hold_all_of(asked[name]) for name, bounds in tier.conditions)


def _treatments(business: Business) -> Iterator[Finding]:
    tiers, floor = [t.id for t in business.tiers], business.service_floor
    for i, treatment in enumerate(business.treatments):
        yield from _unknown(("treatments", i, "tiers"), treatment.tiers, tiers, "tier")
        if _TONES.index(treatment.tone) < _TONES.index(floor.tone):
            yield (
                ("treatments", i, "tone"),
                f"falls under the service floor; write {floor.tone}, or lower `service_floor.tone`",
            )
        if treatment.answer_within_hours and treatment.answer_within_hours > floor.answer_within_hours:
            most = f"{floor.answer_within_hours:g}"
            yield (
                ("treatments", i, "answer_within_hours"),
                f"falls under the service floor; write {most} or less, or raise `service_floor.answer_within_hours`",
            )
    treated = [t for treatment in business.treatments for t in treatment.tiers]
    for tier in dict.fromkeys(tiers):
        if treated.count(tier) != 1:
            yield ("treatments",), f"tier {tier!r} needs exactly one treatment, has {treated.count(tier)}"


def _service(business: Business) -> Iterator[Finding]:
    languages = set(business.business.languages)
    for name, words in business.service:
        if isinstance(words, dict) and (missing := sorted(languages - {code for code, text in words.items() if text})):
            yield ("service", name), f"say it in {', '.join(missing)} too"
    for i, entry in enumerate(business.faq):
        if missing := sorted(code for code in languages if not entry.says.get(code)):
            yield ("faq", i, "says"), f"give ways to ask it in {', '.join(missing)} too"


def _unknown(place: Place, names: Iterable[str], among: Iterable[str], what: str) -> Iterator[Finding]:
    there = sorted(set(among))
    for name in names:
        if name not in there:
            yield place, f"no {what} is called {name!r}; there are: {', '.join(there)}"


def _likelihood(business: Business, place: Place, likelihood: dict[str, float]) -> Iterator[Finding]:
    yield from _unknown(place, likelihood, business.segment_ids, "segment")
    missing = sorted(set(business.segment_ids) - set(likelihood))
    if missing:
        yield place, f"give a likelihood for each segment; missing: {', '.join(missing)}"


def _missing_words(node: Any, languages: set[str], place: Place) -> Iterator[Finding]:
    if isinstance(node, dict) and place and place[-1] in _TEXTS:
        missing = sorted(languages - {language for language, text in node.items() if text})
        if missing:
            yield place, f"say it in {', '.join(missing)} too"
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _missing_words(value, languages, (*place, key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _missing_words(value, languages, (*place, i))
