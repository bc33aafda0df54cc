"""What the gateway counts, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

messages = Counter("rapport_messages_total", "Messages taken into the inbox", ["channel"])
turns = Counter("rapport_turns_total", "Turns that came to an end", ["outcome"])
turn_seconds = Histogram(
    "rapport_turn_seconds",
    "Time of one turn at Rasa, retries counted one by one",
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 20),
)
backlog = Gauge("rapport_backlog", "Messages that wait for an answer")
deliveries = Counter("rapport_deliveries_total", "Tries to deliver a message to a channel that is sent to", ["outcome"])
outbox = Gauge("rapport_outbox", "Messages that wait to be delivered or are under way")
telegram_updates = Counter("rapport_telegram_updates_total", "Updates that Telegram brought", ["outcome"])
telegram_up = Gauge("rapport_telegram_up", "Whether Telegram brings its updates")
code_mails = Counter("rapport_code_mails_total", "Tries to send a one-time code by mail", ["outcome"])
