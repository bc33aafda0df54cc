"""From a share that was told to what a customer could bring: bands, what is spent elsewhere, and how far it is believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.business import Business, Question
from crm_store.differentiate.share_of_customer import Band, Told, bands, blended, elsewhere, with_all


def figures(*values: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    value, low, high = (np.array([each], float) for each in values)
    return value, low, high


def a_question(*shares: float | None) -> Question:
    words = {"en": "so"}
    options = [
        {"id": f"o{i}", "title": words, "because": words, "share": share} for i, share in enumerate([*shares, None])
    ]
    return Question.model_validate({"id": "q", "text": words, "why": words, "options": options})


def test_an_answer_means_whatever_is_nearer_to_it_than_to_the_others(business: Business) -> None:
    assert business.share_question is not None
    found = bands(business.share_question)
    assert set(found) == {"nearly_all", "half", "little"}
    assert found["half"] == pytest.approx((0.5, (0.5 * 0.2) ** 0.5, (0.5 * 0.95) ** 0.5))
    assert found["nearly_all"] == pytest.approx((0.95, (0.5 * 0.95) ** 0.5, 1))
    assert found["little"] == pytest.approx((0.2, 0.2**2 / (0.5 * 0.2) ** 0.5, (0.5 * 0.2) ** 0.5))


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=5, unique=True))
def test_bands_leave_no_gap_and_lie_around_their_share(shares: list[float]) -> None:
    found = sorted(bands(a_question(*shares)).values())
    assert [band.share for band in found] == sorted(shares)
    assert [band.high for band in found[:-1]] == [band.low for band in found[1:]]
    assert found[-1].high == 1
    for band in found:
        assert 0 < band.low <= band.share <= band.high <= 1


def test_the_less_is_bought_here_the_more_is_bought_elsewhere() -> None:
    assert elsewhere(100.0, Band(0.5, 0.4, 0.8)) == pytest.approx((100, 25, 150))
    assert elsewhere(100.0, Band(1, 0.5, 1)) == pytest.approx((0, 0, 100))


def test_what_they_could_bring_is_the_margin_of_all_that_they_spend_less_the_cost() -> None:
    told = Told.of(100.0, Band(0.5, 0.4, 0.8))
    assert told is not None
    value, low, high = with_all(told, np.array([0.3]), np.array([10.0]), 2.0)
    assert (value[0], low[0], high[0]) == pytest.approx(
        (2 * (200 * 0.3 - 10), 2 * (125 * 0.3 - 10), 2 * (250 * 0.3 - 10))
    )
    assert Told.of(100.0, None) is None


def test_what_is_sure_stands_and_what_no_longer_holds_says_nothing() -> None:
    told, near = figures(50, 30, 90), figures(10, 5, 14)
    for sure, expected in ((1.0, told), (0.0, near)):
        assert [x[0] for x in blended(np.array([sure]), told, near)] == pytest.approx([x[0] for x in expected])


def test_where_either_may_hold_the_interval_has_both() -> None:
    value, low, high = blended(np.array([0.5]), figures(100, 90, 110), figures(10, 8, 12))
    assert value[0] == 55
    assert low[0] < 9
    assert high[0] > 105


def test_the_quantiles_are_those_of_many_draws() -> None:
    rng = np.random.default_rng(5)
    told, near, sure = (50.0, 20.0, 110.0), (30.0, 10.0, 40.0), 0.7

    def drawn(low: float, high: float) -> np.ndarray:
        off = (high - low) / 18
        return rng.uniform(low - off, high + off, 200_000)

    mixed = np.where(rng.random(200_000) < sure, drawn(*told[1:]), drawn(*near[1:]))
    _, low, high = blended(np.array([sure]), figures(*told), figures(*near))
    assert (low[0], high[0]) == pytest.approx(np.quantile(mixed, [0.05, 0.95]), rel=0.02)


@given(
    st.floats(0, 1),
    *(st.tuples(*(st.floats(0, 1e9) for _ in range(3))).map(sorted) for _ in range(2)),
)
def test_a_figure_lies_within_its_interval(sure: float, one: list[float], other: list[float]) -> None:
    parts = [figures(each[1], each[0], each[2]) for each in (one, other)]
    value, low, high = (each[0] for each in blended(np.array([sure]), parts[0], parts[1]))
    assert low <= value <= high
    assert min(one[0], other[0]) - 1 <= value <= max(one[2], other[2]) + 1


def test_of_many_each_is_as_of_one() -> None:
    rng = np.random.default_rng(9)
    told, near = (tuple(np.sort(rng.uniform(0, 100, (3, 50)), axis=0)[[1, 0, 2]]) for _ in range(2))
    sure = rng.random(50)
    together = blended(sure, told, near)
    for at in range(50):
        alone = blended(sure[[at]], *(tuple(x[[at]] for x in part) for part in (told, near)))
        assert [x[0] for x in alone] == pytest.approx([x[at] for x in together])
