"""How often one address may do something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.gateway.limits import MOST_ADDRESSES, Limit

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def asks(limit: Limit, address: str | None, times: int, at: datetime = NOON) -> list[float]:
    return [limit.wait(address, at) for _ in range(times)]


def test_as_often_as_allowed_at_once_and_then_with_a_wait() -> None:
    limit = Limit(60)
    assert asks(limit, "203.0.113.7", 60) == [0] * 60
    assert limit.wait("203.0.113.7", NOON) == pytest.approx(1)
    assert limit.wait("203.0.113.7", NOON + SECOND) == 0
    assert limit.wait("203.0.113.7", NOON + SECOND) > 0


def test_whoever_is_refused_is_not_counted() -> None:
    limit = Limit(1)
    assert asks(limit, "203.0.113.7", 9)[1:] == pytest.approx([60] * 8)
    assert limit.wait("203.0.113.7", NOON + 60 * SECOND) == 0


def test_after_a_quiet_minute_there_is_room_for_all_again_and_never_for_more() -> None:
    limit = Limit(3)
    asks(limit, "203.0.113.7", 4)
    assert [bool(wait) for wait in asks(limit, "203.0.113.7", 4, NOON + timedelta(days=1))] == [False] * 3 + [True]


def test_one_address_takes_nothing_from_another() -> None:
    limit = Limit(1)
    assert [limit.wait(f"203.0.113.{n}", NOON) for n in range(9)] == [0] * 9


def test_a_customer_s_own_ipv6_network_is_one_address() -> None:
    limit = Limit(1)
    assert limit.wait("2001:db8:0:1::1", NOON) == 0
    assert limit.wait("2001:db8:0:1:ffff::2", NOON) > 0
    assert limit.wait("2001:db8:0:2::1", NOON) == 0


def test_an_address_is_the_same_however_it_is_written() -> None:
    limit = Limit(1)
    assert limit.wait("203.0.113.7", NOON) == 0
    assert limit.wait("::ffff:203.0.113.7", NOON) > 0


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", None, "", "a socket"])
def test_this_machine_has_no_limit(address: str | None) -> None:
    assert asks(Limit(1), address, 9) == [0] * 9


def test_without_a_limit_there_is_none() -> None:
    assert asks(Limit(0), "203.0.113.7", 999) == [0] * 999


def test_a_clock_that_is_set_back_gives_nothing_and_takes_nothing() -> None:
    limit = Limit(2)
    assert asks(limit, "203.0.113.7", 2) == [0, 0]
    assert limit.wait("203.0.113.7", NOON - timedelta(hours=1)) == pytest.approx(30)


def test_addresses_that_are_quiet_are_let_go() -> None:
    limit = Limit(1)
    for n in range(MOST_ADDRESSES):
        limit.wait(f"10.0.{n // 256}.{n % 256}", NOON)
    limit.wait("203.0.113.7", NOON + timedelta(minutes=2))
    assert len(vars(limit)["_spent"]) == 1
