"""What customers will buy, forecast from CDNOW's purchases to a cut and judged by what followed: ours beside Lifetimes.

Reproduces the published fit; forecasts 39 weeks beside Lifetimes and three naive ways; compares models by the held-out
log-likelihood of each customer's number of purchases, over four cuts, sample and master (the sample is a tenth of the master);
amounts likewise; how long it takes, in turns. Nothing is chosen on what is held out: of the variants that one is taken whose
likelihood is best in the last third before a cut (`chosen_by`); where another is better behind it, the table shows it.

    python -m bench.value [--turns 9] [--million 1000000]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench._lifetimes import END, HINT, HeldOut, Peer, Purchases, cdnow, inner_cut, invented
from bench._pareto import log_densities as pareto_densities
from bot.settings import ROOT
from crm_store.differentiate.lifetime import History, PurchasingModel, SpendingModel, fit_purchasing, fit_spending
from crm_store.differentiate.lifetime.purchasing import Counts

Floats = NDArray[np.float64]
Fit = Callable[[History], PurchasingModel]

PUBLISHED_CUT = date(1997, 9, 30)
CUTS = [date(1997, 6, 30), PUBLISHED_CUT, date(1997, 12, 31), date(1998, 3, 31)]
WEEK = 7.0
BINS = [0, 1, 2, 3, 4, 5, 6, 7]
VARIANTS: dict[str, Fit] = {
    "bg/nbd": lambda h: fit_purchasing(h, "bg/nbd", drawn=None),
    "mbg/nbd": lambda h: fit_purchasing(h, "mbg/nbd", drawn=None),
    **{
        f"{name} + level, drawn {drawn:g}": lambda h, name=name, drawn=drawn: fit_purchasing(h, name, drawn=drawn)
        for name in ("bg/nbd", "mbg/nbd")
        for drawn in (0.0, 1.0, 2.0, 4.0)
    },
    "default": fit_purchasing,
    "default, no prior": lambda h: fit_purchasing(h, prior=False),
}
OPEN = [name for name in VARIANTS if not name.startswith("default")]
"""Among which is chosen."""


def published(model: PurchasingModel) -> dict[str, float]:
    figures = {
        "r": model.r,
        "alpha": model.alpha / WEEK,
        "a": model.a,
        "b": model.b,
        "log_likelihood": model.log_likelihood,
    }
    return {name: round(value, 4) for name, value in figures.items()}


def log_densities(model: PurchasingModel, data: HeldOut) -> Floats:
    """ln P of the number of purchases that followed, of each customer."""
    counts = data.counts.astype(int)
    table = model.distribution(data.history, data.horizon, int(counts.max(initial=0)))
    return np.log(np.maximum(table[np.arange(len(counts)), counts], 1e-300))


def errors(expected: Floats, data: HeldOut) -> dict[str, Any]:
    off = expected - data.counts
    group = np.minimum(data.history.frequency, BINS[-1])
    return {
        "total_error_percent": round(100 * (expected.sum() / data.counts.sum() - 1), 2),
        "rmse": round(float(np.sqrt(np.mean(off**2))), 4),
        "mae": round(float(np.mean(np.abs(off))), 4),
        "by_frequency": {
            f"{at}{'+' if at == BINS[-1] else ''}": [
                round(float(values[group == at].mean()), 3) for values in (expected, data.counts)
            ]
            for at in BINS
        },
    }


def forecasts(data: HeldOut, peer: Peer, with_pareto: bool) -> dict[str, Any]:
    """Expected against actual; `by_frequency` has both, of customers with that frequency."""
    h, weeks = data.history, data.horizon / WEEK
    arrays = {"frequency": h.frequency, "recency": h.recency / WEEK, "age": h.age / WEEK}
    ours = fit_purchasing(h)
    plain = fit_purchasing(h, "bg/nbd", drawn=None, prior=False)
    result = {"ours": errors(ours.expected_purchases(h, data.horizon), data)}
    result["ours, bg/nbd"] = errors(plain.expected_purchases(h, data.horizon), data)
    for name in ["bg/nbd"] + ["pareto/nbd"] * with_pareto:
        told = peer(name, horizon=weeks, **arrays)
        result[f"lifetimes, {name}"] = errors(np.array(told["expected"]), data) | {"fit": told["parameters"]}
    result["naive rate"] = errors(h.frequency / np.maximum(h.age, 1) * data.horizon, data)
    result["last period"] = errors(h.frequency * (h.age <= data.horizon), data)
    result["all zero"] = errors(np.zeros(len(h)), data)
    result["ours"]["inside_the_90_percent_interval"] = inside(ours.counts(h, data.horizon, level=0.9), data.counts)
    return result


def inside(told: Counts, seen: Floats) -> float:
    """The share of customers whose number of purchases lay where it was told to."""
    return round(float(np.mean((seen >= told.low) & (seen <= told.high))), 4)


def comparison(purchases: Purchases, peer: Peer | None) -> dict[str, Any]:
    """ln-likelihood of what followed each cut above BG/NBD's, by variant, with the standard error of that difference; and the same
    within each calibration. `chosen` has for each cut the variant that its own calibration prefers, and how it then does. With a
    peer there is Pareto/NBD too, as Lifetimes fits it.
    """
    tables: dict[str, Any] = {kind: {str(cut): {} for cut in CUTS} for kind in ("chosen_by", "held_out")}
    for cut in CUTS:
        tables["chosen_by"][str(cut)] = _gains(HeldOut.of(purchases, inner_cut(cut), cut), peer)
        tables["held_out"][str(cut)] = _gains(HeldOut.of(purchases, cut, END), peer)
    tables["chosen"] = {}
    for cut, gains in tables["chosen_by"].items():
        name = max(OPEN, key=lambda name, gains=gains: gains[name][0])
        tables["chosen"][cut] = [name, *tables["held_out"][cut][name]]
    for kind in ("chosen_by", "held_out"):
        columns = list(tables[kind].values())
        tables[kind]["sum"] = {name: round(sum(column[name][0] for column in columns), 2) for name in columns[0]}
    before = [str(cut) for cut in CUTS if cut <= PUBLISHED_CUT]
    tables["chosen_until_the_published_cut"] = max(
        OPEN, key=lambda name: sum(tables["chosen_by"][cut][name][0] for cut in before)
    )
    return tables


def _gains(data: HeldOut, peer: Peer | None) -> dict[str, list[float]]:
    """Of each variant above BG/NBD, with the standard error; and BG/NBD's own ln-likelihood."""
    each = {name: log_densities(fit(data.history), data) for name, fit in VARIANTS.items()}
    if peer is not None:
        h = data.history
        times = {"frequency": h.frequency, "recency": h.recency / WEEK, "age": h.age / WEEK}
        fitted = peer("pareto/nbd", **times)["parameters"]
        each["pareto/nbd"] = pareto_densities(fitted, **times, time=data.horizon / WEEK, counts=data.counts)
    base, size = each["bg/nbd"], np.sqrt(len(data.counts))
    gains = {
        name: [round(float((of - base).sum()), 2), round(float((of - base).std() * size), 2)]
        for name, of in each.items()
    }
    return gains | {"bg/nbd itself": [round(float(base.sum()), 2), 0.0]}


def small_businesses(purchases: Purchases, customers: int, draws: int) -> dict[str, Any]:
    """A few customers drawn from the master: held-out ln-likelihood a customer of all others, with the prior and without."""
    data, draw = HeldOut.of(purchases, PUBLISHED_CUT, END), np.random.default_rng(1)
    told: dict[str, list[float]] = {"prior": [], "no prior": []}
    failed = 0
    for _ in range(draws):
        some = draw.permutation(len(data.counts))
        mine, others = data.take(some[:customers]).history, data.take(some[customers : customers + 4000])
        for name, scores in told.items():
            model = fit_purchasing(mine, prior=name == "prior")
            failed += not model.converged and name == "no prior"
            scores.append(float(log_densities(model, others).mean()))
    medians = {name: round(statistics.median(values), 4) for name, values in told.items()}
    worst = {f"{name}, worst": round(min(values), 4) for name, values in told.items()}
    wins = sum(a > b for a, b in zip(told["prior"], told["no prior"], strict=True))
    return medians | worst | {"prior_better": wins, "draws": draws, "not_converged_without_prior": failed}


def amounts(purchases: Purchases, peer: Peer) -> dict[str, Any]:
    """The mean amount of the purchases that followed, of those who bought; the papers fit to repeat purchases alone."""
    data = HeldOut.of(purchases, PUBLISHED_CUT, END)
    customers, _ = purchases.until(PUBLISHED_CUT)
    repeated = _without_first(purchases, customers, data.history)
    again = (data.history.frequency > 0) & (repeated > 0)
    x, t_x, age = data.history.frequency, data.history.recency, data.history.age
    of_repeats = History(x - 1, t_x * (x > 1), age, repeated)
    as_published = fit_spending(of_repeats.take(again), prior=False)
    default = fit_spending(data.history)
    of_means = fit_spending(replace(data.history, mean_log_amount=None))
    told = peer(
        "gamma-gamma",
        frequency=data.history.frequency[again],
        amount=repeated[again],
        of_frequency=np.maximum(data.history.frequency, 0),
        of_amount=np.where(again, repeated, 1.0),
    )
    bought = (data.counts > 0) & (data.paid > 0)
    actual, weight = data.paid[bought] / data.counts[bought], data.counts[bought]
    overall = float(data.history.mean_amount.mean())  # type: ignore[union-attr]
    ways = {
        "ours": default.expected_amount(data.history),
        "ours, means alone": of_means.expected_amount(data.history),
        "ours, repeats only": as_published.expected_amount(of_repeats),
        "lifetimes": np.array(told["expected"]),
        "own mean": data.history.mean_amount,
        "everybody's mean": np.full(len(bought), overall),
    }
    result: dict[str, Any] = {"ours": _spending(default), "repeats only": _spending(as_published)}
    result["lifetimes"] = told["parameters"]
    for name, values in ways.items():
        expected = np.asarray(values)[bought]
        result[f"{name}, forecast"] = {
            "total_error_percent": round(100 * float((expected * weight).sum() / data.paid[bought].sum() - 1), 2),
            "rmse": round(float(np.sqrt(np.mean((expected - actual) ** 2))), 3),
            "mae": round(float(np.mean(np.abs(expected - actual))), 3),
        }
    past = data.history.take(bought)
    result["log_density"] = {
        "ours": round(float(default.log_density(weight, actual, past).mean()), 4),
        "means alone": round(float(of_means.log_density(weight, actual, past).mean()), 4),
        "repeats only": round(float(as_published.log_density(weight, actual, of_repeats.take(bought)).mean()), 4),
        "nothing known of the customer": round(float(default.log_density(weight, actual).mean()), 4),
    }
    worth = fit_purchasing(data.history).expected_purchases(data.history, data.horizon) * default.expected_amount(
        data.history
    )
    result["revenue_error_percent"] = round(100 * float(worth.sum() / data.paid.sum() - 1), 2)
    share = np.argsort(-worth)[: len(worth) // 10]
    result["revenue_of_the_tenth_ranked_first"] = round(float(data.paid[share].sum() / data.paid.sum()), 4)
    spent = (data.history.frequency + 1) * data.history.mean_amount
    first = np.argsort(-spent)[: len(worth) // 10]
    result["the_same_by_past_spend"] = round(float(data.paid[first].sum() / data.paid.sum()), 4)
    return result


def _without_first(purchases: Purchases, customers: NDArray[np.int64], history: History) -> Floats:
    """Mean amount of each customer's purchases after the first day."""
    order = np.lexsort((purchases.days, purchases.customers))
    who, day, amount = purchases.customers[order], purchases.days[order], purchases.amounts[order]
    first = np.searchsorted(who, customers)
    place = np.searchsorted(customers, who)
    later = (day > day[first][place]) & (day <= (PUBLISHED_CUT - date(1970, 1, 1)).days)
    return np.bincount(place[later], amount[later], minlength=len(customers)) / np.maximum(history.frequency, 1)


def _spending(model: SpendingModel) -> dict[str, float]:
    told = {"p": model.p, "q": model.q, "v": model.gamma, "log_likelihood": model.log_likelihood, "mean": model.mean}
    return {name: round(value, 3) for name, value in told.items()}


def speed_of_fit(history: History, peer: Peer, turns: int) -> dict[str, float]:
    """Seconds of the same fit, BG/NBD without covariate or prior, in turns."""
    arrays = {"frequency": history.frequency, "recency": history.recency / WEEK, "age": history.age / WEEK}
    mine, theirs = [], []
    for _ in range(turns):
        begun = time.perf_counter()
        fit_purchasing(history, "bg/nbd", drawn=None, prior=False, most=len(history))
        mine.append(time.perf_counter() - begun)
        theirs.append(peer("bg/nbd", **arrays)["seconds"])
    ours, lifetimes = statistics.median(mine), statistics.median(theirs)
    return {"ours": round(ours, 4), "lifetimes": round(lifetimes, 4), "times_faster": round(lifetimes / ours, 1)}


def speed_of_score(purchases: Purchases, customers: int, turns: int) -> dict[str, Any]:
    """Seconds of CPU for so many customers, drawn from CDNOW's, and of one customer's update."""
    _, history = purchases.until(PUBLISHED_CUT)
    many = history.take(np.random.default_rng(1).integers(0, len(history), customers))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result: dict[str, Any] = {"customers": customers}
    result["fit_purchasing"], model = _timed(lambda: fit_purchasing(many))
    result["fit_spending"], spending = _timed(lambda: fit_spending(many))
    result["forecast_purchases"], _ = _timed(lambda: model.forecast(many, 365.0))
    result["forecast_amounts"], _ = _timed(lambda: spending.forecast(many))
    result["all"] = round(sum(value for name, value in result.items() if name != "customers"), 2)
    result["megabytes_more"] = round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    result["fit_of_everybody"], everybody = _timed(lambda: fit_purchasing(many, most=customers))
    deviation = np.sqrt(np.diag(np.array(model.covariance)))
    apart = np.log([model.r / everybody.r, model.alpha / everybody.alpha, model.a / everybody.a, model.b / everybody.b])
    result["sample_off_by_deviations"] = np.round(apart / deviation[:4], 2).tolist()
    ahead = [each.expected_purchases(many, 365.0).sum() for each in (model, everybody)]
    result["forecast_of_sample_off_by_percent"] = round(100 * (ahead[0] / ahead[1] - 1), 3)

    def one() -> History:
        return History(*map(np.atleast_1d, (12.0, 200.0, 230.0, 31.0)))

    result["one_customer_ms"] = _milliseconds(lambda: model.expected_purchases(one(), 365.0), turns)
    result["one_customer_with_intervals_ms"] = _milliseconds(lambda: model.forecast(one(), 365.0), turns)
    return result


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.process_time()
    result = work()
    return round(time.process_time() - begun, 2), result


def _milliseconds(work: Callable[[], Any], turns: int) -> float:
    work()
    taken = []
    for _ in range(turns):
        begun = time.process_time()
        for _ in range(100):
            work()
        taken.append((time.process_time() - begun) * 10)
    return round(statistics.median(taken), 3)


def recovery() -> dict[str, Any]:
    """Invented customers, with and without a chance to leave at once: are estimates as far off as they say?"""
    result = {}
    for name, chances in (("mbg/nbd", 1), ("bg/nbd", 0)):
        true = {"r": 0.6, "alpha": 40.0, "a": 0.8, "b": 2.5}
        data = invented(20_000, **true, age=700.0, ahead=365.0, chances=chances, seed=5)
        model = fit_purchasing(data.history, name)
        total = float(model.expected_purchases(data.history, data.horizon).sum())
        result[name] = {
            "off_by_deviations": {
                key: round(float(np.log(getattr(model, key) / value) / np.sqrt(model.covariance[n][n])), 2)
                for n, (key, value) in enumerate(true.items())
            },
            "total_error_percent": round(100 * (total / float(data.counts.sum()) - 1), 2),
            "inside_the_90_percent_interval": inside(model.counts(data.history, data.horizon), data.counts),
        }
    return result


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--turns", type=int, default=9)
    arguments.add_argument("--million", type=int, default=1_000_000)
    chosen = arguments.parse_args()
    sets = {name: cdnow(name) for name in ("sample", "master")}
    sample, master = sets["sample"], sets["master"]
    if sample is None or master is None:
        print(HINT)
        return
    peer = Peer()
    history = sample.until(PUBLISHED_CUT)[1]
    result: dict[str, Any] = {"published": published(fit_purchasing(history, "bg/nbd", drawn=None, prior=False))}
    for name, purchases in (("sample", sample), ("master", master)):
        data = HeldOut.of(purchases, PUBLISHED_CUT, END)
        result[f"forecasts, {name}"] = forecasts(data, peer, with_pareto=name == "sample")
        result[f"amounts, {name}"] = amounts(purchases, peer)
        result[f"fit, {name}"] = speed_of_fit(data.history, peer, chosen.turns)
        result[f"models, {name}"] = comparison(purchases, peer if name == "sample" else None)
        print(name, json.dumps({key: value for key, value in result.items() if name in key}, indent=1), flush=True)
    peer.close()
    result["small businesses, 100 customers"] = small_businesses(master, 100, 50)
    result["invented"] = recovery()
    result["score"] = speed_of_score(master, chosen.million, chosen.turns)
    rest = ("published", "small businesses, 100 customers", "invented", "score")
    print(json.dumps({key: result[key] for key in rest}, indent=1))
    target = ROOT / "bench" / "results" / "value.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
