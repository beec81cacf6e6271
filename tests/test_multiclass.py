"""Reports on several classes: each class is a binary task, and no order of the classes shows."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from service.evaluate import kinds_of, report, states_of
from service.metrics.batch import Batch, Question, Reading, without_zero_weights
from service.metrics.catalogue import TASKS
from service.metrics.catalogue.parts import CLASS_ROWS
from service.metrics.sweep_states import Sweep
from tests.cases import close, metrics_of, text, whole
from tests.tasks import KNOWN
from tests.tasks.binary import binary
from tests.tasks.known import EXAMPLES, GRID, REAL, TENTHS, UNIT, WHOLE
from tests.tasks.multiclass import (
    CLASSES,
    EIGHTHS,
    HARD_ROW,
    LABELS,
    NARROW,
    SIZE,
    multiclass,
    multiclass_batches,
    random_multiclass,
    tied,
)

SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
FAIR = multiclass_batches(weights=[None, WHOLE, REAL])
METRICS = [metric.name for metric in TASKS["multiclass"].metrics]
# Metrics of ordered classes, which another order changes.
OF_ORDER = {"cohen_kappa_linear", "cohen_kappa_quadratic"}


def reported(batch: Batch, classes: tuple[Any, ...], metrics: list[str] = METRICS, **options: Any) -> dict[str, Any]:
    """The report of the batch with these classes."""
    question, reading = Question("multiclass", classes), Reading(tuple(metrics), **options)
    return report(states_of(without_zero_weights(batch), question, kinds_of(question, reading)), question, reading)


def against_others(batch: Batch, place: int) -> Batch:
    """The binary batch of being this class."""
    scores = None if batch.scores is None else batch.scores[:, place]
    return binary(batch.truth == place, scores, batch.weight, batch.predicted == place)


@SETTINGS
@given(multiclass_batches())
def test_each_class_is_a_binary_task_against_all_others(batch):
    entries = whole("multiclass", batch)["per_class"]
    assert [entry["class"] for entry in entries] == LABELS
    for place, entry in enumerate(entries):
        alone = whole("binary", against_others(batch, place))
        cells = alone["confusion_matrix"]
        assert entry["support"] == pytest.approx(cells["tp"] + cells["fn"], rel=1e-15)
        assert entry["predicted"] == pytest.approx(cells["tp"] + cells["fp"], rel=1e-15)
        names = {row.name for row in CLASS_ROWS} - {"support", "predicted", "effective_samples"}
        assert names <= alone["metrics"].keys()
        assert close(entry["effective_samples"], alone["class_effective_samples"][1])
        for name in names:
            assert close(entry[name], alone["metrics"][name]), name
            assert close(entry["intervals"][name], alone["intervals"][name], 1e-9), name
            for key in (name, f"intervals.{name}"):
                assert entry["undefined"].get(key) == alone["undefined"].get(key), key


@SETTINGS
@given(multiclass_batches(scoreless=False), st.integers(10, 30))
def test_the_curves_of_each_class_are_those_of_its_binary_task(batch, points):
    entries = whole("multiclass", batch, curve_points=points)["curves"]["per_class"]
    assert [entry["class"] for entry in entries] == LABELS
    for place, entry in enumerate(entries):
        alone = whole("binary", against_others(batch, place), curve_points=points)
        assert entry.keys() - {"class", "undefined"} == alone["curves"].keys()
        for name, curve in alone["curves"].items():
            assert text(entry[name]) == text(curve)
            assert entry["undefined"].get(name) == alone["undefined"].get(f"curves.{name}")


@SETTINGS
@given(multiclass_batches())
def test_the_matrix_counts_row_by_row(batch):
    matrix = whole("multiclass", batch)["confusion_matrix"]
    weights = [1] * len(batch.truth) if batch.weight is None else batch.weight.tolist()
    cells: Counter[tuple[int, int]] = Counter()
    for true, chosen, weight in zip(batch.truth.tolist(), batch.predicted.tolist(), weights, strict=True):
        cells[true, chosen] += Fraction(weight)
    assert matrix["classes"] == LABELS
    for true, row in enumerate(matrix["matrix"]):
        support = sum(cells[true, chosen] for chosen in CLASSES)
        assert row == [float(cells[true, chosen]) for chosen in CLASSES]
        shares = matrix["normalized"][true]
        if support:
            assert shares == pytest.approx([float(cells[true, chosen] / support) for chosen in CLASSES], rel=1e-15)
        else:
            assert shares is None


def test_cells_are_integers_where_all_weights_are():
    batch = multiclass([0, 1, 1], None, None, [0, 1, 2])
    assert text(whole("multiclass", batch)["confusion_matrix"]["matrix"][1]) == "[0, 1, 1, 0]"
    halves = replace(batch, weight=np.array([1.0, 0.5, 2.0]))
    assert text(whole("multiclass", halves)["confusion_matrix"]["matrix"][1]) == "[0.0, 0.5, 2.0, 0.0]"


@SETTINGS
@given(multiclass_batches())
def test_absent_classes_are_in_neither_labels_nor_predictions(batch):
    kept = slice(None) if batch.weight is None else batch.weight > 0
    seen = {*batch.truth[kept].tolist(), *batch.predicted[kept].tolist()}
    assert whole("multiclass", batch)["absent_classes"] == [label for label in LABELS if label not in seen]


def moved_classes(batch: Batch, order: list[int]) -> Batch:
    """The batch with its classes, and their columns, in another order."""
    places = np.argsort(order)
    scores = None if batch.scores is None else np.ascontiguousarray(batch.scores[:, order])
    return replace(batch, truth=places[batch.truth], predicted=places[batch.predicted], scores=scores)


def of_top_label(name: str) -> bool:
    """Whether the metric reads the largest score of a row, of which a tie takes the first."""
    return any(
        issubclass(kind, Sweep) for metric in metrics_of("multiclass") for kind in metric.states if metric.name == name
    )


def check_order(batch: Batch, order: list[int], ignored: set[str]) -> None:
    ours, theirs = reported(batch, CLASSES), reported(moved_classes(batch, order), tuple(order))
    assert theirs["classes"] == order
    for part in ("metrics", "undefined", "baselines"):
        once, again = ({k: v for k, v in one[part].items() if k not in ignored} for one in (ours, theirs))
        assert close(again, once), part
    assert sorted(theirs["absent_classes"]) == sorted(ours["absent_classes"])
    by_class = {entry["class"]: entry for entry in theirs["per_class"]}
    assert close([by_class[label] for label in LABELS], ours["per_class"])
    cells = theirs["confusion_matrix"]["matrix"]
    at = {label: place for place, label in enumerate(order)}
    assert [[cells[at[i]][at[j]] for j in CLASSES] for i in CLASSES] == ours["confusion_matrix"]["matrix"]


@SETTINGS
@given(FAIR, st.permutations(CLASSES))
def test_no_order_of_the_classes_shows(batch, order):
    """But in what reads the order itself: kappas of ordered classes, the first of tied scores or of tied baselines."""
    top = {name for name in METRICS if of_top_label(name)}
    ties = batch.scores is not None and tied(batch)
    check_order(batch, list(order), OF_ORDER | (top if ties else set()))


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [1, 2, 3, 0], [2, 0, 3, 1]])
@pytest.mark.parametrize("weight", [None, [1.0, 2, 3, 1, 0.5, 4]])
def test_no_order_of_the_classes_shows_where_all_scores_are_tied(order, weight):
    truth = [0, 1, 2, 3, 3, 1]
    batch = multiclass(truth, np.full((6, SIZE), 0.25), weight, [0] * 6)
    expected = {"top_2_accuracy": 0.5, "top_3_accuracy": 0.75, "top_5_accuracy": 1.0, "roc_auc_ovo": 0.5}
    for answer in (reported(batch, CLASSES), reported(moved_classes(batch, order), tuple(order))):
        assert {name: answer["metrics"][name] for name in expected} == expected
        assert answer["metrics"]["roc_auc_ovr"] == 0.5


def test_a_tie_shares_the_places_that_are_left():
    row = [0.4, 0.2, 0.2, 0.2]
    answers = [reported(multiclass([true], [row]), CLASSES)["metrics"] for true in CLASSES]
    assert [answer["top_2_accuracy"] for answer in answers] == [1, *[pytest.approx(1 / 3, rel=1e-15)] * 3]
    assert [answer["top_3_accuracy"] for answer in answers] == [1, *[pytest.approx(2 / 3, rel=1e-15)] * 3]


def test_top_5_of_many_classes_ends_after_the_fifth():
    rng = np.random.default_rng(22)
    truth, scores = rng.integers(0, 9, 300), rng.dirichlet(np.ones(9), 300)
    ranks = (scores > scores[np.arange(300), truth][:, None]).sum(axis=1)
    answer = reported(multiclass(truth, scores), tuple(range(9)))["metrics"]
    for k in (2, 3, 5):
        assert answer[f"top_{k}_accuracy"] == np.mean(ranks < k)


@SETTINGS
@given(FAIR, st.lists(st.sampled_from(METRICS), min_size=1, unique=True))
def test_a_finding_says_that_micro_averages_are_the_accuracy_wherever_they_are(batch, names):
    answer = reported(batch, CLASSES, names)
    equal = [name for name in names if name == "accuracy" or (name.endswith("_micro") and name != "jaccard_micro")]
    assert len({answer["metrics"][name] for name in equal}) <= 1
    found = [finding for finding in answer["findings"] if finding["code"] == "micro_equals_accuracy"]
    assert len(found) == (len(equal) > 1)
    for finding in found:
        assert finding["severity"] == "info"
        assert finding["evidence"] == {"accuracy": answer["metrics"][equal[0]]}
        assert finding["message"]
        assert finding["advice"]


@pytest.mark.parametrize(("count", "drawn"), [(49, True), (50, True), (51, False)])
def test_curves_are_drawn_of_fifty_classes_at_most(count, drawn):
    batch = multiclass([0, 1], [[1 / count] * count] * 2)
    answer = reported(batch, tuple(range(count)), curves=True)
    assert len(answer["per_class"]) == count
    if drawn:
        assert len(answer["curves"]["per_class"]) == count
    else:
        assert answer["curves"]["per_class"] is None
        assert answer["undefined"]["curves.per_class"]["reason"] == "too_many_classes"


def test_no_curves_of_predictions_alone():
    answer = whole("multiclass", multiclass([0, 1], None, None, [0, 1]))
    assert answer["curves"]["per_class"] is None
    assert answer["undefined"]["curves.per_class"]["reason"] == "no_scores"
    assert all(entry["undefined"]["roc_auc"]["reason"] == "no_scores" for entry in answer["per_class"])


TWO = st.lists(st.tuples(st.booleans(), GRID | TENTHS | UNIT, WHOLE | REAL), min_size=1, max_size=9)


@SETTINGS
@given(TWO, st.booleans())
def test_two_classes_are_a_binary_task(rows, weighted):
    truth, scores, weight = map(np.array, zip(*rows, strict=True))
    assume((scores != 0.5).all())  # half is the positive class of a binary task, and the first of two tied ones
    weight = weight if weighted else None
    ours = reported(multiclass(truth, np.column_stack([1 - scores, scores]), weight), (0, 1))
    theirs = whole("binary", binary(truth, scores, weight))
    for name in ("accuracy", "matthews_corrcoef", "cohen_kappa", "log_loss"):
        assert close(ours["metrics"][name], theirs["metrics"][name]), name
        assert ours["undefined"].get(name, {}).get("reason") == theirs["undefined"].get(name, {}).get("reason")
    assert ours["metrics"]["accuracy"] == theirs["metrics"]["accuracy"]
    assert ours["metrics"]["brier_score"] == pytest.approx(2 * theirs["metrics"]["brier_score"], rel=1e-12, abs=1e-15)
    for name in ("roc_auc_ovo", "roc_auc_ovr"):
        if ours["metrics"][name] is not None and len({*scores}) == len({*(1 - scores)}):  # near 0 a score is lost
            assert ours["metrics"][name] == pytest.approx(theirs["metrics"]["roc_auc"], rel=1e-12)
    cells = theirs["confusion_matrix"]
    assert ours["confusion_matrix"]["matrix"] == [[cells["tn"], cells["fp"]], [cells["fn"], cells["tp"]]]


@pytest.mark.long
def test_pairs_of_classes_agree_with_scikit_learn_without_weights():
    compared = 0
    for batch in random_multiclass(300):
        if batch.weight is None and batch.scores is not None:
            for name, average in (("roc_auc_ovo", "macro"), ("roc_auc_ovo_weighted", "weighted")):
                theirs = roc_auc_score(batch.truth, batch.scores, labels=LABELS, multi_class="ovo", average=average)
                assert KNOWN["multiclass"].oracles[name](batch) == pytest.approx(theirs, rel=1e-12)
                assert whole("multiclass", batch, curves=False)["metrics"][name] == pytest.approx(theirs, rel=1e-12)
                compared += 1
    assert compared > 100


@pytest.mark.parametrize("light", [1e-40, 1e-80, 1e-90, 1e-100])
def test_two_light_classes_beside_heavy_ones_are_a_pair_like_any_other(light):
    rng = np.random.default_rng(24)
    truth, scores = np.arange(40) % SIZE, rng.dirichlet(np.ones(SIZE), 40)
    weights = rng.random(40) * np.where(truth < 2, light, 1 / light)
    batch = multiclass(truth, scores, weights)
    metrics = whole("multiclass", batch, curves=False)["metrics"]
    for name in ("roc_auc_ovo", "roc_auc_ovo_weighted", "roc_auc_ovr", "roc_auc_ovr_weighted"):
        assert metrics[name] == pytest.approx(KNOWN["multiclass"].oracles[name](batch), rel=1e-12), name


@SETTINGS
@given(multiclass_batches(weights=[None, WHOLE, REAL], scoreless=False))
def test_baselines_are_those_of_the_most_frequent_class_and_the_prevalences(batch):
    base = whole("multiclass", batch)["baselines"]
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    shares = np.bincount(batch.truth, weight, SIZE) / weight.sum()
    seen = shares[shares > 0]
    assert base["accuracy"] == pytest.approx(shares.max(), rel=1e-12)
    assert base["log_loss"] == pytest.approx(-np.sum(seen * np.log(seen)), rel=1e-12, abs=1e-15)
    assert base["brier_score"] == pytest.approx(1 - np.sum(seen**2), rel=1e-12, abs=1e-15)
    assert base["recall_macro"] == pytest.approx(1 / SIZE, rel=1e-12)
    if len(seen) == SIZE:
        assert base["balanced_accuracy"] == 1 / SIZE
        assert base["roc_auc_ovr"] == base["roc_auc_ovr_weighted"] == 0.5
        assert base["average_precision_macro"] == pytest.approx(1 / SIZE, rel=1e-12)
    if len(seen) > 1:
        assert base["roc_auc_ovo"] == base["roc_auc_ovo_weighted"] == 0.5
    else:
        assert "roc_auc_ovo" not in base
    assert "matthews_corrcoef" not in base


@pytest.mark.parametrize("weight", [None, [0.75 * 2.0**-52, 1, 1e100, 1e-100]])
def test_perfect_predictions_are_perfect_in_every_average_and_at_any_weight(weight):
    truth = [*CLASSES] * 3
    weights = None if weight is None else np.resize(weight, 12)[np.random.default_rng(2).permutation(12)]
    metrics = whole("multiclass", multiclass(truth, np.eye(SIZE)[truth], weights))["metrics"]
    assert metrics["log_loss"] == pytest.approx(0, abs=1e-15)
    assert metrics["brier_score"] == metrics["expected_calibration_error"] == 0
    for metric in metrics_of("multiclass"):
        if metric.high == metric.best == 1:
            assert metrics[metric.name] == 1, metric.name


def test_a_row_that_adds_up_to_a_little_more_than_1_leaves_brier_score_in_its_range():
    assert whole("multiclass", multiclass([2], [[1.0, 3.9e-6, 0.0, 0.0]]))["metrics"]["brier_score"] == 2


@SETTINGS
@given(multiclass_batches(scores=[EIGHTHS, HARD_ROW, NARROW], weights=[None], scoreless=False))
def test_given_predictions_matter_to_what_reads_them_alone(batch):
    other = replace(batch, predicted=(batch.predicted + 1) % SIZE)
    ours, theirs = (whole("multiclass", part, curves=False) for part in (batch, other))
    scored = [metric.name for metric in metrics_of("multiclass") if "no_scores" in metric.reasons]
    assert len(scored) > 8
    assert {name: ours["metrics"][name] for name in scored} == {name: theirs["metrics"][name] for name in scored}
