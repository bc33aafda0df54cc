"""`rapport doctor`: looks for everything that is known to go wrong with an installation, and says the mend of each.

Every check stands alone: one that fails, or cannot be made, keeps no other from being made.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.cli import stack
from bot.cli.examinations.clock import examine_clock
from bot.cli.examinations.database import examine_database
from bot.cli.examinations.mail import examine_mail
from bot.cli.examinations.processes import examine_actions, examine_processes, examine_rasa
from bot.cli.examinations.telegram import examine_telegram
from bot.cli.machine import free_disk_mb
from bot.cli.ports import require_free
from bot.cli.preparation import require_writable
from bot.cli.refusals import Refusal, explain
from bot.cli.run_record import holder_of
from bot.settings import Settings

LEAST_DISK_MB = 1000
"""A training, its model and a day of messages fit into this."""


@dataclass(frozen=True)
class Finding:
    """One check. `wrong` and `mend` are empty where all is well."""

    check: str
    wrong: str = ""
    mend: str = ""

    @property
    def well(self) -> bool:
        return not self.wrong


def examine(settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[Finding]:
    """All findings, good and bad, in the order in which they should be mended."""
    checks: list[tuple[str, Callable[[Settings], None]]] = [
        ("var", lambda s: require_writable(s.var)),
        ("disk", _disk),
        ("business", _business),
        ("user tokens", _user_tokens),
        ("database", examine_database),
        ("clock", lambda s: examine_clock(s, clock())),
        ("rasa environment", _rasa_environment),
        ("model", _model),
        ("port", _port),
        ("processes", examine_processes),
        ("rasa", examine_rasa),
        ("actions", examine_actions),
        ("telegram", examine_telegram),
        ("mail", examine_mail),
    ]
    for name, check in checks:
        yield _finding(name, check, settings)


def _finding(name: str, check: Callable[[Settings], None], settings: Settings) -> Finding:
    try:
        check(settings)
    except Exception as error:
        refusal = explain(error) or Refusal(f"{type(error).__name__}: {error}", "this is a fault of Rapport: report it")
        return Finding(name, refusal.wrong, refusal.mend)
    return Finding(name)


def as_text(findings: list[Finding]) -> str:
    """A line for what is well, two for what is not."""
    rows = [
        f"{finding.check:<17} well"
        if finding.well
        else f"{finding.check:<17} {finding.wrong}\n{'':<12}mend: {finding.mend}"
        for finding in findings
    ]
    bad = sum(not finding.well for finding in findings)
    return "\n".join([*rows, f"{bad} to mend" if bad else "nothing to mend"])


def _disk(settings: Settings) -> None:
    free = free_disk_mb(settings.var)
    if free < LEAST_DISK_MB:
        raise Refusal(
            f"the disk of {settings.var} is nearly full: {free:.0f} MB left",
            f"make {LEAST_DISK_MB} MB free, or set RAPPORT_VAR to a folder on another disk",
        )


def _business(settings: Settings) -> None:
    from crm_store.business_file import load_business

    load_business(settings.business)


def _user_tokens(settings: Settings) -> None:
    _ = settings.token_keys


def _rasa_environment(_settings: Settings) -> None:
    mend = "install Python 3.10 (pyenv install 3.10; Debian: apt-get install python3.10), then `make setup`"
    try:
        done = subprocess.run(  # noqa: S603
            [str(stack.RASA_PYTHON), "-c", "import sys; print(*sys.version_info[:2], sep='.')"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        raise Refusal(f"Rasa's environment is missing or broken: {stack.RASA_PYTHON} does not run", mend) from None
    found = done.stdout.strip()
    if found != "3.10":
        raise Refusal(f"Rasa's environment has Python {found}, Rasa needs 3.10", f"rm -r bot/rasa/.venv; {mend}")


def _model(settings: Settings) -> None:
    from bot.cli import training

    state = training.model_state(settings)
    reasons = {
        "missing": "there is no model yet",
        "stale": "the model is older than business.yml, domain.yml or data/",
        "foreign": "the model is not one that was trained here; it is not loaded",
    }
    if state != "ready":
        raise Refusal(reasons[state], "`rapport train`, or `make run`, which trains where needed")


def _port(settings: Settings) -> None:
    if holder_of(settings.var, settings.port) is None:
        require_free(settings.host, settings.port)
