"""What a customer will buy: how many purchases are to come (`purchasing`) and of what amount (`spending`).

    history = History(frequency, recency, age, mean_amount)      # an array each, one place a customer; times in days
    purchasing, spending = fit_purchasing(history), fit_spending(history)
    ahead = purchasing.forecast(history, horizon=365.0)          # p_alive, purchases expected, each with an interval
    each = spending.forecast(history)                            # the amount of one purchase, with an interval
    worth = ahead.expected * each.expected

Models are plain values: `as_dict` gives what JSON can hold and `from_dict` takes it back, so one customer is forecast anew from
a stored model without a fit. Nothing here knows a database, a clock or what a customer is called.
"""

from crm_store.differentiate.lifetime.history import History
from crm_store.differentiate.lifetime.purchasing import Forecast, PurchasingModel, fit_purchasing
from crm_store.differentiate.lifetime.spending import Amounts, SpendingModel, fit_spending

__all__ = ["Amounts", "Forecast", "History", "PurchasingModel", "SpendingModel", "fit_purchasing", "fit_spending"]
