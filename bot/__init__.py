"""Everything between people and the store: the gateway, the channels, the console, the command line and the Rasa process."""
