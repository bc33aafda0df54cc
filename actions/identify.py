"""Identify: a greeting says how far the customer is known; forgetting undoes it."""

from actions.call import StoreAction


class Greet(StoreAction):
    action = "action_greet"


class Forget(StoreAction):
    action = "action_forget"
