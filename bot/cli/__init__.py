"""The `rapport` command. main.py names the commands; the modules beside it do the work."""
