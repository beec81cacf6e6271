"""What so many rows hold on average: the counts that metrics read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from service.metrics.batch import Batch, Question, Reading


@dataclass(frozen=True)
class Expected:
    """Rows, and for each class those that are hits, labelled and predicted; in a binary task of the positive class.

    `right` are the rows that are predicted right in all. `outlying` are by metric of a ranking the queries above its
    least value, or those below its largest if they are fewer; by pinball loss the rows above the predicted quantile, or
    those below it if they are fewer; by partial area the negative rows within it.
    """

    rows: float
    right: float = 0.0
    hits: Any = 0.0
    truth: Any = 0.0
    predicted: Any = 0.0
    outlying: Mapping[str, float] = field(default_factory=dict)

    def times(self, rows: float) -> "Expected":
        """What so many times the rows hold."""
        counts = (self.rows, self.right, self.hits, self.truth, self.predicted)
        outlying = {name: rows * count for name, count in self.outlying.items()}
        return Expected(*(rows * count for count in counts), outlying)

    def of_class(self, position: int) -> "Expected":
        """Of one class against all others."""
        hits, truth, predicted = (count[position] for count in (self.hits, self.truth, self.predicted))
        return Expected(self.rows, 0.0, hits, truth, predicted)

    @property
    def pooled(self) -> "Expected":
        """Of the pairs of a row and a class."""
        rows = self.rows * np.size(self.truth)
        return Expected(rows, 0.0, *(np.sum(count) for count in (self.hits, self.truth, self.predicted)))

    @property
    def tp(self) -> Any:
        return self.hits

    @property
    def fp(self) -> Any:
        return self.predicted - self.hits

    @property
    def fn(self) -> Any:
        return self.truth - self.hits

    @property
    def tn(self) -> Any:
        return self.rows - self.truth - self.predicted + self.hits


def per_row(batch: Batch, question: Question, reading: Reading, per_query: list[dict[str, Any]] | None) -> Expected:
    """What one row (query) of a population holds on average."""
    if question.task == "regression":
        if batch.scores is None:
            return Expected(1.0)
        crossing = np.mean((np.diff(batch.scores, axis=1) < 0).any(axis=1))
        above = np.mean(batch.truth[:, None] > batch.scores, axis=0)
        names = (f"pinball_loss_at_{level}".replace(".", "_") for level in question.quantiles)
        outlying = dict(zip(names, np.minimum(above, 1 - above), strict=True))
        return Expected(1.0, right=1.0 - crossing, outlying=outlying)
    if per_query is not None:
        relevant = [row for row in per_query if row["relevant"]]
        columns = {name: np.array([row[name] for row in relevant]) for name in per_query[0]}
        share = len(relevant) / len(per_query)
        outlying = {name: share * min(np.mean(c > 0), np.mean(c < 1)) for name, c in columns.items()}
        return Expected(share, outlying=outlying)
    truth, predicted = batch.truth, batch.predictions
    if question.task == "multiclass":
        right = truth == predicted
        truth, predicted = (np.arange(len(question.classes)) == column[:, None] for column in (truth, predicted))
    else:
        right = (truth == predicted).reshape(len(truth), -1).all(axis=1)
    counts = [np.mean(rows, axis=0) for rows in (truth & predicted, truth, predicted)]
    outlying = {"partial_roc_auc": reading.max_fpr * np.mean(~truth)}
    return Expected(1.0, right.mean(), *counts, outlying)
