"""CDNOW's customers, and invented ones whose parameters are known; the package Lifetimes in an environment of its own.

CDNOW: everybody whose first purchase there was in the first quarter of 1997, until June 1998 (master), and one in ten (sample).
Published with Fader, Hardie & Lee 2005; the package Lifetimes holds both files.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.settings import ROOT
from crm_store.differentiate.lifetime import History

Floats = NDArray[np.float64]

PEER = Path(os.environ.get("RAPPORT_BENCH_LIFETIMES", ROOT / "var" / "lifetimes" / "bin" / "python"))
HINT = """Lifetimes is missing, with it CDNOW's purchases. It lives in an environment of its own:
  .tools/bin/uv venv var/lifetimes && .tools/bin/uv pip install --python var/lifetimes/bin/python Lifetimes==0.11.3
or RAPPORT_BENCH_LIFETIMES names the Python of one that has it."""
BEGIN, END = date(1997, 1, 1), date(1998, 6, 30)


def day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


@dataclass(frozen=True)
class Purchases:
    """Lines of a file: customer, day as a number, amount."""

    customers: NDArray[np.int64]
    days: NDArray[np.int64]
    amounts: Floats

    def until(self, cut: date) -> tuple[NDArray[np.int64], History]:
        return History.of_purchases(self.customers, self.days, self.amounts, day_number(cut))

    def between(self, customers: NDArray[np.int64], cut: date, end: date) -> tuple[Floats, Floats]:
        """How many purchases each of these made after `cut` until `end`, and what they paid."""
        within = (self.days > day_number(cut)) & (self.days <= day_number(end)) & np.isin(self.customers, customers)
        place, day, amount = np.searchsorted(customers, self.customers[within]), self.days[within], self.amounts[within]
        count = np.bincount(np.unique(place * 100_000 + day) // 100_000, minlength=len(customers))
        return count.astype(np.float64), np.bincount(place, amount, minlength=len(customers))


@dataclass(frozen=True)
class HeldOut:
    """A history until a cut, and what followed."""

    history: History
    counts: Floats
    paid: Floats
    horizon: float
    """Days."""

    @classmethod
    def of(cls, purchases: Purchases, cut: date, end: date) -> HeldOut:
        customers, history = purchases.until(cut)
        counts, paid = purchases.between(customers, cut, end)
        return cls(history, counts, paid, float((end - cut).days))

    def take(self, places: Any) -> HeldOut:
        return HeldOut(self.history.take(places), self.counts[places], self.paid[places], self.horizon)


def cdnow(name: str) -> Purchases | None:
    """The file `sample` or `master`; None where Lifetimes is not installed."""
    folders = sorted(PEER.parent.parent.glob("lib/python*/site-packages/lifetimes/datasets"))
    if not folders:
        return None
    rows = [line.split() for line in (folders[0] / f"CDNOW_{name}.txt").read_text().splitlines()]
    rows = [row for row in rows if row and row[0].isdigit()]
    days = [day_number(date.fromisoformat(f"{row[-3][:4]}-{row[-3][4:6]}-{row[-3][6:]}")) for row in rows]
    return Purchases(
        np.array([int(row[0]) for row in rows]), np.array(days), np.array([float(row[-1]) for row in rows])
    )


class Peer:
    """Lifetimes, in its own Python: one process that fits what it is told, and says how long it took."""

    def __init__(self) -> None:
        script = str(Path(__file__).with_name("_lifetimes_peer.py"))
        self._process = subprocess.Popen(  # the interpreter that the operator named
            [str(PEER), "-W", "ignore", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, fitter: str, **arrays: Any) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        told = {"fitter": fitter} | {key: np.asarray(value).tolist() for key, value in arrays.items()}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def invented(
    customers: int, r: float, alpha: float, a: float, b: float, *, age: float, ahead: float, chances: int, seed: int
) -> HeldOut:
    """Customers of (M)BG/NBD with these parameters, alpha in days, of ages up to `age` days, and what they do in `ahead` days more.

    `chances` 1: somebody may leave at the first purchase (MBG/NBD); 0: only from the second on.
    """
    draw = np.random.default_rng(seed)
    rate, chance = draw.gamma(r, 1 / alpha, customers), draw.beta(a, b, customers)
    ages = draw.uniform(age / 2, age, customers)
    here = draw.random(customers) >= chance * chances
    now, last = np.zeros(customers), np.zeros(customers)
    before, after = np.zeros(customers), np.zeros(customers)
    while here.any():
        now[here] += draw.exponential(1.0, int(here.sum())) / np.maximum(rate[here], 1e-12)
        here &= now < ages + ahead
        early = here & (now <= ages)
        before[early] += 1
        last[early] = now[early]
        after[here & ~early] += 1
        here &= draw.random(customers) >= chance
    return HeldOut(History(before, last, ages), after, np.zeros(customers), ahead)


def inner_cut(cut: date) -> date:
    """Two thirds of the way to `cut`: what is chosen is chosen by what follows it until `cut`."""
    return BEGIN + timedelta(days=(cut - BEGIN).days * 2 // 3)
