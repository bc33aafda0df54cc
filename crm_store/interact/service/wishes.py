"""How customers want to be served: in which language, with or without questions and offers; and what is said to all."""

from __future__ import annotations

import re

from crm_store.access.consent import OFFERS, PROFILE, PURPOSES, QUESTIONS, keep_consent, withdrawn
from crm_store.interact.service.proof import not_known
from crm_store.interact.service.words import listed
from crm_store.moment import SPEAK, Moment, Reply, TurnResult

_LANGUAGES = {
    "en": {"en": "English", "id": "Bahasa Indonesia"},
    "id": {"en": "bahasa Inggris", "id": "bahasa Indonesia"},
}
_OF_OFFERS = re.compile(
    r"\b(offer\w*|promo\w*|deal\w*|recommend\w*|suggest\w*|advert\w*|ads|sell\w*|tawar\w*|penawaran\w*|rekomendasi\w*"
    r"|saran\w*|diskon\w*|iklan\w*|jual\w*)\b",
    re.IGNORECASE,
)
_OF_QUESTIONS = re.compile(
    r"\b(ask\w*|question\w*|tanya\w*|nanya\w*|ditanya\w*|pertanyaan\w*|bertanya)\b", re.IGNORECASE
)
_OF_PROFILE = re.compile(
    r"\b(profil\w*|learn\w*|pelajari|dipelajari|belajar|personali[sz]\w*|dipersonalisasi|analy\w*|analis\w*|dianalis\w*"
    r"|prefer\w*|preferensi|remember\w*|ingat\w*|selera|kesukaan|purchases?|bought|belanja\w*|what you know)\b",
    re.IGNORECASE,
)
_NAMED = ((OFFERS, _OF_OFFERS), (QUESTIONS, _OF_QUESTIONS), (PROFILE, _OF_PROFILE))
_OFF = {
    "en": {QUESTIONS: "my questions", OFFERS: "offers", PROFILE: "learning from what you say and buy"},
    "id": {QUESTIONS: "pertanyaan dari saya", OFFERS: "penawaran", PROFILE: "belajar dari ucapan dan belanja Anda"},
}


def change_language(moment: Moment) -> list[Reply] | TurnResult:
    """Speaks the language that is asked for from now on; a language that the business does not speak is said to be one."""
    # Said in words, or by a button or a command.
    named = [value for kind in ("wanted_language", "pressed") for value, _ in moment.understanding.values(kind)]
    wanted = next(iter(named), None)
    spoken = moment.business.business.languages
    if wanted not in spoken:
        names = [_LANGUAGES[moment.language][code] for code in spoken]
        joined = (" and " if moment.language == "en" else " dan ").join(names)
        return [Reply("utter_language_not_spoken", {"languages": joined})]
    # In the language that was asked for, whatever it was asked in.
    return TurnResult((Reply(f"utter_language_{wanted}"),), (f"{SPEAK}{wanted}",))


def stop_offers(moment: Moment) -> list[Reply]:
    keep_consent(moment, OFFERS, granted=False)
    if moment.pending.get("yes", {}).get("kind") == "offer":
        moment.pending.pop("yes")
    moment.pending.pop("question", None)
    return [Reply("utter_stop_offers_done")]


def stop_profile(moment: Moment) -> list[Reply]:
    """Nothing more is learnt, and nothing that was learnt is used; so nothing is asked either that was to be learnt from."""
    keep_consent(moment, PROFILE, granted=False)
    if moment.pending.get("yes", {}).get("kind") == "offer":
        moment.pending.pop("yes")
    moment.pending.pop("question", None)
    return [Reply("utter_stop_profile_done")]


def allow_again(moment: Moment) -> list[Reply]:
    """Takes back what was withdrawn: what the words name of it, else all of it but the profile.

    A profile is a thing of its own: it is taken up again by its name, or where nothing else can be meant.
    """
    no_more = withdrawn(moment.connection, moment.profiles)
    off = [purpose for purpose in PURPOSES if purpose in no_more]
    if not off:
        return [Reply("utter_allow_again_nothing")]
    named = [purpose for purpose, words in _NAMED if words.search(moment.text)]
    granted = [p for p in off if p in named or (not named and (p != PROFILE or off == [PROFILE]))]
    if not granted:
        what = listed([_OFF[moment.language][purpose] for purpose in off], moment.language)
        return [Reply("utter_allow_again_which", {"what": what})]
    for purpose in granted:
        keep_consent(moment, purpose, granted=True)
    others = [purpose for purpose in granted if purpose != PROFILE]
    said = [Reply("utter_allow_again_both" if len(others) > 1 else f"utter_allow_again_{others[0]}")] if others else []
    return [*said, *([Reply("utter_allow_again_profile")] if PROFILE in granted else [])]


def privacy(moment: Moment) -> list[Reply]:
    """The short notice of `business.yml`, and where the long one is."""
    about, notice = moment.business.business, moment.business.privacy
    # An address without a host leads somewhere on the business's own pages only.
    link = about.privacy_url if "://" in about.privacy_url or moment.channel == "web" else ""
    if notice and link:
        return [Reply("utter_privacy", {"notice": notice.notice[moment.language], "link": link})]
    if notice:
        return [Reply("utter_privacy_short", {"notice": notice.notice[moment.language]})]
    return [Reply("utter_privacy_link", {"link": link})] if link else [not_known(moment)]


def faq(moment: Moment) -> list[Reply]:
    """The answer of `business.yml` to a question that many ask."""
    return [frequent(moment) or not_known(moment)]


def frequent(moment: Moment) -> Reply | None:
    """The same; None where it answers no such question."""
    known = {entry.id for entry in moment.business.faq}
    asked = next((value for value, _ in moment.understanding.values("faq") if value in known), None)
    return Reply(f"utter_faq_{asked}") if asked else None
