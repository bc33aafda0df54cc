"""What is known of a customer, in their own language, with how it is known: as much as their assurance allows.

What they said from here is anybody's own to read; what the business's systems know is for the verified. Never their value.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import distinct, func, select

from crm_store.access.consent import OFFERS, PROFILE, QUESTIONS, withdrawn
from crm_store.customize.offers import words_of
from crm_store.differentiate.evidence import told
from crm_store.differentiate.likelihoods import in_use
from crm_store.differentiate.needs import Evidence
from crm_store.identify.assurance import Act
from crm_store.interact.matters import REPORTED, open_matters
from crm_store.interact.requests import SOURCE
from crm_store.interact.service.points import balance_of
from crm_store.interact.service.products import title_of
from crm_store.interact.service.proof import proof_wanted
from crm_store.interact.service.repairs import matter_values
from crm_store.interact.service.words import figure, listed, on_day
from crm_store.moment import Moment, Reply
from crm_store.tables import exposures, interactions, records, transactions

MOST_PRODUCTS = 3
OLD = 0.75
"""Probability that something still holds, up to which it is said that it counts for less."""
NO_CONTACT = ("delivery", "points", "redeem")
"""Interactions in which nobody talked to anybody."""
_WORDS = {
    "en": {
        "said": "{what} (you told me {day})",
        "old": "{what} (you told me {day}; that is a while ago, so it counts for less)",
        "denied": "You told me that this is not you: {what} ({day})",
        "name": "Your name is {name} (from your account with us)",
        "reach": "I have your {what} (from your account with us)",
        "bought": "You bought {what} ({n} purchases since {first}, the last {last})",
        "points": "You have {points} points (from your loyalty card)",
        "repair": "Your {product} is with our repair service",
        "reported": "Your {product} needs repair (you told me {day})",
        "met": "You have been in touch with us (so far: {n}, the last {last})",
        "offered": "I have suggested things to you (so far: {n})",
        "questions": "You asked me to ask no questions",
        "offers": "You asked me to make no offers",
        "profile": "You asked me to learn nothing from what you say and buy",
    },
    "id": {
        "said": "{what} (Anda sampaikan {day})",
        "old": "{what} (Anda sampaikan {day}; sudah agak lama, jadi bobotnya berkurang)",
        "denied": "Anda bilang ini bukan Anda: {what} ({day})",
        "name": "Nama Anda {name} (dari akun Anda di kami)",
        "reach": "Saya punya {what} Anda (dari akun Anda di kami)",
        "bought": "Anda membeli {what} ({n} kali belanja sejak {first}, terakhir {last})",
        "points": "Anda punya {points} poin (dari kartu member)",
        "repair": "{product} Anda ada di servis kami",
        "reported": "{product} Anda perlu diservis (Anda sampaikan {day})",
        "met": "Anda pernah menghubungi kami (sejauh ini: {n}, terakhir {last})",
        "offered": "Saya pernah menyarankan sesuatu (sejauh ini: {n})",
        "questions": "Anda minta saya tidak bertanya",
        "offers": "Anda minta saya tidak menawarkan apa-apa",
        "profile": "Anda minta saya tidak belajar dari ucapan dan belanja Anda",
    },
}
_REACHED = {
    "email": {"en": "e-mail address", "id": "alamat email"},
    "phone": {"en": "phone number", "id": "nomor telepon"},
    "street": {"en": "address", "id": "alamat"},
    "date_of_birth": {"en": "date of birth", "id": "tanggal lahir"},
    "loyalty_id": {"en": "card number", "id": "nomor kartu"},
}


def what_you_know(moment: Moment) -> list[Reply]:
    own = [*_told(moment), *_offered(moment), *_wishes(moment)]
    if not moment.may(Act.USE_CUSTOMER_PROFILE):
        return [_list(own), proof_wanted(moment)]
    return [_list([*_account(moment), *_bought(moment), *_served(moment), *own])]


def _list(facts: list[str]) -> Reply:
    if not facts:
        return Reply("utter_known_nothing")
    return Reply("utter_known", {"facts": "\n".join(f"- {fact}." for fact in facts)})


def _say(moment: Moment, kind: str, **values: str) -> str:
    text = _WORDS[moment.language][kind].format(**values)
    return text[0].upper() + text[1:]


def _day(moment: Moment, at: datetime) -> str:
    zone = moment.business.business.zone
    return on_day(at.astimezone(zone).date(), moment.now.astimezone(zone).date(), moment.language)


def _told(moment: Moment) -> Iterator[str]:
    """What they said themselves, as far as it stands, and what they said is not so."""
    half_life = in_use(moment.connection, moment.business, moment.now).half_life
    for piece in told(moment.connection, moment.profiles, moment.now, half_life=half_life):
        because = _because(moment, piece)
        if because and piece.at:
            day = _day(moment, piece.at)
            if piece.kind == "denied":
                yield _say(moment, "denied", what=because, day=day)
            else:
                kind = "said" if piece.freshness > OLD else "old"
                yield _say(moment, kind, what=because[0].upper() + because[1:], day=day)


def _because(moment: Moment, piece: Evidence) -> str | None:
    if piece.kind in ("stated", "denied"):
        segment = moment.business.segment(piece.value)
        return segment.because[moment.language] if segment else None
    question = moment.business.question(piece.key)
    option = question.option(piece.value) if question else None
    if option is None or piece.kind != "answered":
        return None
    return option.because[moment.language].replace("{words}", words_of(moment.business, piece, moment.language))


def _offered(moment: Moment) -> Iterator[str]:
    shown: int = moment.connection.execute(
        select(func.count()).select_from(exposures).where(exposures.c.customer_id.in_(moment.profiles))
    ).scalar_one()
    if shown:
        yield _say(moment, "offered", n=figure(shown, moment.language))


def _wishes(moment: Moment) -> Iterator[str]:
    off = withdrawn(moment.connection, moment.profiles)
    yield from (_say(moment, purpose) for purpose in (QUESTIONS, OFFERS, PROFILE) if purpose in off)


def _account(moment: Moment) -> Iterator[str]:
    """Their name, and what kinds of address we have; the addresses themselves are not repeated in a chat."""
    said = moment.connection.execute(
        select(records.c.attributes).where(records.c.customer_id.in_(moment.profiles))
    ).scalars()
    known: dict[str, str] = {}
    for attributes in said:
        known |= {name: str(value) for name, value in attributes.items() if value and name not in known}
    name = " ".join(known[part] for part in ("given_name", "family_name") if part in known) or known.get("name")
    if name:
        yield _say(moment, "name", name=name)
    reached = [words[moment.language] for kind, words in _REACHED.items() if kind in known]
    if reached:
        yield _say(moment, "reach", what=listed(reached, moment.language))


def _bought(moment: Moment) -> Iterator[str]:
    sold = transactions.c
    mine = sold.customer_id.in_(moment.profiles) & (sold.amount > 0) & (sold.at <= moment.now)
    n, first, last = moment.connection.execute(
        select(func.count(distinct(sold.transaction_id)), func.min(sold.at), func.max(sold.at)).where(mine)
    ).one()
    if n:
        named = moment.connection.execute(
            select(sold.product)
            .where(mine, sold.product != "")
            .group_by(sold.product)
            .order_by(func.count().desc(), sold.product)
            .limit(MOST_PRODUCTS)
        ).scalars()
        what = listed([title_of(moment.business, product, moment.language) for product in named], moment.language)
        yield _say(
            moment,
            "bought",
            what=what or "\u2026",
            n=figure(n, moment.language),
            first=_day(moment, first).removeprefix("on "),
            last=_day(moment, last),
        )


def _served(moment: Moment) -> Iterator[str]:
    """Points, repairs and contacts."""
    points = balance_of(moment)
    if points is not None:
        yield _say(moment, "points", points=figure(max(points, 0), moment.language))
    for matter in open_matters(moment.connection, moment.profiles, moment.now):
        if matter.kind == "repair":
            kind = "reported" if matter.status == REPORTED else "repair"
            product = matter_values(moment, matter)["product"]
            yield _say(moment, kind, product=product, day=_day(moment, matter.since))
    met = interactions.c
    touched = met.customer_id.in_(moment.profiles) & (met.at <= moment.now) & (met.source != SOURCE)
    n, last = moment.connection.execute(
        select(func.count(), func.max(met.at)).where(touched, func.coalesce(met.kind, "").not_in(NO_CONTACT))
    ).one()
    if n:
        yield _say(moment, "met", n=figure(n, moment.language), last=_day(moment, last))
