"""Where a message may fall into questions: after a full stop or question mark, and at an "and". Knows no Rasa."""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST = 6
"""Places in one message that are looked at."""
LEAST_WORDS = 3
"""In each of the two, or fewer where a word is long enough to tell what is asked: "ongkirnya berapa", not "how much"."""
_TELLS = re.compile(r"\w{7,}")
_BETWEEN = re.compile(
    r"(?<=[?!.])\s+(?:(?:and|also|dan|terus|trus|sama)\s+)?"
    r"|,?\s+(?:and also|and|also|plus|dan juga|dan|sama|terus|trus|sekalian|lalu|&)\s+|\s*[,;\n]\s*",
    re.IGNORECASE,
)


def halves(text: str) -> Iterator[tuple[int, int]]:
    """(end of the first, beginning of the second) for each place where the text may be parted, the earliest first."""
    for found, between in enumerate(_BETWEEN.finditer(text)):
        if found >= MOST:
            return
        if _may_ask(text[: between.start()]) and _may_ask(text[between.end() :]):
            yield between.start(), between.end()


def _may_ask(part: str) -> bool:
    words = len(part.split())
    return words >= LEAST_WORDS or (words > 1 and bool(_TELLS.search(part)))
