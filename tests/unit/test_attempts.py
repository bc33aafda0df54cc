"""How often somebody may try to sign in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from crm_store.access.attempts import FIRST_WAIT, LONGEST_WAIT, MOST_ADDRESSES, Attempts

NOW = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
EMAIL = "rina@example.com"


def failed(times: int) -> Attempts:
    attempts = Attempts()
    for _ in range(times):
        attempts.failed(EMAIL, NOW)
    return attempts


def test_four_failures_cost_no_wait() -> None:
    assert failed(4).wait(EMAIL, NOW) == timedelta(0)


def test_the_fifth_failure_costs_a_wait_that_passes() -> None:
    attempts = failed(5)
    assert attempts.wait(EMAIL, NOW) == FIRST_WAIT
    assert attempts.wait(EMAIL, NOW + FIRST_WAIT) == timedelta(0)


def test_each_further_failure_doubles_the_wait_up_to_a_bound() -> None:
    assert failed(6).wait(EMAIL, NOW) == 2 * FIRST_WAIT
    assert failed(500).wait(EMAIL, NOW) == LONGEST_WAIT


def test_other_spellings_of_an_address_wait_too_and_other_addresses_do_not() -> None:
    attempts = failed(5)
    assert attempts.wait(" Rina@Example.com", NOW) == FIRST_WAIT
    assert attempts.wait("budi@example.com", NOW) == timedelta(0)


def test_success_and_an_hour_of_peace_forget_the_failures() -> None:
    attempts = failed(5)
    attempts.succeeded(EMAIL)
    assert attempts.wait(EMAIL, NOW) == timedelta(0)
    attempts = failed(500)
    later = NOW + timedelta(hours=1)
    assert attempts.wait(EMAIL, later) == timedelta(0)
    attempts.failed(EMAIL, later)
    assert attempts.wait(EMAIL, later) == timedelta(0)


def test_invented_addresses_cannot_fill_the_memory() -> None:
    attempts = failed(5)
    for n in range(MOST_ADDRESSES):
        attempts.failed(f"{n}@example.com", NOW)
    assert attempts.wait(EMAIL, NOW) == timedelta(0)
