"""Runs in the environment of Lifetimes, not ours: fits what it is told on each line of its input, answers a line of JSON."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from lifetimes import BetaGeoFitter, GammaGammaFitter, ParetoNBDFitter


def main() -> None:
    for line in sys.stdin:
        told = json.loads(line)
        if told["fitter"] == "gamma-gamma":
            print(json.dumps(_spending(told)), flush=True)
        else:
            print(json.dumps(_purchasing(told)), flush=True)


def _purchasing(told: dict) -> dict:
    frequency, recency, age = (np.array(told[name]) for name in ("frequency", "recency", "age"))
    fitter = {"bg/nbd": BetaGeoFitter, "pareto/nbd": ParetoNBDFitter}[told["fitter"]]()
    begun = time.perf_counter()
    fitter.fit(frequency, recency, age)
    seconds = time.perf_counter() - begun
    answer = {"seconds": seconds, "parameters": fitter.params_.to_dict()}
    answer["log_likelihood"] = -float(fitter._negative_log_likelihood_) * len(frequency)
    if told.get("horizon"):
        ahead = fitter.conditional_expected_number_of_purchases_up_to_time(told["horizon"], frequency, recency, age)
        answer["expected"] = np.asarray(ahead).tolist()
    return answer


def _spending(told: dict) -> dict:
    frequency, amount = np.array(told["frequency"]), np.array(told["amount"])
    fitter = GammaGammaFitter()
    begun = time.perf_counter()
    fitter.fit(frequency, amount)
    seconds = time.perf_counter() - begun
    expected = fitter.conditional_expected_average_profit(np.array(told["of_frequency"]), np.array(told["of_amount"]))
    return {"seconds": seconds, "parameters": fitter.params_.to_dict(), "expected": np.asarray(expected).tolist()}


if __name__ == "__main__":
    main()
