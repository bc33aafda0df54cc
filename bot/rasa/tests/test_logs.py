"""The Rasa process logs as the others do: a line a happening, and no customer's words in it, though Rasa offers them."""

from __future__ import annotations

import io
import json
import logging
import sys
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import structlog

from bot.rasa.log_lines import log_as_all_others_do

SAID = "my cat is called Zanzibar"


class ALine(unittest.TestCase):
    @contextmanager
    def logged(self, form: str) -> Iterator[list[str]]:
        lines: list[str] = []
        kept = (sys.excepthook, logging.root.handlers[:], logging.root.level)
        told = io.StringIO()
        with patch("sys.stderr", told):
            log_as_all_others_do(form)  # type: ignore[arg-type]
            yield lines
        lines += told.getvalue().splitlines()
        logging.captureWarnings(False)
        sys.excepthook, logging.root.handlers, logging.root.level = kept
        structlog.reset_defaults()

    def test_of_rasas_own_says_what_happened_and_not_what_was_said(self) -> None:
        with self.logged("json") as lines:
            structlog.get_logger("rasa.core").warning("nlg.failed", event_info="100% failed", text=SAID)
        (line,) = map(json.loads, lines)
        self.assertEqual(
            {**line, "at": ""},
            {"at": "", "level": "WARNING", "process": "rasa", "logger": "rasa.core", "message": "100% failed"},
        )

    def test_of_an_error_has_its_trace_in_the_same_line_and_no_local_variable(self) -> None:
        with self.logged("json") as lines:
            words = SAID.upper()
            try:
                {}["gone"]
            except LookupError:
                structlog.get_logger("rasa.core").exception("it.broke", text=words)
        (line,) = map(json.loads, lines)
        self.assertEqual(line["message"], "it.broke")
        self.assertIn("KeyError: 'gone'", line["exception"])
        self.assertNotIn(words, lines[0])

    def test_is_text_for_people_too(self) -> None:
        with self.logged("text") as lines:
            structlog.get_logger("rasa.core").warning("nlg.failed", text=SAID)
            logging.getLogger("rasa.model").error("no %s", "model")
            logging.getLogger("rasa.model").info("chatter")
        self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\dT[\d:.]+Z WARNING rasa rasa\.core: nlg\.failed$")
        self.assertRegex(lines[1], r"Z ERROR   rasa rasa\.model: no model$")
        self.assertEqual(len(lines), 2)
