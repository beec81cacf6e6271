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
from service.metrics.catalogue import TASKS
from service.metrics.row import Metric
from tests.cases import metrics_of, rows_asked_for, whole
from tests.tasks import KNOWN

DISAGREEMENTS = json.loads((Path(__file__).parent / "data" / "disagreements.json").read_text())
# Metrics without a reference, each with the reason.
WITHOUT_ORACLE: dict[str, dict[str, str]] = {}


# So many random batches, of every kind of scores and of weights, meet the library even where a reference is exact.
MEET_THE_LIBRARY = 100

each_task = pytest.mark.parametrize("task", KNOWN)


class Comparison(NamedTuple):
    """Our value of one metric of one batch, the reason if there is none, and the reference's, perhaps an exact one."""

    metric: Metric
    batch: Batch
    ours: float | None
    reason: str | None
    theirs: float | None
    exact: bool

    @property
    def agree(self) -> bool:
        if self.ours is None or self.theirs is None:
            return self.ours is self.theirs
        span = self.metric.high - self.metric.low
        floor = 1e-3 * span if math.isfinite(span) else 1.0
        return abs(self.ours - self.theirs) <= 1e-12 * max(abs(self.theirs), floor)


@cache
def comparisons(task: str, corpus: str) -> list[Comparison]:
    batches = list(KNOWN[task].random(1000) if corpus == "random" else KNOWN[task].degenerate())
    found = []
    with (
        sklearn.config_context(assume_finite=True, skip_parameter_validation=True),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")  # the references warn where we say why a metric is undefined
        for number, batch in enumerate(batches):
            answer = whole(task, batch, curves=False, intervals=False)
            for metric in metrics_of(task):
                ours, reason = answer["metrics"][metric.name], answer["undefined"].get(metric.name, {}).get("reason")
                exact = KNOWN[task].exact.get(metric.name)
                if exact:
                    found.append(Comparison(metric, batch, ours, reason, exact(batch), exact=True))
                library = KNOWN[task].oracles.get(metric.name)
                if library and not (exact and corpus == "random" and number >= MEET_THE_LIBRARY):
                    found.append(Comparison(metric, batch, ours, reason, library(batch), exact=False))
    return found


def as_listed(row: dict[str, Any], comparison: Comparison) -> bool:
    """Whether both sides give what the row says: we a null with its reason, they NaN, any number or one of some.

    An exact reference has nothing to disagree about.
    """
    if comparison.exact or comparison.theirs is None or comparison.reason != row["ours"]:
        return False
    if row["theirs"] in ("nan", "number"):
        return math.isnan(comparison.theirs) == (row["theirs"] == "nan")
    return comparison.theirs in row["theirs"]


@each_task
def test_every_metric_has_an_oracle_or_a_written_reason(task):
    names = {metric.name for metric in metrics_of(task)}
    assert names == KNOWN[task].oracles.keys() | WITHOUT_ORACLE.get(task, {}).keys()
    assert all(WITHOUT_ORACLE.get(task, {}).values())
    assert not KNOWN[task].oracles.keys() & WITHOUT_ORACLE.get(task, {}).keys()


@pytest.mark.parametrize("task", TASKS)
def test_every_row_of_the_catalogue_is_asked_for(task):
    assert {row for _, _, row in rows_asked_for(task)} == {metric.name for metric in TASKS[task].metrics}


@pytest.mark.parametrize("corpus", [pytest.param("random", marks=pytest.mark.long), "degenerate"])
@each_task
def test_every_metric_agrees_with_its_oracle_except_as_listed(task, corpus):
    assert_mixed(task, corpus)
    wrong = []
    for comparison in comparisons(task, corpus):
        key = KNOWN[task].question.task, comparison.metric.name
        rows = [row for row in DISAGREEMENTS if (row["task"], row["metric"]) == key]
        listed = [row for row in rows if KNOWN[task].when[row["when"]](comparison.batch)]
        if not comparison.agree and not any(as_listed(row, comparison) for row in listed):
            batch = comparison.batch
            columns = [batch.truth, batch.predicted, batch.scores, batch.weight]
            wrong.append((comparison.metric.name, comparison.ours, comparison.reason, comparison.theirs, columns))
    assert not wrong, f"{len(wrong)} disagreements, the first: {wrong[:3]}"


def assert_mixed(task, corpus):
    """The corpus is large, and its metrics have values often enough."""
    least, least_defined = {"random": (1000, 150), "degenerate": (200, 0)}[corpus]
    defined: dict[str, dict[int, bool]] = {name: {} for name in KNOWN[task].oracles}
    for comparison in comparisons(task, corpus):
        defined[comparison.metric.name][id(comparison.batch)] = comparison.ours is not None
    for name, batches in defined.items():
        assert len(batches) >= least, name
        assert sum(batches.values()) >= least_defined, name


@pytest.mark.parametrize("task", TASKS)
def test_every_listed_disagreement_happens_wherever_it_is_said_to(task):
    for row in (row for row in DISAGREEMENTS if row["task"] == task):
        applies = [
            comparison
            for comparison in comparisons(task, "degenerate")
            if comparison.metric.name == row["metric"]
            and not comparison.exact
            and KNOWN[task].when[row["when"]](comparison.batch)
        ]
        assert applies, row
        assert row["why"], row
        assert all(as_listed(row, comparison) and not comparison.agree for comparison in applies), row
