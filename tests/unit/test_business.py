"""A `business.yml` that is wrong is refused whole, with the file, the line, what is wrong there and what to write instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from crm_store.business import Business
from crm_store.business_file import InvalidBusinessError, load_business
from crm_store.contradictions import contradictions

DEMO = Path(__file__).resolve().parents[2] / "demo" / "business.yml"
TEXT = re.sub(r"((?:en|id): \[[^],]+),[^]]+]", r"\1]", DEMO.read_text("utf-8"))
"""The demo file with one way to say each thing, which is read in half the time."""


def problems_with(path: Path) -> list[str]:
    with pytest.raises(InvalidBusinessError) as refused:
        load_business(path)
    assert refused.value.path == path
    assert str(refused.value) == "\n".join(refused.value.problems)
    return refused.value.problems


def line_of(text: str, passage: str) -> int:
    """The line in which the passage stands, not counting line ends that it begins with."""
    before, found, _ = text.partition(passage)
    assert found
    return (before + passage[: len(passage) - len(passage.lstrip("\n"))]).count("\n") + 1


def test_the_demo_file_loads() -> None:
    demo = load_business(DEMO)
    assert demo.business.languages == ["en", "id"]
    assert demo.segment_ids == ["quick", "explorer", "thrifty", "office"]
    assert sum(demo.prior.values()) == pytest.approx(1)


def test_what_is_asked_for_by_id_is_found_and_what_is_not_there_is_none(business: Business) -> None:
    cups = business.question("cups")
    assert cups is not None
    assert cups.option("10_to_40") is not None
    assert cups.option("a_thousand") is None
    assert business.question("shoe_size") is None
    assert business.segment("office") is not None
    assert business.segment("sailors") is None
    assert business.offer("office_starter") is not None
    assert business.offer("nothing") is None


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [("id", "id"), ("id-ID", "id"), ("EN_us", "en"), ("fr", "en"), ("", "en"), (None, "en")],
)
def test_a_language_that_the_business_does_not_speak_becomes_its_default(
    business: Business, wanted: str | None, spoken: str
) -> None:
    assert business.language(wanted) == spoken


def test_a_question_may_tell_of_needs_of_the_share_or_of_both(business: Business) -> None:
    share = business.share_question
    assert share is not None
    assert (share.id, share.tells_of_needs, share.tells_of_share) == ("share", False, True)
    cups = business.question("cups")
    assert cups is not None
    assert (cups.tells_of_needs, cups.tells_of_share) == (True, False)
    told = dict(zip((o.id for o in cups.options), (0.9, 0.2, None), strict=True))
    both = cups.model_copy(
        update={
            "options": [o.model_copy(update={"share": told[o.id], "likelihood": o.likelihood}) for o in cups.options]
        }
    )
    made = business.model_copy(update={"questions": [both]})
    assert contradictions(made.model_copy(update={"offers": []})) == []


class Mistake(NamedTuple):
    """One passage of the demo file written wrongly. `at`: where the problem is reported, by a passage that stands in
    that line; the line of the mistake itself when empty.
    """

    passage: str
    instead: str
    told: str
    at: str = ""


MISTAKES = {
    "a half-life of nothing": Mistake(
        "  behaviours:\n", "  half_life_days: {stated: 0}\n  behaviours:\n", "greater than 0; found 0", "half_life_days"
    ),
    "a half-life of what there is not": Mistake(
        "  behaviours:\n",
        "  half_life_days: {dreamt: 3}\n  behaviours:\n",
        "needs.half_life_days.dreamt is not a key that belongs here",
        "half_life_days",
    ),
    "a sample of nobody": Mistake(
        "  behaviours:\n",
        "  equivalent_sample_size: 0\n  behaviours:\n",
        "greater than or equal to 1; found 0",
        "equivalent_sample_size",
    ),
    "an unknown key": Mistake("  currency: IDR", "  curency: IDR", "business.curency is not a key that belongs here"),
    "a missing key": Mistake("  privacy_url: /privacy\n", "", "business.privacy_url is missing; add it", "\nbusiness:"),
    "a missing part": Mistake(
        "value:\n  window_days: 365\n  margin_rate: 0.35\n", "", "value is missing; add it", "# The demo"
    ),
    "a word for a number": Mistake("window_days: 365", "window_days: a year", "found 'a year'"),
    "a number for a word": Mistake("name: Kopi Sudirman", "name: 12", "input should be a valid string; found 12"),
    "a rate beyond 1": Mistake("margin_rate: 0.35", "margin_rate: 35", "less than 1; found 35"),
    "a price of nothing": Mistake("price: 78000", "price: 0", "greater than 0; found 0"),
    "an id with blanks": Mistake("id: house_blend, ", "id: House Blend, ", "found 'House Blend'"),
    "a touchpoint of no kind": Mistake("kind: web_site", "kind: website", "found 'website'"),
    "an unknown time zone": Mistake(
        "Asia/Jakarta", "Asia/Jakartta", "write one such as Asia/Jakarta; found 'Asia/Jakartta'"
    ),
    "a colour without its sign": Mistake('"#8a4b2a"', '"8a4b2a"', "found '8a4b2a'"),
    "a pattern that is none": Mistake(
        r"order_number: '\bORD[- ]?\d{4,10}\b'", 'order_number: "("', "is not a regular expression"
    ),
    "a default nobody speaks": Mistake("default_language: en", "default_language: id-ID", "must be one of `languages`"),
    "an unknown segment in a question": Mistake(
        "segments: [office]",
        "segments: [offices]",
        "no segment is called 'offices'; there are: explorer, office, quick, thrifty",
    ),
    "an unknown segment in fits": Mistake("fits: {quick: 0.10, ", "fits: {quik: 0.10, ", "no segment is called 'quik'"),
    "an unknown segment in a likelihood": Mistake(
        "likelihood: {quick: 0.86, ", "likelihood: {fast: 0.86, ", "no segment is called 'fast'"
    ),
    "a segment without a likelihood": Mistake(
        "likelihood: {quick: 0.86, ",
        "likelihood: {",
        "give a likelihood for each segment; missing: quick",
        "explorer: 0.90",
    ),
    "a behaviour without a likelihood": Mistake(
        "likelihood: {quick: 0.08, explorer: 0.05, ", "likelihood: {quick: 0.08, ", "missing: explorer"
    ),
    "an unknown tier in an offer": Mistake(
        "not_tiers: [most_valuable, ",
        "not_tiers: [gold, ",
        "no tier is called 'gold'; there are: below_zero, growable, migrator, most_valuable",
    ),
    "an unknown tier for an offer": Mistake(
        "    tiers: [most_valuable, growable]", "    tiers: [gold, growable]", "no tier is called 'gold'"
    ),
    "an unknown tier in a treatment": Mistake(
        "tiers: [growable], tone", "tiers: [silver], tone", "no tier is called 'silver'"
    ),
    "a tier without a treatment": Mistake(
        "tiers: [growable], tone",
        "tiers: [], tone",
        "tier 'growable' needs exactly one treatment, has 0",
        "treatments:",
    ),
    "a tier with two treatments": Mistake(
        "tiers: [growable], tone",
        "tiers: [growable, migrator], tone",
        "tier 'migrator' needs exactly one treatment, has 2",
        "treatments:",
    ),
    "a last tier with conditions": Mistake(
        "{id: migrator, ",
        "{id: migrator, actual: {at_least: 0}, ",
        "the last tier is for all the others; take its conditions out",
    ),
    "a tier that takes everybody before others": Mistake(
        "{id: growable, actual: {at_least: 200000}, unrealised: {at_least: 1000000}, ",
        "{id: growable, ",
        "nobody is of it: 'growable' takes them all; put 'below_zero' before 'growable'",
        "{id: below_zero, ",
    ),
    "a tier within one before it": Mistake(
        "{id: growable, actual: {at_least: 200000}, ",
        "{id: growable, actual: {at_least: 2000000}, ",
        "nobody is of it: 'most_valuable' takes them all",
    ),
    "a tier between two figures of which the lower is the higher": Mistake(
        "unrealised: {at_least: 1000000}",
        "unrealised: {at_least: 10, below: 10}",
        "`below` has to be more than `at_least`",
    ),
    "a tier of what cannot be": Mistake(
        "unrealised: {at_least: 1000000}", "unrealised: {below: 0}", "never is below 0: potential value is no less"
    ),
    "a threshold without saying of what": Mistake(
        "actual: {at_least: 1500000}", "at_least: 1500000", "write `actual: {at_least: 1500000}`"
    ),
    "a condition that asks for nothing": Mistake("future: {below: 0}", "future: {}", "write at_least, below or both"),
    "a threshold in words": Mistake("future: {below: 0}", "future: {below: nothing}", "found 'nothing'"),
    "a threshold without end": Mistake("future: {below: 0}", "future: {below: .inf}", "finite number"),
    "a figure that there is not": Mistake(
        "future: {below: 0}", "past: {below: 0}", "tiers.2.past is not a key that belongs here"
    ),
    "a treatment slower than the service floor": Mistake(
        "tone: plain, note",
        "tone: plain, answer_within_hours: 13, note",
        "falls under the service floor; write 12 or less, or raise `service_floor.answer_within_hours`",
    ),
    "a treatment of a lower tone than the service floor": Mistake(
        "service_floor: {tone: plain,",
        "service_floor: {tone: standard,",
        "falls under the service floor; write standard, or lower `service_floor.tone`",
        "{id: lower_cost",
    ),
    "an answer at once": Mistake("answer_within_hours: 12", "answer_within_hours: 0", "greater than 0; found 0"),
    "a floor that keeps out guests": Mistake("service_floor: {tone: plain", "service_floor: {tone: valued", "'valued'"),
    "an unknown answer in a pitch": Mistake(
        "answers: [cups.10_to_40]",
        "answers: [cups.some]",
        "no answer is called 'cups.some'; there are: brewing.by_hand",
    ),
    "an unknown answer for an offer": Mistake(
        "    code: PAGI", "    answers: [brewing.cups]", "no answer is called 'brewing.cups'"
    ),
    "a question twice": Mistake("  - id: matters\n", "  - id: cups # again\n", "the id 'cups' stands twice", "# again"),
    "an option twice": Mistake("- id: over_40", "- id: up_to_10 # again", "the id 'up_to_10' stands twice", "# again"),
    "an offer twice": Mistake(
        "- id: tasting_set", "- id: office_starter # again", "the id 'office_starter' stands twice", "# again"
    ),
    "a segment twice": Mistake(
        "    - id: thrifty\n", "    - id: quick # again\n", "the id 'quick' stands twice", "# again"
    ),
    "a store twice": Mistake("- id: kemang", "- id: menteng # again", "the id 'menteng' stands twice", "# again"),
    "a tier twice": Mistake(
        "{id: migrator, ", "{id: growable, ", "the id 'growable' stands twice", "{id: growable, title"
    ),
    "a product twice": Mistake(
        "{id: toraja, ", "{id: gayo, ", "the id 'gayo' stands twice", "Toraja single origin 250 g"
    ),
    "a behaviour twice": Mistake(
        "{id: buys_capsules, ",
        "{id: buys_blend, ",
        "the id 'buys_blend' stands twice",
        "category: capsules, likelihood",
    ),
    "a treatment twice": Mistake("{id: grow, ", "{id: keep, ", "the id 'keep' stands twice", "tiers: [growable]"),
    "a title without Indonesian": Mistake(
        "title: {en: Quick and easy, id: Cepat dan praktis}", "title: {en: Quick}", "say it in id too"
    ),
    "an empty text": Mistake("text: {en: How do you brew at home?, ", "text: {en: '', ", "say it in en too"),
    "hours without English": Mistake(
        'hours: {en: "daily 8:00 to 21:00", ', "hours: {", "say it in en too", 'hours: {id: "setiap hari 08.00'
    ),
    "a pitch without Indonesian": Mistake(
        '          id: "Untuk {words}',
        '          jv: "Untuk {words}',
        "say it in id too",
        '        text:\n          en: "For {words}',
    ),
    "a need that nobody can say in Indonesian": Mistake(
        "        id: [saya mau kopi yang praktis",
        "        jv: [saya mau kopi yang praktis",
        "give ways to say it in id too",
        "      says:\n",
    ),
    "likelihoods that do not add up": Mistake(
        "office: 0.60",
        "office: 0.40",
        "the likelihoods for 'office' add up to 0.80 over the options; make it 1",
        "    options:\n",
    ),
    "a share of more than all": Mistake("share: 0.95", "share: 95", "less than or equal to 1; found 95"),
    "a share of nothing": Mistake("share: 0.95", "share: 0", "greater than 0; found 0"),
    "a share that is not said": Mistake(
        "        share: 0.5\n",
        "",
        "questions.3.options.1 lacks `share`, and is not the only one; give one to all but that for who would rather not say",
        "- id: half",
    ),
    "no way to leave the share open": Mistake(
        "        because: {en: you would rather not say",
        "        share: 0.01\n        because: {en: you would rather not say",
        "questions.3.options leave one without `share`, for who would rather not say",
        "    options:\n      - id: nearly_all",
    ),
    "a share that two answers have": Mistake(
        "share: 0.2\n        because: {en: you told me that a little",
        "share: 0.5\n        because: {en: you told me that a little",
        "is that of 'half' too; answers that mean the same are one option",
    ),
    "two questions for the share": Mistake(
        "        range: [0, 10]\n",
        "        range: [0, 10]\n        share: 0.1\n",
        "questions.3 asks for a share as 'cups' does; keep `share` in one of the two",
        "- id: share",
    ),
    "a question of shares that knows some needs": Mistake(
        "        share: 0.5\n",
        "        share: 0.5\n        likelihood: {quick: 0.9, explorer: 0.9, thrifty: 0.9, office: 0.9}\n",
        "give a likelihood for each segment; missing: explorer, office, quick, thrifty",
        "- id: nearly_all",
    ),
    "a question that tells of nothing": Mistake(
        "        likelihood: {quick: 0.86, explorer: 0.90, thrifty: 0.80, office: 0.15}\n",
        "",
        "give a likelihood for each segment; missing: explorer, office, quick, thrifty",
        "- id: up_to_10",
    ),
    "an impossible likelihood": Mistake("office: 0.60", "office: 1.60", "less than 1; found 1.6"),
    "a range that ends before it begins": Mistake("range: [10, 40]", "range: [40, 10]", "the lower end comes first"),
    "a key that stands twice": Mistake(
        "  currency: IDR", "  currency: IDR\n  currency: USD", "keep one of them", "  currency: USD"
    ),
    "a bracket that is not closed": Mistake(
        "languages: [en, id]", "languages: [en, id", "check the indentation, colons and quotes", "default_language: en"
    ),
    "a tab before a key": Mistake(
        "  currency: IDR", "\tcurrency: IDR", "check the indentation, colons and quotes", "\tcurrency"
    ),
    "a character that cannot be seen": Mistake("Kopi Sudirman", "Kopi \x07Sudirman", "type that line anew"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_refused_with_file_line_and_mend(mistake: Mistake, tmp_path: Path) -> None:
    assert mistake.passage in TEXT, "the demo file no longer has this passage"
    written = TEXT.replace(mistake.passage, mistake.instead, 1)
    path = tmp_path / "business.yml"
    path.write_text(written, "utf-8")

    told = [line for line in problems_with(path) if mistake.told in line]

    assert told, problems_with(path)
    assert told[0].startswith(f"{path}, line {line_of(written, mistake.at or mistake.instead)}: ")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "business.yml"
    text = TEXT.replace("window_days: 365", "window_days: 0").replace("cost: 200", "cost: -1")
    path.write_text(text, "utf-8")
    assert len(problems_with(path)) == 2


def test_a_business_without_a_touchpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "business.yml"
    before, _, rest = TEXT.partition("touchpoints:\n")
    path.write_text(before + "touchpoints: {}\n\nstores:" + rest.partition("\nstores:")[2], "utf-8")
    (problem,) = problems_with(path)
    assert "touchpoints dictionary should have at least 1 item" in problem


def test_a_file_that_is_not_there_is_said_so_with_the_setting_that_names_it(tmp_path: Path) -> None:
    (problem,) = problems_with(tmp_path / "nowhere.yml")
    assert "nowhere.yml is not there; set RAPPORT_BUSINESS" in problem


def test_a_folder_is_no_business(tmp_path: Path) -> None:
    (problem,) = problems_with(tmp_path)
    assert f"{tmp_path} cannot be read" in problem
    assert "give a readable file" in problem


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n"])
def test_an_empty_file_is_told_how_to_begin(tmp_path: Path, text: str) -> None:
    path = tmp_path / "business.yml"
    path.write_text(text)
    assert problems_with(path) == [f"{path}, line 1: found nothing; begin with `business:`, as demo/business.yml does"]


@pytest.mark.parametrize("text", ["just words\n", "- a\n- list\n"])
def test_a_file_of_something_else_is_told_how_to_begin(tmp_path: Path, text: str) -> None:
    path = tmp_path / "business.yml"
    path.write_text(text)
    (problem,) = problems_with(path)
    assert problem.startswith(f"{path}, line 1: found ")
    assert problem.endswith("begin with `business:`, as demo/business.yml does")


def test_a_file_that_is_not_utf_8_is_told_the_line(tmp_path: Path) -> None:
    path = tmp_path / "business.yml"
    path.write_bytes(TEXT.encode().replace(b"Jl. Cikini Raya 12", "Café Cikini".encode("latin-1"), 1))
    line = line_of(TEXT, "Jl. Cikini Raya 12")
    assert problems_with(path) == [f"{path}, line {line}: not UTF-8 text; save the file as UTF-8"]
