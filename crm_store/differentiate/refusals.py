"""When a customer says that a need is not theirs: "that's not me", "no longer for the office", "bukan untuk kantor". Pure.

Only what is plainly of oneself counts, since it outranks everything that is inferred; of what is less plain nothing is taken.
"""

from __future__ import annotations

import re

_SPACES = re.compile(r"[^\w']+")

_NOT_ME = re.compile(
    r"(?:(?:no|nope|sorry|but|hey|wait|actually|tidak|nggak|gak|maaf|eh|lho|kok)\s+)*"
    r"(?:"
    r"(?:(?:that|this|it)(?:'?s|\s+is|\s+really\s+is)?\s+(?:just\s+|really\s+|so\s+)?not(?:\s+really)?\s+(?:me|true\s+of\s+me)(?:\s+at\s+all)?)"
    r"|(?:(?:that|this|it)\s+(?:isn'?t|ain'?t)\s+(?:really\s+)?(?:me|true\s+of\s+me)(?:\s+at\s+all)?)"
    r"|(?:i(?:'?m|\s+am)\s+not\s+like\s+that(?:\s+at\s+all)?)"
    r"|(?:you(?:'?re|\s+are)\s+wrong\s+about\s+me)"
    r"|(?:(?:itu|ini)\s+bukan\s+(?:saya|aku|gue|gw)(?:\s+(?:banget|sama\s+sekali))?)"
    r"|(?:(?:saya|aku|gue|gw)\s+(?:bukan|tidak|nggak|gak)\s+(?:begitu|seperti\s+itu|kayak\s+gitu))"
    r")"
    r"(?:\s+(?:sorry|thanks|anymore|any\s+more|kak|kok|lagi|ya|sih))*"
)
_WANT = r"(?:for|in|into|buy|buying|need|needing|want|wanting|use|using|drink|drinking|like|looking|interested|a|an)"
_INGIN = r"(?:untuk|buat|butuh|perlu|beli|membeli|minum|pakai|suka|mau|cari)"
_OF_ONESELF = re.compile(
    r"\b(?:i(?:'?m|\s+am)|we(?:'?re|\s+are))\s+(?:really\s+|definitely\s+)?not\s+(?:a|an|one|into|after|looking|buying)\b"
    r"|\b(?:it|this|that)(?:'?s|\s+is)\s+not\s+for\b"
    r"|\b(?:it|this|that)\s+isn'?t\s+for\b"
    r"|^(?:no\s+)?not\s+for\b"
    r"|(?:^|\b(?:i|we|it|this|that|it'?s|i'?m|we'?re)\s+(?:am\s+|are\s+|is\s+)?)no\s+longer\s+" + _WANT + r"\b"
    r"|\b(?:i|we)\s+(?:do\s+not|don'?t)\s+" + _WANT + r"\s+(?:\w+\s+){0,6}any\s?more\b"
    r"|\b(?:saya|aku|gue|gw|kami|ini|itu)\s+bukan\s+(?:buat|untuk|tipe|orang)\b"
    r"|^bukan\s+(?:buat|untuk)\b"
    r"|\b(?:sudah|udah)\s+(?:tidak|nggak|gak|ga)\s+" + _INGIN + r"\b"
    r"|\b(?:tidak|nggak|gak)\s+lagi\s+" + _INGIN + r"\b"
)
_CONTRAST = re.compile(
    r"\b(?:but|rather|instead|except|just|only|tapi|tetapi|melainkan|cuma|hanya|cukup)\b"
    r"|\b(?:for|buat|untuk)\s+(?:me|myself|us|saya|aku|kami|sendiri)\b"
)
"""Signs that what is named may be what they do want: "not for me, for the office"."""


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")).strip()


def is_not_me(text: str) -> bool:
    """Whether the whole message says of what was just said to them that it is not so of them."""
    return bool(_NOT_ME.fullmatch(_plain(text)))


def says_not_of_oneself(text: str) -> bool:
    """Whether the words say that something is not, or no longer, so of who writes them; what it is has to be heard beside."""
    said = _plain(text)
    return bool(_OF_ONESELF.search(said)) and "?" not in text and not _CONTRAST.search(said)
