"""Intervals of several classes and labels: influences by finite differences, closed forms, the bootstrap, and laws."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm, t
from sklearn import metrics as sk

from service.evaluate import kinds_of, report, states_of
from service.metrics.batch import Batch, Reading
from service.metrics.catalogue import TASKS
from service.metrics.catalogue.parts import CLASS_ROWS
from service.metrics.class_area_states import ClassInfluences, LabelInfluences
from service.metrics.row import Metric
from tests import by_rows
from tests.cases import close, cut, text
from tests.of_classes import MADE, of_classes, of_labels, question_of, reported
from tests.tasks.multiclass import multiclass
from tests.tasks.multilabel import multilabel

TASK_NAMES = ("multiclass", "multilabel")
REASONS = {"too_few_rows", "single_positive", "single_class", "no_variation", "overflow", "biased_statistic"}
Z = norm.ppf(0.975)


def effective(weights: np.ndarray | None, rows: int) -> np.ndarray:
    """Weights whose sum is Kish's effective number of rows."""
    weights = np.ones(rows) if weights is None else weights
    return weights * weights.sum() / (weights**2).sum()


def wilson(share: float, size: float) -> tuple[float, float]:
    """The roots of (share - p)^2 = z^2 p (1 - p) / size."""
    low, high = np.sort(np.roots([1 + Z**2 / size, -2 * share - Z**2 / size, share**2]).real)
    return float(low), float(high)


def of_interval(found: dict[str, Any] | None) -> tuple[float, float]:
    assert found is not None
    return found["low"], found["high"]


def test_shares_of_each_class_and_of_all_rows_have_wilsons_interval():
    batch = of_classes(300, 3, 4)
    answer = reported(batch)
    right = batch.truth == batch.predicted
    for place, entry in enumerate(answer["per_class"]):
        true, chosen = batch.truth == place, batch.predicted == place
        either = true | chosen
        for name, rows, hit in (
            ("precision", chosen, true),
            ("recall", true, chosen),
            ("specificity", ~true, ~chosen),
            ("f1", either, true & chosen),
        ):
            limits = wilson(hit[rows].mean(), rows.sum())
            if name == "f1":
                limits = tuple(2 * limit / (1 + limit) for limit in limits)
            assert of_interval(entry["intervals"][name]) == pytest.approx(limits, rel=1e-9), name
        assert entry["effective_samples"] == true.sum()
    limits = wilson(right.mean(), len(right))
    for name in ("accuracy", "precision_micro", "recall_micro", "f1_micro", "f2_micro"):
        assert of_interval(answer["intervals"][name]) == pytest.approx(limits, rel=1e-9)
    of_jaccard = tuple(limit / (2 - limit) for limit in limits)
    assert of_interval(answer["intervals"]["jaccard_micro"]) == pytest.approx(of_jaccard, rel=1e-9)


def test_weights_have_an_effective_number_of_rows_of_each_class():
    batch = of_classes(300, 3, 5, weighted=True)
    for place, entry in enumerate(reported(batch)["per_class"]):
        weights = batch.weight[batch.truth == place]
        hit = (batch.predicted == place)[batch.truth == place]
        assert entry["effective_samples"] == pytest.approx(by_rows.kish(weights), rel=1e-12)
        _, *limits = by_rows.wilson(hit, weights, 0.95)
        assert of_interval(entry["intervals"]["recall"]) == pytest.approx(limits, rel=1e-9)


def test_a_class_without_labels_has_no_effective_rows():
    batch = multiclass([0, 1, 1], [[0.7, 0.2, 0.1]] * 3)
    assert [entry["effective_samples"] for entry in reported(batch)["per_class"]] == [1.0, 2.0, 0.0]


def test_balanced_accuracy_recovers_its_limits_from_those_of_the_recalls():
    batch = of_classes(200, 4, 6)
    parts = []
    for place in range(4):
        hit = (batch.predicted == place)[batch.truth == place]
        parts.append((hit.mean(), *wilson(hit.mean(), len(hit))))
    shares, lows, highs = np.array(parts).T
    below, above = (np.sqrt(np.sum((shares - limits) ** 2)) / 4 for limits in (lows, highs))
    found = of_interval(reported(batch)["intervals"]["balanced_accuracy"])
    assert found == pytest.approx((shares.mean() - below, shares.mean() + above), rel=1e-9)


def cells_of(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """The confusion matrix in effective rows, and the sums of their squares."""
    classes = batch.scores.shape[1]
    weights = effective(batch.weight, len(batch.truth))
    places = batch.truth * classes + batch.predicted
    sums = (np.bincount(places, part, classes**2).reshape(classes, classes) for part in (weights, weights**2))
    cells, squares = sums
    return cells, squares


def gradient(function: Callable[[np.ndarray], float], numbers: np.ndarray) -> np.ndarray:
    """By central differences."""
    slopes = np.empty(numbers.shape)
    for place in np.ndindex(numbers.shape):
        step = np.zeros(numbers.shape)
        step[place] = 1e-5
        slopes[place] = (function(numbers + step) - function(numbers - step)) / 2e-5
    return slopes


CORRELATIONS: dict[str, Callable[..., float]] = {
    "matthews_corrcoef": sk.matthews_corrcoef,
    "cohen_kappa": sk.cohen_kappa_score,
    "cohen_kappa_linear": lambda *rows, **by: sk.cohen_kappa_score(*rows, weights="linear", **by),
    "cohen_kappa_quadratic": lambda *rows, **by: sk.cohen_kappa_score(*rows, weights="quadratic", **by),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", CORRELATIONS)
@pytest.mark.parametrize("classes", [2, 4])
def test_correlations_have_the_delta_method_of_two_more_rows(name, classes, weighted):
    batch = of_classes(150, classes, 7, weighted=weighted)
    cells, squares = cells_of(batch)
    added = 2 / classes**2
    truth, predicted = np.divmod(np.arange(classes**2), classes)

    def value(numbers: np.ndarray) -> float:
        return float(CORRELATIONS[name](truth, predicted, sample_weight=numbers.ravel()))

    variance = np.sum((squares + added) * gradient(value, cells + added) ** 2)
    centre = value(cells + added)
    reach = Z * np.sqrt(variance) / (1 - centre**2)
    expected = np.tanh(np.arctanh(centre) + np.array([-reach, reach]))
    assert of_interval(reported(batch)["intervals"][name]) == pytest.approx(expected, rel=1e-6)


# From true positives, false positives and false negatives.
RATIOS: dict[str, Callable[..., Any]] = {
    "precision": lambda tp, fp, _: tp / (tp + fp),
    "recall": lambda tp, _, fn: tp / (tp + fn),
    "f1": lambda tp, fp, fn: 2 * tp / (2 * tp + fp + fn),
    "f2": lambda tp, fp, fn: 5 * tp / (5 * tp + fp + 4 * fn),
    "jaccard": lambda tp, fp, fn: tp / (tp + fp + fn),
}


def average_by_counts(name: str, counts: np.ndarray, shares: np.ndarray | None, seen: np.ndarray) -> float:
    """The average of a ratio of each class; `shares` are their labels, None for the plain mean."""
    ratios = np.where(seen, RATIOS[name](*(counts + 0.5)), 0.0)
    return float(ratios.mean() if shares is None else np.average(ratios, weights=shares))


def slopes_of_average(name: str, counts: np.ndarray, *, weighted: bool) -> np.ndarray:
    """The slopes of an average by the true positives, false positives and false negatives of each class."""
    seen = counts.sum(axis=0) > 0

    def value(numbers: np.ndarray) -> float:
        return average_by_counts(name, numbers, numbers[0] + numbers[2] if weighted else None, seen)

    return gradient(value, counts)


def on_logit(value: float, variance: float, alone: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The limits of an average whose classes have these variances alone, and so many effective rows."""
    variance += np.sum(alone[1])
    margin = min(0.5, np.sqrt(variance / 2))
    centre = np.clip(value, margin, 1 - margin)
    of_class = alone.sum(axis=0)
    critical = t.ppf(0.975, of_class.sum() ** 2 / np.sum(of_class**2 / np.maximum(rows - 1, 1)))
    return expit(logit(centre) + critical * np.sqrt(variance) / (centre * (1 - centre)) * np.array([-1, 1]))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("name", RATIOS)
def test_averages_over_classes_have_the_delta_method_of_one_multinomial(name, average, weighted):
    batch = of_classes(150, 4, 8, weighted=weighted)
    cells, squares = cells_of(batch)
    hits = np.diag(cells)
    counts = np.array([hits, cells.sum(axis=0) - hits, cells.sum(axis=1) - hits])
    slopes = slopes_of_average(name, counts, weighted=average == "weighted")
    tp, fp, fn = slopes
    influence = np.where(np.eye(4) > 0, tp, fn[:, None] + fp)
    hits2 = np.diag(squares)
    counts2 = np.array([hits2, squares.sum(axis=0) - hits2, squares.sum(axis=1) - hits2])
    alone = np.array([np.sum(counts2 * slopes**2, axis=0), 0.5 * np.sum(slopes**2, axis=0)])
    answer = reported(batch)
    rows = cells.sum(axis=1) ** 2 / squares.sum(axis=1)
    expected = on_logit(answer["metrics"][f"{name}_{average}"], np.sum(squares * influence**2), alone, rows)
    assert of_interval(answer["intervals"][f"{name}_{average}"]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("name", ["precision", "recall", "f1", "jaccard"])
@pytest.mark.parametrize("labels", [3, 9])
def test_averages_over_labels_count_a_row_with_all_its_labels(name, average, weighted, labels):
    batch = of_labels(150, labels, 9, weighted=weighted)
    weights = effective(batch.weight, len(batch.truth))[:, None]
    kinds = [batch.truth & batch.predicted, ~batch.truth & batch.predicted, batch.truth & ~batch.predicted]
    counts = np.array([(weights * kind).sum(axis=0) for kind in kinds])
    slopes = slopes_of_average(name, counts, weighted=average == "weighted")
    influence = sum((kind * slope).sum(axis=1) for kind, slope in zip(kinds, slopes, strict=True))
    counts2 = np.array([(weights**2 * kind).sum(axis=0) for kind in kinds])
    alone = np.array([np.sum(counts2 * slopes**2, axis=0), 0.5 * np.sum(slopes**2, axis=0)])
    rows = (counts[0] + counts[2]) ** 2 / (counts2[0] + counts2[2])
    answer = reported(batch)
    variance = np.sum((weights[:, 0] * influence) ** 2)
    expected = on_logit(answer["metrics"][f"{name}_{average}"], variance, alone, rows)
    assert of_interval(answer["intervals"][f"{name}_{average}"]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["precision", "recall", "f1", "jaccard"])
def test_micro_averages_over_labels_are_ratios_of_sums_over_rows(name, weighted):
    batch = of_labels(200, 4, 10, weighted=weighted)
    weights = np.ones(200) if batch.weight is None else batch.weight
    hits, truth, predicted = (
        side.sum(axis=1) for side in (batch.truth & batch.predicted, batch.truth, batch.predicted)
    )
    whole = {"precision": predicted, "recall": truth}.get(name, truth + predicted - hits)
    share = np.sum(weights * hits) / np.sum(weights * whole)
    variance = np.sum((weights * (hits - share * whole)) ** 2) / np.sum(weights * whole) ** 2
    most = np.sum(weights * whole) ** 2 / np.sum(weights**2 * whole)
    limits = wilson(share, min(share * (1 - share) / variance, most))
    if name == "f1":
        limits = tuple(2 * limit / (1 + limit) for limit in limits)
    assert of_interval(reported(batch)["intervals"][f"{name}_micro"]) == pytest.approx(limits, rel=1e-9)


@pytest.mark.parametrize("task", TASK_NAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_intervals_change_no_value(task, weighted):
    for rows, width, decimals in ((40, 3, 0), (3000, 30, 9), (9, 5, 1)):
        batch = MADE[task](rows, width, 11, decimals=decimals, weighted=weighted)
        ours, theirs = (reported(batch, intervals=asked) for asked in (True, False))
        assert text(ours["metrics"]) == text(theirs["metrics"])
        names = [row.name for row in CLASS_ROWS]
        assert [[entry[name] for name in names] for entry in ours["per_class"]] == [
            [entry[name] for name in names] for entry in theirs["per_class"]
        ]


@pytest.mark.parametrize("task", TASK_NAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_neither_order_nor_parts_of_many_blocks_show(task, weighted):
    batch = MADE[task](9000, 12, 12, decimals=2, weighted=weighted)
    whole = text(reported(batch))
    order = np.random.default_rng(1).permutation(9000)
    assert text(reported(batch.rows(order))) == whole
    assert text(reported(*cut(batch.rows(order[::-1]), [10, 4000, 4001]))) == whole


@pytest.mark.parametrize("task", TASK_NAMES)
@pytest.mark.parametrize("exponent", [-900, -40, 3, 900])
def test_a_power_of_two_on_all_weights_changes_no_limit(task, exponent):
    batch = MADE[task](500, 6, 13, weighted=True)
    scaled = replace(batch, weight=np.ldexp(batch.weight, exponent))
    names = [row.name for row in TASKS[task].metrics]
    exact = abs(exponent) < 100
    ours, theirs = reported(scaled), reported(batch)
    for name in names:
        if exact or theirs["intervals"][name] is None or ours["intervals"][name] is not None:
            assert text(ours["intervals"][name]) == text(theirs["intervals"][name]), name
        else:  # squares of the weights of rows leave the range of float64
            assert ours["undefined"][f"intervals.{name}"]["reason"] == "overflow", name


@pytest.mark.parametrize("task", TASK_NAMES)
def test_counts_are_repetitions_in_the_whole_report(task):
    batch = MADE[task](200, 5, 14, decimals=1)
    counts = np.random.default_rng(2).integers(1, 5, 200)
    counted = reported(replace(batch, weight=counts.astype(float)), counts=True)
    assert close(counted, reported(batch.rows(np.repeat(np.arange(200), counts))))


def test_rows_without_labels_are_counted_with_what_their_weights_count():
    batch = multilabel([[0, 0], [1, 0], [0, 0]], [[0.1, 0.2]] * 3, [2.0, 3.0, 4.0])
    assert reported(batch, counts=True)["rows_without_labels"] == 6
    assert reported(batch)["rows_without_labels"] == 2


def degenerate(task: str) -> Iterator[Batch]:
    """Perfect and inverted predictions, one row, absent classes, equal scores, few rows, a rare class, one cluster."""
    for rows, width in product((1, 2, 3, 12, 60), (2, 4)):
        if task == "multiclass":
            truth = np.arange(rows) % width
            sides = [np.eye(width), np.roll(np.eye(width), 1, axis=1), np.full((width, width), 1 / width)]
            yield from (multiclass(truth, side[truth]) for side in sides)
            yield from (multiclass(np.minimum(truth, 1), side[truth]) for side in sides)
            yield multiclass(0 * truth, np.eye(width)[truth])
            yield multiclass((np.arange(rows) == 0) * 1, np.eye(width)[truth], np.arange(rows) + 0.5)
        else:
            truth = (np.arange(rows)[:, None] + np.arange(width)) % 3 == 0
            for labels in (truth, 0 * truth, 0 * truth + 1, np.repeat(truth[:, :1], width, axis=1)):
                held = labels.astype(bool)
                yield from (multilabel(held, scores) for scores in (held * 1.0, 1.0 - held, 0.5 + 0 * held))
                yield multilabel(held, held * 0.6 + 0.2 * truth, np.arange(rows) + 0.5)


@pytest.mark.parametrize("task", TASK_NAMES)
def test_degenerate_rows_have_honest_intervals_or_a_reason(task):
    metrics = {metric.name: metric for metric in TASKS[task].metrics}
    of_class = {row.name: row for row in CLASS_ROWS if isinstance(row, Metric)}
    for batch in degenerate(task):
        answer = reported(batch)
        tables = [(metrics, answer["metrics"], answer["intervals"], answer["undefined"])]
        tables += [(of_class, entry, entry["intervals"], entry["undefined"]) for entry in answer["per_class"]]
        for rows, values, limits, reasons in tables:
            for name, metric in rows.items():
                value, found = values[name], limits[name]
                if found is None:
                    assert value is None or reasons[f"intervals.{name}"]["reason"] in REASONS, name
                else:
                    assert metric.low <= found["low"] <= value <= found["high"] <= metric.high, name
                    assert found["low"] < found["high"], name


DRAWS = 500
# No row is beyond the fifth place of four, and these three have a test of their own.
APART = {"top_5_accuracy", "spiegelhalter_z", "calibration_slope", "calibration_intercept"}


@pytest.mark.long
@pytest.mark.parametrize("task", TASK_NAMES)
def test_widths_agree_with_a_bootstrap_of_rows(task):
    batch = MADE[task](400, 4, 15)
    answer = reported(batch)
    names = tuple(name for name, found in answer["intervals"].items() if found and name not in APART)
    assert len(names) > 20
    question, reading = question_of(batch), Reading(names, intervals=False)
    kinds = kinds_of(question, reading)
    rng = np.random.default_rng(3)
    drawn = []
    for _ in range(DRAWS):
        counts = np.bincount(rng.integers(0, 400, 400), minlength=400)
        part = replace(batch, weight=counts.astype(float)).rows(np.flatnonzero(counts))
        found = report(states_of(part, question, kinds), question, reading)["metrics"]
        drawn.append([found[name] for name in names])
    for name, deviation in zip(names, np.std(drawn, axis=0), strict=True):
        ours = answer["intervals"][name]
        assert ours["high"] - ours["low"] == pytest.approx(2 * Z * deviation, rel=0.15), name


@pytest.mark.parametrize("task", TASK_NAMES)
def test_without_intervals_no_influence_is_asked_for(task):
    question = question_of(MADE[task](10, 3, 16))
    names = tuple(TASKS[task].names(question))
    asked, spared = (set(kinds_of(question, Reading(names, intervals=wanted))) for wanted in (True, False))
    assert asked & {ClassInfluences, LabelInfluences}
    assert not spared & {ClassInfluences, LabelInfluences}
