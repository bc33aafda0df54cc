"""Tests of what runs inside the Rasa process, in its own environment: unittest alone, since pytest is not installed there.

bot/rasa/.venv/bin/python -W error -m unittest discover -t . -s bot/rasa/tests

Warnings are errors, but for those of Rasa and what it brings along while it is being imported, which is done here, once.
"""

from __future__ import annotations

import os
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import rasa.core.agent
    import rasa.core.policies.rule_policy  # noqa: F401
    import spacy  # noqa: F401

# What Rasa does not spare anybody: for every domain with a slot, and for every tracker store.
for _said in ("Slot auto-fill has been removed", r"Calling URL\(\) directly is deprecated"):
    warnings.filterwarnings("ignore", _said)
