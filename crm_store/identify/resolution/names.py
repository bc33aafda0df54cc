"""Whether names that are written differently may be one person's. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

# Names outlive spellings: Soekarno is Sukarno, Tjahja Cahya, Achmad Ahmad, Phillip Filip, Catherine Katherine.
_LETTERS = "oe/u tj/c dj/j nj/ny ck/k ch/h kh/h ph/f th/t sh/s sj/s sy/s v/f z/s q/k y/i j/i"
_HEARD = [pair.split("/") for pair in _LETTERS.split()]
_TWICE = re.compile(r"(.)\1+")
# What people are called by those who know them, and how some names are abbreviated.
_CALLED = """
muhammad: mohammad mohamad mohamed mohammed muhamad muh moh mhd mamat; ahmad: mamad; abdul: abd; yusuf: ucup usup;
rizki: kiki; fitri: pipit; dewi: wiwi; putri: puput; siti: iti; agus: gus; bambang: bams; ignatius: ignas; yohanes: yoyo;
robert: bob rob bobby; william: bill will billy; michael: mike micky; elizabeth: liz beth betty; richard: rick dick ricky;
edward: ed eddy; catherine: kate cathy katie; margaret: maggie meg peggy; jennifer: jenny jen; andrew: andy drew;
steven: stephen steve; susan: sue susie; thomas: tom tommy; james: jim jimmy; john: jack johnny; joseph: joe;
daniel: dan danny; christopher: chris; anthony: tony; benjamin: ben; samuel: sam; matthew: matt; nicholas: nick;
alexander: alex; patricia: pat patty; rebecca: becky; victoria: vicky; theresa: tess; jessica: jess; david: dave;
peter: pete; charles: charlie
"""


def _spelt(name: str) -> str:
    for written, heard in _HEARD:
        name = name.replace(written, heard)
    return _TWICE.sub(r"\1", name)


_FORMAL = {
    _spelt(name): _spelt(formal.strip())
    for formal, names in (row.split(":") for row in _CALLED.split(";"))
    for name in names.split()
}


def sound(words: str) -> str:
    """Names as they sound, whichever spelling or short form they are written in; of lower-case letters and blanks."""
    return " ".join(_FORMAL.get(heard, heard) for heard in map(_spelt, words.split()))


def conflict(a: Collection[str], b: Collection[str]) -> bool:
    """Whether no name of the one, as it sounds, could be a name of the other; no name conflicts with nothing."""
    return bool(a) and bool(b) and not any(_may_be(x, y) for x in a for y in b)


def _may_be(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    if long.startswith(short) or (len(short) > 2 and long.endswith(short)):
        return True
    return len(short) > 2 and one_slip(a, b)


def one_slip(a: str, b: str) -> bool:
    """Whether one letter more, less, other or out of its place makes the one of the other."""
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    a, b = a[start:], b[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def forms(words: str) -> str:
    """What of names is left by a slip or in a short form: two of which none agrees do not resemble each other."""
    found: dict[str, None] = {}
    for word in words.split():
        left_out = [word[:at] + word[at + 1 :] for at in range(len(word))] if len(word) > 3 else []
        beginnings = [word[:end] for end in range(3, len(word))]
        ends = [word[start:] for start in range(1, len(word) - 2)]
        found.update(dict.fromkeys((word, *left_out, *beginnings, *ends)))
    return " ".join(found)
