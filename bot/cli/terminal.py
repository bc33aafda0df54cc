"""What the command shows: results on stdout, progress on stderr, bars only where a person watches."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

import typer

from bot.cli.refusals import Refusal

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout instead of text.")]

Advance = Callable[[int], None]
"""Called with how many more are done."""


def show(result: dict[str, Any], text: str, as_json: bool) -> None:
    """The result of a command: one JSON object, or the same as text."""
    typer.echo(json.dumps(result, default=_plain) if as_json else text)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def show_refusal(refusal: Refusal, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"error": refusal.wrong, "mend": refusal.mend}))
    else:
        typer.echo(f"rapport: {refusal.wrong}\n   mend: {refusal.mend}", err=True)


def say(line: str) -> None:
    """One line about what goes on."""
    typer.echo(line, err=True)


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Advance]:
    """Shows how far a long piece of work is; `total` in the unit that the work advances by."""
    watched = sys.stderr.isatty()
    with _bar(title, total) if watched else _lines(title, total) as advance:
        yield advance


@contextmanager
def _bar(title: str, total: int | None) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(title, total=total)
        yield lambda done: shown.advance(task, done)


@contextmanager
def _lines(title: str, total: int | None) -> Iterator[Advance]:
    start, done = time.monotonic(), 0

    def advance(more: int) -> None:
        nonlocal done
        done += more

    say(f"{title}: {total} to do" if total else title)
    yield advance
    count = f"{done} " if done or total is not None else ""
    say(f"{title}: {count}done in {time.monotonic() - start:.1f} s")
