"""Interact: the talk itself: yes, no, why, enough, a person, and what was not understood."""

from actions.call import StoreAction


class Affirm(StoreAction):
    action = "action_affirm"


class Deny(StoreAction):
    action = "action_deny"


class ExplainQuestion(StoreAction):
    action = "action_explain_question"


class StopAsking(StoreAction):
    action = "action_stop_asking"


class TalkToPerson(StoreAction):
    action = "action_talk_to_person"


class CancelPerson(StoreAction):
    action = "action_cancel_person"


class FallBack(StoreAction):
    action = "action_fallback"
