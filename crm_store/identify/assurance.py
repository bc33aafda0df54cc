"""What each level of identity assurance may do: one table, one function. Pure."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Assurance(IntEnum):
    """How surely the person in the chat is known. A typed claim is not a level."""

    ANONYMOUS = 0
    RECOGNISED = 1
    VERIFIED = 2

    @property
    def word(self) -> str:
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Assurance:
        return cls[word.upper()]


class Act(StrEnum):
    """What may be guarded."""

    READ_THIS_CONVERSATION = "read this conversation"
    READ_EARLIER_CONVERSATIONS = "read earlier conversations of this device or account"
    READ_ALL_CHANNELS = "read the customer's conversations on all channels"
    BE_WELCOMED_BACK = "be welcomed back"
    BE_GREETED_BY_NAME = "be greeted by name"
    TEACH_NEEDS = "teach needs"
    GET_OFFERS = "get offers"
    USE_CUSTOMER_PROFILE = "use what is known of the customer from elsewhere"
    GET_SERVICE = "orders, points, repairs, address, value-based service"
    ERASE_PROFILE = "erase and export this device's profile"
    ERASE_EVERYTHING = "erase and export everything"
    BE_JOINED = "be joined to a known customer"
    GO_ON_ELSEWHERE = "go on on another channel by a link"


_LEAST = {
    Act.READ_THIS_CONVERSATION: Assurance.ANONYMOUS,
    Act.TEACH_NEEDS: Assurance.ANONYMOUS,
    Act.GET_OFFERS: Assurance.ANONYMOUS,
    Act.ERASE_PROFILE: Assurance.ANONYMOUS,
    Act.READ_EARLIER_CONVERSATIONS: Assurance.RECOGNISED,
    Act.BE_WELCOMED_BACK: Assurance.RECOGNISED,
    Act.GO_ON_ELSEWHERE: Assurance.RECOGNISED,
    Act.READ_ALL_CHANNELS: Assurance.VERIFIED,
    Act.BE_GREETED_BY_NAME: Assurance.VERIFIED,
    Act.USE_CUSTOMER_PROFILE: Assurance.VERIFIED,
    Act.GET_SERVICE: Assurance.VERIFIED,
    Act.ERASE_EVERYTHING: Assurance.VERIFIED,
    Act.BE_JOINED: Assurance.VERIFIED,
}


def may(assurance: Assurance, act: Act) -> bool:
    """Whether a person of this assurance may do this."""
    return assurance >= _LEAST[act]
