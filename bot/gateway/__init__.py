"""The only process that faces the internet: inbox, turn worker, outbox and the HTTP API."""
