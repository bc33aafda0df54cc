"""Which language a customer asks for: `speak english`, `gak ngerti inggris`, `bahasa indonesia aja`.

Says nothing of whether a change is asked for: that is the intent's matter. Knows no Rasa.
"""

from __future__ import annotations

import re

ENGLISH, INDONESIAN = "en", "id"

_MENTION = re.compile(
    r"\b(?:(?P<en>eng(?:l\w*|ilsh)?|ing+e?ris)"
    # `bahasa` by itself is Indonesian, unless it is the plain word for a language.
    r"|(?P<id>indo(?:nes\w*)?|(?<!ganti )(?<!ubah )(?<!tukar )(?<!pilih )(?<!pilihan )bahasa"
    r"(?!\s+(?:\w+\s+)?(?:indo\w*|ing+e?ris|eng\w*|apa|lain|mana|asing|daerah"
    r"|jerman|jepang|mandarin|cina|china|arab|korea|pe?rancis|belanda|spanyol|rusia|jawa|sunda|bali|melayu)\b)))\b"
)
# A question that is put as a no: "can't you speak ...", "bisa gak pakai ...".
_ASKS = re.compile(
    r"\b(?:(?:why\s+)?(?:can'?t|won'?t|(?:could|do|would)n'?t|(?:can|could|will|would)\s+not)\s+(?:you|we)"
    r"|(?:bisa|boleh|mau)\s+(?:gak?|ng+a?k?|engg?ak?|tidak|tdk|tak))\b"
)
_NOT_BEFORE = re.compile(
    r"\b(?:not?|don'?t|can'?t|cannot|never|stop|without|instead\s+of|rather\s+than|why"
    r"|jangan|jgn|gak?|ng+a?k?|engg?ak?|tidak|tdk|tak|bukan|kurang|belum|blm|kenapa|knp|kok|stop|daripada)\b[^,.;!?]*$"
)
_NOT_AFTER = re.compile(
    r"^\s*(?:is|isn'?t|was|saya|sy|ku|aku|gue|nya)*\s*(?:so\s+|very\s+)?"
    r"(?:bad|poor|not|rusty|weak|jelek|kurang|pas-pasan|(?:gak?|ng+a?k|tidak)\s+(?:bagus|lancar|bisa|fasih))\b"
)


def wanted_language(text: str) -> str | None:
    """`en` or `id`, or None where the text names none of the two.

    The last one that is named without a no; where there is a no only, the other one.
    """
    said = _ASKS.sub(" ", text.casefold().replace("\u2019", "'"))
    wanted = refused = None
    before = 0
    for mention in _MENTION.finditer(said):
        language = str(mention.lastgroup)
        if _NOT_BEFORE.search(said[before : mention.start()]) or _NOT_AFTER.search(said[mention.end() :]):
            refused = language
        else:
            wanted = language
        before = mention.end()
    if wanted is None and refused is not None:
        return ENGLISH if refused == INDONESIAN else INDONESIAN
    return wanted
