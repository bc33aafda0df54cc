"""The spaCy pipeline that the project builds: a tokeniser for both languages and entities by rule.

Built from `pipeline.json` (names and patterns compiled from `business.yml`) and saved with `to_disk`; importing this module
registers the one component of ours in it, which loading needs.
"""

import json
import re
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

EMAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
PHONE = r"(?<!\w)(?<!\d[.,-])(?:\+|00|0)\d[\d\s().-]{6,16}\d(?!\w)"
MONEY = r"(?<!\w)(?:rp\.?|idr|usd|us\$|\$|€|£)\s?\d(?:[\d.,]*\d)?(?:\s?(?:k|rb|ribu|jt|juta))?(?!\w)"
NUMBER = r"(?<![\w.,-])\d{1,6}(?:[.,]\d{1,2})?(?![\w-])"


# No postponed annotations here: spaCy reads those of a factory with pydantic 1, which cannot resolve them.
@Language.factory("patterns")
class Patterns:
    """Entities by regular expression over the text; what comes first in `patterns` wins where two overlap.

    They are saved in a file of their own: spaCy's configuration takes a `$` for a variable.
    """

    def __init__(self, nlp: Language, name: str) -> None:
        self.look_for({})

    def look_for(self, patterns: dict[str, str]) -> None:
        self._given = patterns
        self._patterns = [(label, re.compile(pattern, re.IGNORECASE)) for label, pattern in patterns.items()]

    def to_disk(self, path: Path, exclude: Any = ()) -> None:
        Path(path).write_text(json.dumps(self._given), "utf-8")

    def from_disk(self, path: Path, exclude: Any = ()) -> None:
        self.look_for(json.loads(Path(path).read_text("utf-8")))

    def __call__(self, doc: Doc) -> Doc:
        spans: list[Span] = list(doc.ents)
        for label, pattern in self._patterns:
            taken = {i for span in spans for i in range(span.start, span.end)}
            for match in pattern.finditer(doc.text):
                span = doc.char_span(*match.span(), label=label, alignment_mode="expand")
                if span is not None and not taken.intersection(range(span.start, span.end)):
                    spans.append(span)
        doc.ents = filter_spans(spans)
        return doc


def build(compiled: dict[str, Any]) -> Language:
    """The pipeline for one business. `compiled`: `names` {label: {id: [names]}}, `numbers` {label: pattern}."""
    nlp = spacy.blank("xx")
    ruler = nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
    ruler.add_patterns(
        [
            {"label": label, "pattern": name, "id": thing}
            for label, things in compiled["names"].items()
            for thing, names in things.items()
            for name in names
        ]
    )
    patterns = {"email": EMAIL, **compiled["numbers"], "money": MONEY, "phone": PHONE, "number": NUMBER}
    nlp.add_pipe("patterns").look_for(patterns)
    return nlp
