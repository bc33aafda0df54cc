"""Whose data is to be forgotten: one's own, or somebody else's."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from crm_store.interact.service.whose import is_of_somebody_else

HELD_OUT = [
    sentence["text"]
    for name in ("nlu_heldout.yml", "nlu_heldout_service.yml")
    for sentence in YAML(typ="safe").load(Path(__file__).parents[1] / "data" / name)
    if sentence["intent"] == "forget_me"
]
OTHERS = [
    *("forget Dewi", "delete the account of Dewi", "please delete my sister's data too"),
    *("remove everything about Budi Santoso", "hapus akun Dewi", "lupakan Budi", "tolong hapus data istri saya juga"),
    *("hapus semua data atas nama Sari", "delete everything you know about peter", "can you erase Dewi\u2019s profile"),
]


@pytest.mark.parametrize("text", OTHERS)
def test_another_s_name_or_kin_makes_it_somebody_else_s(text: str) -> None:
    assert is_of_somebody_else(text)


@pytest.mark.parametrize("text", [text for text in HELD_OUT if text not in OTHERS])
def test_what_customers_say_of_themselves_is_theirs(text: str) -> None:
    assert not is_of_somebody_else(text)
