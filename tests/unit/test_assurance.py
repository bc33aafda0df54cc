"""The table of what each level of identity assurance may do, line by line."""

from __future__ import annotations

import pytest

from crm_store.identify.assurance import Act, Assurance, may

TABLE: dict[Act, tuple[bool, bool, bool]] = {
    # act: (anonymous, recognised, verified)
    Act.READ_THIS_CONVERSATION: (True, True, True),
    Act.READ_EARLIER_CONVERSATIONS: (False, True, True),
    Act.READ_ALL_CHANNELS: (False, False, True),
    Act.BE_WELCOMED_BACK: (False, True, True),
    Act.BE_GREETED_BY_NAME: (False, False, True),
    Act.TEACH_NEEDS: (True, True, True),
    Act.GET_OFFERS: (True, True, True),
    Act.USE_CUSTOMER_PROFILE: (False, False, True),
    Act.GET_SERVICE: (False, False, True),
    Act.ERASE_PROFILE: (True, True, True),
    Act.ERASE_EVERYTHING: (False, False, True),
    Act.BE_JOINED: (False, False, True),
    Act.GO_ON_ELSEWHERE: (False, True, True),
}


@pytest.mark.parametrize(
    ("assurance", "act", "allowed"),
    [(level, act, line[level]) for act, line in TABLE.items() for level in Assurance],
    ids=lambda part: getattr(part, "word", None) or str(part),
)
def test_each_level_may_do_what_the_table_says(assurance: Assurance, act: Act, allowed: bool) -> None:
    assert may(assurance, act) is allowed


def test_every_act_is_in_the_table() -> None:
    assert set(TABLE) == set(Act)


def test_whoever_is_known_more_surely_may_do_no_less() -> None:
    for act in Act:
        allowed = [may(level, act) for level in Assurance]
        assert allowed == sorted(allowed)


def test_there_are_three_levels_and_a_claim_is_none_of_them() -> None:
    assert [level.word for level in sorted(Assurance)] == ["anonymous", "recognised", "verified"]
    with pytest.raises(KeyError):
        Assurance.of("claimed")


@pytest.mark.parametrize("level", Assurance)
def test_a_level_is_stored_as_a_word_and_read_back(level: Assurance) -> None:
    assert Assurance.of(level.word) is level
