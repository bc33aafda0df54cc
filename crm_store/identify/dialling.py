"""Phone numbers that are written plainly, read ten times as fast as `phonenumbers` does, and never otherwise.

Most numbers in a file are digits that begin with 0 or with the code of the record's own country. What they come to follows from
that country's entry in the lists of `phonenumbers`; whatever is not plainly valid by them is left to it. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberDesc

_PLAINLY = re.compile(r"\+?[0-9]+(?:[ -][0-9]+)*")
_SEPARATORS = str.maketrans("", "", " -")
_KINDS = (
    *("mobile", "fixed_line", "toll_free", "premium_rate", "shared_cost", "voip", "personal_number", "pager"),
    *("uan", "voicemail"),
)
"""Of numbers, the most frequent first; valid is what is one of them."""
_TRUNK = "0"
"""What comes before a number that is dialled within its country."""


def plainly_dialled(text: str, region: str) -> str | None:
    """The number in E.164 where it plainly is a valid one of this country; None where that has to be looked at more closely."""
    plan = _plan(region)
    if plan is None or not _PLAINLY.fullmatch(text):
        return None
    digits = text.translate(_SEPARATORS)
    number = plan.number(digits)
    return f"+{plan.code}{number}" if number and plan.is_valid(number) else None


@dataclass(frozen=True)
class _Pattern:
    lengths: frozenset[int]
    digits: re.Pattern[str]

    def fits(self, number: str) -> bool:
        return len(number) in self.lengths and self.digits.fullmatch(number) is not None


@dataclass(frozen=True)
class _Plan:
    """A country's numbers. `abroad`: what begins a number of another country; `any`: all that look like one of its own."""

    code: str
    abroad: re.Pattern[str]
    any: _Pattern
    kinds: tuple[_Pattern, ...]

    def number(self, digits: str) -> str | None:
        """What is left without the code of the country or the 0 in its place."""
        if digits.startswith("+"):
            bare = digits.removeprefix("+" + self.code)
        elif self.abroad.match(digits):
            return None
        elif digits.startswith(_TRUNK):
            bare = digits.removeprefix(_TRUNK)
        elif self.any.digits.fullmatch(digits):
            return None  # such as a number without its 0, which begins as the code does
        else:
            bare = digits.removeprefix(self.code)
        return None if len(bare) == len(digits) or bare.startswith(_TRUNK) else bare

    def is_valid(self, number: str) -> bool:
        # One digit over and over is valid by some lists, and typed by those who do not want to say theirs.
        is_one = self.any.fits(number) and any(kind.fits(number) for kind in self.kinds)
        return is_one and len(set(number)) > 1


@cache
def _plan(region: str) -> _Plan | None:
    """None for a country that shares its code, or where something else than a 0 may come before a number."""
    data = PhoneMetadata.metadata_for_region(region, None)
    if data is None or len(COUNTRY_CODE_TO_REGION_CODE.get(data.country_code or 0, ())) != 1:
        return None
    if data.national_prefix_for_parsing != _TRUNK or data.national_prefix_transform_rule:
        return None
    any_of_them = _pattern(data.general_desc, frozenset())
    if any_of_them is None:
        return None
    kinds = (_pattern(getattr(data, kind), any_of_them.lengths) for kind in _KINDS)
    abroad = re.compile(data.international_prefix or r"(?!)")
    return _Plan(str(data.country_code), abroad, any_of_them, tuple(kind for kind in kinds if kind))


def _pattern(desc: PhoneNumberDesc | None, lengths: frozenset[int]) -> _Pattern | None:
    """`lengths`: of its numbers where the list names none."""
    if desc is None or not desc.national_number_pattern:
        return None
    return _Pattern(frozenset(desc.possible_length) or lengths, re.compile(desc.national_number_pattern))
