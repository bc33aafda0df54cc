"""Which option of a question the customer's words mean: by title, by a way to say it, by number, or as understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.business import Business, Option, Question
from crm_store.interact.answers import Answer, read_answer


def asking(business: Business, question_id: str) -> Question:
    question = business.question(question_id)
    assert question is not None
    return question


@pytest.fixture
def cups(business: Business) -> Question:
    return asking(business, "cups")


@pytest.fixture
def brewing(business: Business) -> Question:
    return asking(business, "brewing")


def option_meant(question: Question, text: str) -> str | None:
    answer = read_answer(question, text)
    return answer.option_id if answer else None


@pytest.mark.parametrize("text", ["10 to 40", "10 TO 40", "  10 to 40. ", "10 sampai 40"])
def test_a_title_is_the_option_whatever_its_case_and_language(cups: Question, text: str) -> None:
    assert read_answer(cups, text) == Answer("cups", "10_to_40", None, 1.0)


def test_a_title_with_a_number_gives_no_figure_that_the_customer_never_named(cups: Question) -> None:
    for title in ("Up to 10", "More than 40"):
        answer = read_answer(cups, title)
        assert answer is not None
        assert answer.words is None


@pytest.mark.parametrize(
    ("text", "option"),
    [("a couple of dozen", "10_to_40"), ("cuma beberapa cangkir", "up_to_10"), ("Seratus cangkir!", "over_40")],
)
def test_a_way_to_say_it_is_the_option(cups: Question, text: str, option: str) -> None:
    assert read_answer(cups, text) == Answer("cups", option, None, 1.0)


@pytest.mark.parametrize(
    ("text", "option", "figure"),
    [
        ("like 30", "10_to_40", "30"),
        ("kira-kira 20", "10_to_40", "20"),
        ("30", "10_to_40", "30"),
        ("maybe 12.5 on a good day", "10_to_40", "12.5"),
        ("2,5 cangkir", "up_to_10", "2.5"),
        ("1.500 cangkir sebulan", "over_40", "1500"),
        ("1,500 cups", "over_40", "1500"),
        ("0", "up_to_10", "0"),
    ],
)
def test_a_number_is_the_option_in_whose_range_it_lies(cups: Question, text: str, option: str, figure: str) -> None:
    assert read_answer(cups, text) == Answer("cups", option, figure, 1.0)


@pytest.mark.parametrize(
    ("number", "option"),
    [("9", "up_to_10"), ("10", "up_to_10"), ("10.5", "10_to_40"), ("40", "10_to_40"), ("41", "over_40")],
)
def test_the_end_that_two_ranges_share_belongs_to_the_lower_one(cups: Question, number: str, option: str) -> None:
    assert option_meant(cups, f"{number} cups") == option


def test_the_highest_end_is_in_and_what_lies_beyond_is_no_answer(cups: Question) -> None:
    assert option_meant(cups, "100000") == "over_40"
    assert option_meant(cups, "100001") is None


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("more than 40 cups", "over_40"),
        ("kayaknya lebih dari 40 cangkir", "over_40"),
        ("up to 10, sometimes less", "up_to_10"),
        ("about 10 to 40 cups", "10_to_40"),
    ],
)
def test_a_way_to_say_it_that_has_a_number_goes_before_the_bare_number(cups: Question, text: str, option: str) -> None:
    answer = read_answer(cups, text)
    assert answer is not None
    assert answer.option_id == option
    assert answer.words is None


@pytest.mark.parametrize(
    "text", ["not more than 40", "no more than 40 cups", "tidak lebih dari 40", "gak lebih dari 40 cangkir"]
)
def test_a_way_to_say_it_after_a_no_is_not_meant(cups: Question, text: str) -> None:
    assert option_meant(cups, text) == "10_to_40"


def test_a_way_to_say_it_may_stand_within_a_sentence(brewing: Question) -> None:
    assert read_answer(brewing, "mostly french press I guess") == Answer("brewing", "by_hand", None, 0.9)


def test_a_part_of_a_word_is_not_the_word(brewing: Question) -> None:
    assert option_meant(brewing, "automatically") is None


def test_the_longest_way_to_say_it_wins(brewing: Question) -> None:
    assert option_meant(brewing, "no tool, just hot water, not by hand") == "hot_water"


def test_a_number_is_no_figure_where_the_question_asks_for_none(brewing: Question) -> None:
    answer = read_answer(brewing, "a v60, at 7 each morning", [("brewing.by_hand", 0.8)])
    assert answer is not None
    assert answer.words is None


def test_what_the_assistant_understood_counts_as_far_as_it_is_sure(cups: Question) -> None:
    understood = [("cups.over_40", 0.8123)]
    assert read_answer(cups, "enough for the whole floor", understood) == Answer("cups", "over_40", None, 0.812)


@pytest.mark.parametrize(
    "understood",
    [
        [("cups.over_40", 0.49)],
        [("brewing.by_hand", 0.99)],
        [("cups.a_thousand", 0.99)],
        [("cups", 0.99)],
        [("", 0.99)],
    ],
    ids=["unsure", "another question", "an option that is not there", "no option", "nothing"],
)
def test_what_was_understood_otherwise_is_not_taken(cups: Question, understood: list[tuple[str, float]]) -> None:
    assert read_answer(cups, "enough for the whole floor", understood) is None


def test_the_customer_s_own_number_goes_before_what_was_understood(cups: Question) -> None:
    answer = read_answer(cups, "30 people drink here", [("cups.over_40", 0.99)])
    assert answer == Answer("cups", "10_to_40", "30", 1.0)


@pytest.mark.parametrize("text", ["", "   ", "?!", "purple", "where is your store", "minus", "\N{HOT BEVERAGE}"])
def test_words_that_do_not_tell_are_no_answer(cups: Question, text: str) -> None:
    assert read_answer(cups, text) is None


def test_a_way_to_say_it_that_is_only_signs_matches_nothing(business: Business) -> None:
    likelihood = dict.fromkeys(business.segment_ids, 0.5)
    because = {"en": "it is so", "id": "begitu"}
    options = [
        Option(id="yes", title={"en": "!!"}, says={"en": ["?"]}, likelihood=likelihood, because=because),
        Option(id="no", title={"en": "No"}, likelihood=likelihood, because=because),
    ]
    question = Question(id="well", text={"en": "Well?"}, why={"en": "I wonder."}, options=options)
    assert option_meant(question, "who knows") is None
    assert option_meant(question, "No") == "no"


@given(st.text(max_size=300))
def test_any_text_is_read_without_harm_and_with_a_figure_that_can_be_kept(text: str) -> None:
    likelihood = {"a": 0.5, "b": 0.5}
    words = {"en": "so"}
    options = [
        Option(id="few", title={"en": "Few"}, range=(0, 10), likelihood=likelihood, because=words),
        Option(id="many", title={"en": "Many"}, range=(10, 1e15), likelihood=likelihood, because=words),
    ]
    question = Question(id="how_many", text=words, why=words, options=options)
    answer = read_answer(question, text, [("how_many.many", 0.9)])
    if answer and answer.words is not None:
        assert len(answer.words) <= 255
        assert float(answer.words) >= 0


def test_a_number_too_long_to_mean_anything_is_no_figure(cups: Question) -> None:
    assert read_answer(cups, "9" * 4000) is None
