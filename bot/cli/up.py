"""`rapport up`: refuses early, prepares, then becomes the supervisor."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from bot.cli import preparation, stack
from bot.cli.machine import remove_leftovers
from bot.cli.ports import free_inner_ports, require_free
from bot.cli.run_record import ChildRecord, RunRecord, hold_port, read_record, record_path
from bot.cli.terminal import say
from bot.settings import ROOT, Settings


def up(
    settings: Settings,
    *,
    prepare: Callable[[Settings], Path] = preparation.prepare,
    processes: Callable[[Settings], list[ChildRecord]] = stack.processes,
) -> NoReturn:
    """Never returns: this process becomes the supervisor, so that what set-up needed leaves the memory with it.

    Raises Refusal or PortHeldError before anything slow is done, and whatever `prepare` raises.
    """
    # Until then a TERM ends what is being prepared as a Ctrl-C would, a training included.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    preparation.require_writable(settings.var)
    if settings.port == 0:
        settings = settings.model_copy(update={"port": free_inner_ports(1)[0]})
    hold_port(settings.var, settings.port)
    _clear(settings)
    require_free(settings.host, settings.port)
    model = prepare(settings)
    children = processes(settings)
    record = RunRecord(settings.port, stack.address(settings), children, notes=stack.pages(settings))
    path = record.write(settings.var).resolve()
    os.environ.update(stack.environment(settings, {child.name: child.port for child in children}, model))
    say("starting: " + ", ".join(child.name for child in children))
    os.chdir(ROOT)
    # The lock of the port stays open across this.
    os.execv(sys.executable, [sys.executable, "-m", "bot.cli.supervisor", str(path)])  # noqa: S606


def _clear(settings: Settings) -> None:
    left = read_record(record_path(settings.var, settings.port))
    for name in remove_leftovers(left) if left else []:
        say(f"{name} was left over from a supervisor that is gone: killed")
