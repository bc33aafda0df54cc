"""Identify: a greeting says how far the customer is known; a code proves more; forgetting undoes it."""

from actions.call import StoreAction


class Greet(StoreAction):
    action = "action_greet"


class Forget(StoreAction):
    action = "action_forget"


class SendCode(StoreAction):
    action = "action_send_code"
