"""All that runs inside the Rasa process, on Python 3.10. Nothing here imports the store, and nothing outside imports this."""
