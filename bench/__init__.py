"""One runnable module for each published figure. `make bench` runs them all; each writes bench/results/<name>.json.

Machines differ and are noisy, so a figure is a ratio against a peer in the same run, the two in turns, medians quoted.
"""
