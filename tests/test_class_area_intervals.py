"""What each row does to areas over classes and labels, by finite differences."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from service.candidates import Candidate
from service.metrics import pooled
from service.metrics.batch import Batch, Reading
from service.metrics.class_area_states import LabelInfluences
from tests.of_classes import of_classes, of_labels, question_of, value_of


def slopes_by_row(batch: Batch, metric: str) -> np.ndarray:
    """What a relative change of the weight of each row does to a metric, by central differences."""
    weights = np.ones(len(batch.truth)) if batch.weight is None else batch.weight

    def moved(row: int, by: float) -> float:
        changed = weights.copy()
        changed[row] *= 1 + by
        return value_of(replace(batch, weight=changed), metric)

    step = 1e-4
    return np.array([(moved(row, step) - moved(row, -step)) / (2 * step) for row in range(len(weights))])


VARIANTS = list(product([9, 0], [False, True]))
AREAS_OF_CLASSES = (
    "roc_auc_ovr",
    "roc_auc_ovr_weighted",
    "roc_auc_ovo",
    "roc_auc_ovo_weighted",
    "average_precision_macro",
)


@pytest.mark.parametrize(("decimals", "weighted"), VARIANTS)
@pytest.mark.parametrize("metric", AREAS_OF_CLASSES)
def test_influences_of_rows_on_areas_of_classes_are_slopes(metric, decimals, weighted):
    batch = of_classes(23, 4, 1, decimals=decimals, weighted=weighted)
    candidate = Candidate("one", batch, question_of(batch), Reading((metric,)))
    (row,) = candidate.metrics
    found = candidate.influence(row).values * candidate.shares.shares
    assert found == pytest.approx(slopes_by_row(batch, metric), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("decimals", "weighted"), VARIANTS)
@pytest.mark.parametrize("labels", [1, 3])
def test_influences_of_rows_on_areas_of_labels_are_slopes(labels, decimals, weighted):
    batch = of_labels(23, labels, 2, decimals=decimals, weighted=weighted)
    moves = LabelInfluences.of(batch, question_of(batch)).moves
    for metric, found in (
        ("roc_auc_macro", moves.roc / labels),
        ("average_precision_macro", moves.precision / labels),
        ("roc_auc_micro", moves.pooled_roc),
        ("average_precision_micro", moves.pooled_precision),
    ):
        assert found == pytest.approx(slopes_by_row(batch, metric), rel=1e-6, abs=1e-9), metric


def test_few_scores_of_many_pairs_tell_the_variance(monkeypatch):
    batch = of_labels(6000, 20, 3)
    few, path = LabelInfluences.of(batch, question_of(batch)), pooled.Path()
    pooled.tallied(few.pairs, path.add)
    assert len(path.kept.reached) < batch.truth.sum() / 4
    monkeypatch.setattr(pooled, "PATH_STEPS", 1 << 30)
    every = LabelInfluences.of(batch, question_of(batch))
    for name in ("pooled_roc", "pooled_precision"):
        ours, exact = (side.variance(getattr(side.moves, name)) for side in (few, every))
        assert ours == pytest.approx(exact, rel=2e-3), name
