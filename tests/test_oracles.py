"""Every metric of the catalogue against its reference; the disagreements are a checked list."""

import json
import math
import warnings
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import sklearn

from service.metrics.batch import Batch
from service.metrics.catalogue import TASKS, Metric
from tests.batches import DEGENERATE, RANDOM
from tests.cases import whole
from tests.oracles import ORACLES, WITHOUT_ORACLE

DISAGREEMENTS = json.loads((Path(__file__).parent / "data" / "disagreements.json").read_text())


def constant(values: Any) -> bool:
    return bool(values.min() == values.max())


def no_positives(batch: Batch) -> bool:
    return not (batch.truth | batch.predicted).any()


# The keys that rows of the file name in `when`.
WHEN = {
    "no_predicted_positives": lambda batch: not batch.predicted.any(),
    "no_predicted_negatives": lambda batch: batch.predicted.all(),
    "no_positive_labels": lambda batch: not batch.truth.any(),
    "no_negative_labels": lambda batch: batch.truth.all(),
    "no_positive_labels_but_scores": lambda batch: not batch.truth.any() and batch.scores is not None,
    "no_positives": no_positives,
    "single_class": lambda batch: constant(batch.truth),
    "single_class_but_scores": lambda batch: constant(batch.truth) and batch.scores is not None,
    "constant_predictions_of_two_classes": lambda batch: constant(batch.predicted) and not constant(batch.truth),
    "constant_and_equal": lambda batch: (
        constant(batch.truth | batch.predicted)
        and constant(batch.truth & batch.predicted)
        and bool((batch.truth == batch.predicted).all())
    ),
    "no_false_positives": lambda batch: not constant(batch.truth) and not (batch.predicted & ~batch.truth).any(),
    "no_true_negatives": lambda batch: not constant(batch.truth) and not (~batch.predicted & ~batch.truth).any(),
    "single_row": lambda batch: len(batch.truth) == 1,
    "constant_labels": lambda batch: len(batch.truth) > 1 and constant(batch.truth),
    "constant_labels_predicted": lambda batch: (
        len(batch.truth) > 1 and constant(batch.truth) and bool((batch.predicted == batch.truth).all())
    ),
    "constant_labels_missed": lambda batch: (
        len(batch.truth) > 1 and constant(batch.truth) and bool((batch.predicted != batch.truth).any())
    ),
    "constant_predictions": lambda batch: not constant(batch.truth) and constant(batch.predicted),
    "zero_label": lambda batch: bool((batch.truth == 0).any()),
}


class Comparison(NamedTuple):
    """Our value of one metric of one batch, the reason if there is none, and the reference's."""

    metric: Metric
    batch: Batch
    ours: float | None
    reason: str | None
    theirs: float | None

    @property
    def agree(self) -> bool:
        if self.ours is None or self.theirs is None:
            return self.ours is self.theirs
        span = self.metric.high - self.metric.low
        floor = 1e-3 * span if math.isfinite(span) else 1.0
        return abs(self.ours - self.theirs) <= 1e-12 * max(abs(self.theirs), floor)


@cache
def comparisons(task: str, corpus: str) -> list[Comparison]:
    batches = list(RANDOM[task](1000) if corpus == "random" else DEGENERATE[task]())
    found = []
    with (
        sklearn.config_context(assume_finite=True, skip_parameter_validation=True),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")  # the references warn where we say why a metric is undefined
        for batch in batches:
            answer = whole(task, batch, curves=False)
            for metric in TASKS[task].metrics:
                if metric.name in ORACLES[task]:
                    reason = answer["undefined"].get(metric.name, {}).get("reason")
                    theirs = ORACLES[task][metric.name](batch)
                    found.append(Comparison(metric, batch, answer["metrics"][metric.name], reason, theirs))
    return found


def as_listed(row: dict[str, Any], comparison: Comparison) -> bool:
    """Whether both sides give what the row says: we a null with its reason, they NaN, any number or one of some."""
    if comparison.theirs is None or comparison.reason != row["ours"]:
        return False
    if row["theirs"] in ("nan", "number"):
        return math.isnan(comparison.theirs) == (row["theirs"] == "nan")
    return comparison.theirs in row["theirs"]


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_has_an_oracle_or_a_written_reason(task):
    names = {metric.name for metric in TASKS[task].metrics}
    assert names == ORACLES[task].keys() | WITHOUT_ORACLE.get(task, {}).keys()
    assert all(WITHOUT_ORACLE.get(task, {}).values())
    assert not ORACLES[task].keys() & WITHOUT_ORACLE.get(task, {}).keys()


@pytest.mark.parametrize("corpus", ["random", "degenerate"])
@pytest.mark.parametrize("task", TASKS)
def test_every_metric_agrees_with_its_oracle_except_as_listed(task, corpus):
    wrong = []
    for comparison in comparisons(task, corpus):
        rows = [row for row in DISAGREEMENTS if (row["task"], row["metric"]) == (task, comparison.metric.name)]
        listed = [row for row in rows if WHEN[row["when"]](comparison.batch)]
        if not comparison.agree and not any(as_listed(row, comparison) for row in listed):
            batch = comparison.batch
            columns = [batch.truth, batch.predicted, batch.scores, batch.weight]
            wrong.append((comparison.metric.name, comparison.ours, comparison.reason, comparison.theirs, columns))
    assert not wrong, f"{len(wrong)} disagreements, the first: {wrong[:3]}"


@pytest.mark.parametrize("row", DISAGREEMENTS, ids=lambda row: f"{row['metric']}-{row['when']}")
def test_every_listed_disagreement_happens_wherever_it_is_said_to(row):
    applies = [
        comparison
        for comparison in comparisons(row["task"], "degenerate")
        if comparison.metric.name == row["metric"] and WHEN[row["when"]](comparison.batch)
    ]
    assert applies
    assert row["why"]
    assert all(as_listed(row, comparison) and not comparison.agree for comparison in applies)


@pytest.mark.parametrize("task", TASKS)
def test_the_corpora_are_large_and_mixed(task):
    rows = [comparisons(task, corpus) for corpus in ("random", "degenerate")]
    metrics = len(ORACLES[task])
    assert len(rows[0]) >= 1000 * metrics
    assert len(rows[1]) >= 200 * metrics
    for metric in TASKS[task].metrics:
        if metric.name in ORACLES[task]:
            defined = sum(c.ours is not None for c in rows[0] if c.metric is metric)
            assert defined >= 150, metric.name
