"""Service: what customers ask of their orders, repairs and points, of the business, and of what is known of them."""

from actions.call import StoreAction


class Stock(StoreAction):
    action = "action_stock"


class OrderStatus(StoreAction):
    action = "action_order_status"


class Delivery(StoreAction):
    action = "action_delivery"


class Return(StoreAction):
    action = "action_return"


class WithdrawRequest(StoreAction):
    action = "action_withdraw_request"


class Repair(StoreAction):
    action = "action_repair"


class Points(StoreAction):
    action = "action_points"


class Complain(StoreAction):
    action = "action_complain"


class Praise(StoreAction):
    action = "action_praise"


class Privacy(StoreAction):
    action = "action_privacy"


class WhatYouKnow(StoreAction):
    action = "action_what_you_know"


class ChangeLanguage(StoreAction):
    action = "action_change_language"


class StopOffers(StoreAction):
    action = "action_stop_offers"


class AllowAgain(StoreAction):
    action = "action_allow_again"


class Faq(StoreAction):
    action = "action_faq"


class Hours(StoreAction):
    action = "action_hours"


class Stores(StoreAction):
    action = "action_stores"


class Products(StoreAction):
    action = "action_products"


class HowToOrder(StoreAction):
    action = "action_how_to_order"


class ProblemSolved(StoreAction):
    action = "action_problem_solved"


class StopProfile(StoreAction):
    action = "action_stop_profile"
