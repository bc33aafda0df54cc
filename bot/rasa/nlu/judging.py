"""Texts as tf-idf features, and what is judged by them. Knows no Rasa.

Words and word pairs, and characters within words (2 to 5), sublinear tf-idf, L2; a logistic regression for each thing to judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression


class Features:
    """tf-idf over words (1-2) and characters within words (2-5), each of the two scaled to length 1.

    Fitted by scikit-learn; a single message is then weighed here, since scikit-learn's own `transform` spends most of
    its time on checks that are for matrices. A test holds the two to the same numbers.
    """

    def __init__(self) -> None:
        shared = {"sublinear_tf": True, "lowercase": True, "dtype": np.float32}
        self._views = [
            TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", **shared),  # noqa: S106
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **shared),
        ]

    def fit(self, texts: Sequence[str]) -> csr_matrix:
        rows = hstack([view.fit_transform(texts) for view in self._views]).tocsr()
        self._prepare()
        return rows

    def __getstate__(self) -> dict[str, Any]:
        return {"_views": self._views}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._views = state["_views"]
        self._prepare()

    def _prepare(self) -> None:
        # (terms of a text, column of a term, weight of a column): scikit-learn works out the last anew at each access.
        self._ready = [(view.build_analyzer(), view.vocabulary_, view.idf_) for view in self._views]

    def of(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """(columns, weights) of one text; empty when nothing in it was ever seen."""
        columns: list[int] = []
        weights: list[np.ndarray] = []
        offset = 0
        for analyze, known, idf in self._ready:
            counts = Counter(known[term] for term in analyze(text) if term in known)
            if counts:
                here = np.fromiter(counts, dtype=np.int64)
                weight = (1 + np.log(np.fromiter(counts.values(), dtype=np.float32))) * idf[here]
                weights.append(weight / np.linalg.norm(weight))
                columns.extend(here + offset)
            offset += len(known)
        return np.array(columns, dtype=np.int64), np.concatenate(weights or [np.zeros(0)]).astype(np.float32)


class Judge:
    """A logistic regression over the features, answering with (label, probability), likeliest first."""

    def __init__(self, features: csr_matrix, labels: Sequence[str], balanced: bool = False) -> None:
        if len(set(labels)) == 1:  # nothing to tell apart, such as the languages of a business that speaks one
            self.labels = [labels[0]]
            self._weights, self._bias = np.zeros((features.shape[1], 1), np.float32), np.zeros(1, np.float32)
            return
        # scikit-learn sums the gradient over the examples, so what is near enough to nothing grows with them; fitting to its
        # own, fixed limit takes thrice as long and judges the same.
        near_enough = 1e-4 * len(labels)
        weight = "balanced" if balanced else None
        model = LogisticRegression(C=20, max_iter=1000, tol=near_enough, class_weight=weight)
        model.fit(features, labels)
        self.labels = [str(label) for label in model.classes_]
        self._weights = np.ascontiguousarray(model.coef_.T.astype(np.float32))
        self._bias = model.intercept_.astype(np.float32)

    def __call__(self, columns: np.ndarray, weights: np.ndarray) -> list[tuple[str, float]]:
        scores = weights @ self._weights[columns] + self._bias
        if len(self.labels) == 2:  # two classes have one set of weights
            scores = np.array([0.0, scores[0]])
        raised = np.exp(scores - scores.max())
        raised /= raised.sum()
        return [(self.labels[i], float(raised[i])) for i in np.argsort(-raised)]


class Nearest:
    """How similar a text is to the most similar training example: the mean cosine of the two views, 0 to 1."""

    def __init__(self, examples: csr_matrix) -> None:
        self._by_column = examples.T.tocsr()

    def __call__(self, columns: np.ndarray, weights: np.ndarray) -> float:
        similar = self._by_column[columns].T @ weights
        return float(similar.max()) / 2
