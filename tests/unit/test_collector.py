"""Python's collector of cycles while many rows go through."""

from __future__ import annotations

import gc

import pytest

from crm_store.collector import OBJECTS, seldom_collected


def test_cycles_are_looked_for_seldom_and_afterwards_as_before() -> None:
    usual = gc.get_threshold()
    with seldom_collected():
        assert gc.get_threshold() == (OBJECTS, *usual[1:])
    assert gc.get_threshold() == usual


def test_also_after_an_error() -> None:
    usual = gc.get_threshold()
    with pytest.raises(ValueError, match="broken"), seldom_collected():
        raise ValueError("broken")
    assert gc.get_threshold() == usual
