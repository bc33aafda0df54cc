"""Words by which customers refuse a need: what is plain is taken, what may be meant otherwise is not."""

from __future__ import annotations

import pytest

from crm_store.differentiate.refusals import is_not_me, says_not_of_oneself


@pytest.mark.parametrize(
    "words",
    [
        "that's not me",
        "That is not me.",
        "no, that's not me",
        "sorry but this is not me",
        "that isn't me at all",
        "it's really not me",
        "I'm not like that",
        "you're wrong about me",
        "that's not true of me",
        "itu bukan saya",
        "maaf, itu bukan saya kak",
        "saya tidak begitu",
        "aku gak kayak gitu",
    ],
)
def test_that_it_is_not_them(words: str) -> None:
    assert is_not_me(words)


@pytest.mark.parametrize(
    "words",
    [
        "that's not my order",
        "is that not me?  who then",
        "it was not me who called",
        "not me but my wife ordered",
        "no",
        "that's not it",
        "bukan",
        "itu bukan pesanan saya",
        "that's not me, my name is Sari",
    ],
)
def test_what_is_not_a_whole_refusal_is_none(words: str) -> None:
    assert not is_not_me(words)


@pytest.mark.parametrize(
    "words",
    [
        "it is not for the office",
        "it's not for an office any more",
        "we no longer buy for the office",
        "I'm no longer interested in single origins",
        "i don't need it for the office any more",
        "I am not a taste explorer",
        "i'm not into new tastes",
        "bukan buat kantor",
        "ini bukan untuk kantor",
        "sudah tidak beli untuk kantor",
        "saya bukan tipe yang suka coba-coba",
    ],
)
def test_that_a_need_is_not_theirs(words: str) -> None:
    assert says_not_of_oneself(words)


@pytest.mark.parametrize(
    "words",
    [
        "not too expensive please",
        "it's not for me, it's for the office",
        "this is not for home but for the office",
        "is it not for the office?",
        "I'm no longer happy with the office blend",
        "the coffee is not hot any more at the office",
        "i don't want to spend much",
        "the office blend is no longer good",
        "bukan buat saya, buat kantor",
        "tidak mahal kan",
        "jangan yang mahal",
        "for the office",
    ],
)
def test_what_may_be_meant_otherwise_is_not_taken(words: str) -> None:
    assert not says_not_of_oneself(words)
