"""The relationship engine: who a customer is, what they are worth and need, what to ask and what to give.

Knows no Rasa, no HTTP and no Telegram: it is called with plain values and answers with plain values.
"""
