"""The portfolio as sums, forecasts beside what came, and what is said and drawn of both."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from bot.console.portfolio import heat, moves, plots, view
from bot.console.portfolio.checks import check_of_needs, check_of_values
from bot.console.portfolio.figures import off_by, percent, short, signed
from bot.console.portfolio.page import file_of
from bot.console.wording import Wording
from crm_store.business import Business
from crm_store.differentiate.calibration import (
    Bin,
    NeedsCheck,
    Outcomes,
    TooFew,
    bins_of,
    calibration_error,
    check_values,
)
from crm_store.differentiate.movers import Mover, Movers, Since
from crm_store.differentiate.portfolio import (
    Before,
    Cell,
    Move,
    Portfolio,
    Sums,
    cells_of,
    clear_need,
    moves_of,
    tenths_of,
)

NOW = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)


@pytest.fixture
def drawn() -> Portfolio:
    """Three tiers, two needs and one that is not clear; a run before."""
    return Portfolio(
        as_of=NOW,
        computed_at=NOW,
        horizon=365.0,
        window_days=365,
        purchases=900,
        last_purchase=NOW.date(),
        segments=["quick", "office"],
        cells=[
            Cell("most_valuable", "office", Sums(10, 8000.0, 7000.0, 100.0)),
            Cell("migrator", "quick", Sums(60, 2500.0, 4000.0, 9000.0)),
            Cell("below_zero", None, Sums(30, -500.0, 20.0, 400.0)),
        ],
        tenths=[Sums(10, 8000.0, 7000.0, 100.0), *(Sums(10, 222.0, 446.0, 1044.0) for _ in range(9))],
        before=Before(NOW - timedelta(days=30), NOW - timedelta(days=30), 99, 20_000.0, 19_000.0, 21_500.0, 40.0),
        moves=[
            Move("most_valuable", "most_valuable", 8),
            Move("migrator", "most_valuable", 2),
            Move("migrator", "below_zero", 5),
            Move("below_zero", "below_zero", 25),
            Move("migrator", "migrator", 58),
            Move(None, "migrator", 2),
            Move("below_zero", None, 1),
        ],
    )


@pytest.fixture
def say(business: Business) -> Wording:
    return Wording(business, NOW)


# Sums ----------------------------------------------------------------------------------------------------------------


def test_sums_by_tier_and_need_add_up_to_all() -> None:
    found = cells_of(
        ["a", "b", "a", "a"], ["x", None, "x", "y"], *(np.array([1.0, 2, 4, 8]) * times for times in (1, 10, 110))
    )
    assert found == [
        Cell("a", "x", Sums(2, 5, 50, 500)),
        Cell("b", None, Sums(1, 2, 20, 200)),
        Cell("a", "y", Sums(1, 8, 80, 800)),
    ]


def test_tenths_are_of_those_worth_most_first_and_as_many_each_as_can_be() -> None:
    actual, future = np.array([3.0, 9.0, *[1.0] * 10]), np.array([0.5, 0.25, *np.arange(10.0)])
    tenths = tenths_of(actual, future, future + 2)
    assert [each.customers for each in tenths] == [2, 2, *[1] * 8]
    assert tenths[0] == Sums(2, 12.0, 0.75, 4.0)
    assert [each.future for each in tenths[1:]] == [1.0, *np.arange(2.0, 10.0)]
    assert tenths_of(*np.ones((3, 9))) == []


def test_a_need_is_clear_when_it_is_more_likely_than_all_others_together() -> None:
    assert clear_need({"x": 0.5, "y": 0.3, "z": 0.2}) == "x"
    assert clear_need({"x": 0.49, "y": 0.31, "z": 0.2}) is None


def test_who_is_missing_from_a_tier_is_gone() -> None:
    there = [Move("a", "a", 1), Move("a", "b", 1), Move(None, "b", 1)]
    assert moves_of(there, {"a": 3, "b": 1}) == [*there, Move("a", None, 1), Move("b", None, 1)]
    assert moves_of(there, {"a": 2}) == there


def test_a_portfolio_comes_back_from_json_as_it_was(drawn: Portfolio) -> None:
    checked = replace(drawn, values=TooFew("days", 3, 28), needs=needs_check())
    assert Portfolio.from_dict(checked.as_dict()) == checked
    assert Portfolio.from_dict(drawn.as_dict() | {"form": 0}) is None


# Forecasts beside what came ------------------------------------------------------------------------------------------


def outcomes(n: int = 100, times: float = 1.0) -> Outcomes:
    """Customers 1 to n, who bought as often before; `times` as much is expected as comes."""
    came = np.arange(1.0, n + 1)
    return Outcomes(came, came * times, came - 1, came + 0.5 * (came % 10), came, came * times * 7, came * 7, came * 14)


def test_groups_hold_everybody_once_and_their_totals() -> None:
    found = check_values(outcomes(), cut=NOW, until=NOW, days=90, level=0.9, newcomers=4)
    for groups in (found.by_frequency, found.tenths):
        assert sum(group.customers for group in groups) == 100
        assert sum(group.purchases for group in groups) == found.together.purchases == 5050
        assert sum(group.value for group in groups) == pytest.approx(found.together.value)
    assert [group.name for group in found.by_frequency] == ["1", "2", "3", "4-6", "7-12", "13+"]
    assert found.tenths[0].expected_value > found.tenths[-1].expected_value


def test_a_forecast_that_is_right_is_off_by_nothing_and_one_that_is_twice_too_high_says_so() -> None:
    right = check_values(outcomes(), cut=NOW, until=NOW, days=90, level=0.9, newcomers=0)
    assert (right.error, right.naive_error) == (0.0, 353.5)
    assert "nearer than" in " ".join(check_of_values(right).says)
    twice = check_values(outcomes(times=3.0), cut=NOW, until=NOW, days=90, level=0.9, newcomers=0)
    said = " ".join(check_of_values(twice).says)
    assert "200\N{NO-BREAK SPACE}% too high" in said
    assert "farther off than" in said


def test_the_interval_is_judged_by_whom_it_held() -> None:
    found = outcomes(10)
    beyond = replace(found, purchases=np.where(found.purchases > 8, 1000.0, found.purchases))
    assert check_values(beyond, cut=NOW, until=NOW, days=9, level=0.9, newcomers=0).covered == 0.8


def test_probabilities_that_come_true_as_often_are_calibrated() -> None:
    chances = [0.8] * 10 + [0.2] * 10
    true = [True] * 8 + [False] * 2 + [True] * 2 + [False] * 8
    bins = bins_of(chances, true)
    assert [(each.low, each.predictions, each.happened) for each in bins] == [(0.2, 10, 2), (0.8, 10, 8)]
    assert calibration_error(bins) == 0
    assert calibration_error(bins_of([0.8] * 10, [False] * 10)) == pytest.approx(0.8)
    assert bins_of([1.0], [True])[0].low == 0.9


def test_the_interval_of_a_share_is_wilsons() -> None:
    # Computed by hand from Wilson's formula with z = 1.645.
    assert Bin(0.5, 0.6, 10, 0.55, 5).interval() == pytest.approx((0.2693, 0.7307), abs=1e-4)


def needs_check() -> NeedsCheck:
    return NeedsCheck(120, 80, 5, [Bin(0.1, 0.2, 100, 0.15, 12), Bin(0.7, 0.8, 60, 0.76, 30)], 0.11, 70, 82.5)


def test_what_is_expected_too_surely_is_told_in_words_and_in_a_table() -> None:
    found = check_of_needs(needs_check())
    assert any("off by 11\N{NO-BREAK SPACE}%" in line for line in found.says)
    (plot,) = found.plots
    assert plot.rows[1][:4] == [
        "70\N{NO-BREAK SPACE}% to 80\N{NO-BREAK SPACE}%",
        "60",
        "76\N{NO-BREAK SPACE}%",
        "50\N{NO-BREAK SPACE}%",
    ]
    assert plot.drawn.count('class="point"') == 2


def test_too_little_to_judge_by_is_said_with_what_it_takes() -> None:
    for found in (check_of_values(TooFew("customers", 12, 50)), check_of_needs(TooFew("answers", 12, 50))):
        assert found.missing
        assert "12" in found.missing
        assert "50" in found.missing
        assert not found.plots
    assert "--report" in (check_of_values(None).missing or "")


# Words and plots -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (0, "0"),
        (0.2, "0"),
        (-0.2, "0"),
        (950, "950"),
        (-1234, "−1.23 k"),
        (999_950, "1.00 M"),
        (178e6, "178 M"),
        (2.5e9, "2.50 bn"),
    ],
)
def test_money_is_told_in_three_digits(amount: float, told: str) -> None:
    assert short(amount).replace("\N{NO-BREAK SPACE}", " ") == told


def test_shares_and_changes_say_no_more_than_they_know() -> None:
    assert [percent(share) for share in (0.004, 0.996, 1.0, 0.0, None)] == [
        "<1\N{NO-BREAK SPACE}%",
        ">99\N{NO-BREAK SPACE}%",
        "100\N{NO-BREAK SPACE}%",
        "0\N{NO-BREAK SPACE}%",
        "–",
    ]
    assert (signed(1500), signed(-1500), signed(0)) == ("+1.50\N{NO-BREAK SPACE}k", "−1.50\N{NO-BREAK SPACE}k", "0")
    assert (off_by(50, 100), off_by(100, 0)) == ("50\N{NO-BREAK SPACE}% too low", "–")


def test_the_heat_table_has_the_tiers_in_their_order_and_marks_what_is_most(drawn: Portfolio, say: Wording) -> None:
    found = heat.heat(drawn, say)
    assert [row.title for row in found.rows] == ["Most valuable", "Migrator", "Below zero"]
    assert [column.title for column in found.columns] == ["Quick and easy", "Supply for a group", "Not known yet"]
    marked = {
        (row.title, place): cell.marks for row in found.rows for place, cell in enumerate(row.cells) if cell.marks
    }
    assert marked == {
        ("Most valuable", 1): ["most value"],
        ("Migrator", 0): ["most to win"],
        ("Below zero", 2): ["costs most"],
    }
    shades = [cell.shade for row in found.rows for cell in row.cells]
    assert shades == ["none", "v8", "none", "v2", "none", "none", "none", "none", "l8"]
    assert found.rows[0].cells[1].chosen == {"tier": "most_valuable", "need": "office"}
    assert found.together.customers == 100
    assert "80\N{NO-BREAK SPACE}% of actual value" in found.sentences[0]


def test_without_needs_the_tiers_stand_alone(drawn: Portfolio, say: Wording) -> None:
    found = heat.heat(replace(drawn, segments=[], cells=[Cell("migrator", None, Sums(3, 1, 1, 1))]), say)
    assert found.columns == []
    assert [row.together.customers for row in found.rows] == [3]


def test_moves_are_told_up_and_down_new_and_gone(drawn: Portfolio, say: Wording) -> None:
    found = moves.flows(drawn, say)
    assert found
    assert "2 moved up, 5 down, 91 stayed." in found.says
    assert "2 were not there before, 1 is gone." in found.says
    rows = {
        row.title: dict(zip(found.heads, zip(row.counts, row.kinds, strict=True), strict=True)) for row in found.rows
    }
    assert rows["Migrator"]["Most valuable"] == (2, "rose")
    assert rows["Migrator"]["Below zero"] == (5, "fell")
    assert rows["Below zero"]["Gone"] == (1, "gone")
    assert rows["Not there before"]["Migrator"] == (2, "new")
    assert moves.flows(replace(drawn, before=None), say) is None


def test_an_earlier_day_than_the_run_before_is_said(drawn: Portfolio, say: Wording) -> None:
    assert drawn.before
    later = replace(drawn, before=replace(drawn.before, as_of=NOW + timedelta(days=1)))
    found = moves.flows(later, say)
    assert found
    assert "earlier day" in found.says[-1]


def mover(**more: object) -> Mover:
    given: dict[str, object] = {
        "customer_id": "c" * 32,
        "record": ("pos", "1042"),
        "name": None,
        "conversation_id": None,
        "tier_before": "growable",
        "tier": "migrator",
        "value_before": 900_000.0,
        "value": 400_000.0,
        "p_alive": 0.41,
        "since": Since(),
    }
    return Mover(**given | more)  # type: ignore[arg-type]


def test_why_somebody_moved_is_what_they_bought_or_cost() -> None:
    assert moves.why(mover(), 365) == "bought nothing; still a customer with 41\N{NO-BREAK SPACE}%"
    told = moves.why(mover(since=Since(2, 1, 90_000.0, 3, 60_000.0, 500_000.0)), 365).replace("\N{NO-BREAK SPACE}", " ")
    assert told == (
        "bought on 2 days, margin 90.0 k; brought back 1 thing; 3 contacts cost 60.0 k; "
        "margin of 500 k is more than 365 days old now"
    )
    assert "cost" not in moves.why(mover(since=Since(contacts=1, cost=200.0)), 365)


def test_who_has_no_record_and_no_name_is_called_by_the_end_of_their_id(drawn: Portfolio, say: Wording) -> None:
    ids = ["01a208" + "0" * 20 + end for end in ("aaa111", "bbb222")]
    found = moves.moved(Movers([], [mover(customer_id=each, record=None) for each in ids]), drawn, say)
    assert [each.who for each in found["lost"]] == ["customer aaa111", "customer bbb222"]


def test_an_old_last_purchase_is_warned_of(drawn: Portfolio) -> None:
    assert view.warning(drawn) is None
    assert "an import may be missing" in (view.warning(replace(drawn, last_purchase=date(2026, 2, 1))) or "")


def test_the_file_asks_for_nothing_else_and_tells_what_it_rests_on(drawn: Portfolio, say: Wording) -> None:
    said = file_of(drawn, Movers([mover()], []), say)
    for forbidden in ("http:", "https:", "src=", "@import", "<script", "<link"):
        assert forbidden not in said
    assert "prefers-color-scheme: dark" in said
    assert "2 March 2026" in said
    for fact in ("100 customers", "365 days", "900 days of purchase", "IDR"):
        assert fact in said
    for drawing in re.findall(r"<svg[^>]*>", said):
        assert re.search(r'role="img" aria-label="[^"]{20,}"', drawing)


def test_what_is_drawn_cannot_be_markup() -> None:
    drawn = plots.bars([plots.Bar("<b>", 1.0, '"><script>')], "<i>", "a & b", short)
    assert "<b>" not in drawn
    assert "<script>" not in drawn
    assert "a &amp; b" in drawn


@pytest.mark.parametrize("values", [[], [0.0], [-5.0], [1e-9, 0.0], [3e9, -2e9]])
def test_any_values_can_be_drawn(values: list[float]) -> None:
    drawn = plots.bars([plots.Bar("x", value, "x") for value in values], "says", "axis", short)
    assert drawn.count("<rect") == len(values)
    assert "nan" not in drawn
