"""The tests of what runs inside Rasa (`bot/rasa/tests`), run in Rasa's own environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "bot/rasa/.venv/bin/python"


def test_the_parts_inside_rasa_do_what_they_say() -> None:
    discover = ["-m", "unittest", "discover", "-t", ".", "-s", "bot/rasa/tests"]
    done = subprocess.run(
        [PYTHON, "-W", "error", *discover], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        pytest.fail(f"{done.stdout}\n{done.stderr}", pytrace=False)
    assert "\nOK" in done.stderr
