"""Customize: advice that fits this customer, and prices."""

from actions.call import StoreAction


class Advise(StoreAction):
    action = "action_advise"


class Price(StoreAction):
    action = "action_price"
