"""What reports of a multiclass task find: each finding with the right figures, none in honest payloads."""

from dataclasses import replace

import numpy as np
import pytest

from service.evaluate import kinds_of, merged, report, states_of
from service.metrics.batch import Question, Reading
from service.metrics.catalogue import TASKS
from service.metrics.findings import OF_REPORTS
from tests.cases import cut, take, text
from tests.tasks.multiclass import multiclass

RULES = {rule.name for rule in OF_REPORTS if "multiclass" in rule.tasks}
# True of every report with these metrics.
ALWAYS = "micro_equals_accuracy"


def found(*parts, counts=False, metrics=None, **options):
    """The findings of a report, by code."""
    scores = parts[0].scores
    seen = max(max(part.truth.max(), part.predicted.max()) for part in parts)
    width = seen + 1 if scores is None else scores.shape[1]
    question = Question("multiclass", tuple("abcdefghijkl"[:width]), counts=counts)
    read = Reading(metrics or tuple(TASKS["multiclass"].names(question)), **options)
    kinds = kinds_of(question, read)
    made = report(merged([states_of(part, question, kinds) for part in parts]), question, read)
    return {each["code"]: each for each in made["findings"]}


def honest(rows, classes=4, seed=0, *, sharpness=3.0):
    """Labels drawn from the very scores."""
    rng = np.random.default_rng(seed)
    scores = np.exp(sharpness * rng.standard_normal((rows, classes)))
    scores /= scores.sum(axis=1, keepdims=True)
    truth = (rng.random((rows, 1)) > np.cumsum(scores, axis=1)[:, :-1]).sum(axis=1)
    return multiclass(truth, scores)


def of_matrix(matrix):
    """Labels and predictions of so many rows of each cell."""
    size = len(matrix)
    cells = np.repeat(np.arange(size * size), np.ravel(matrix))
    return multiclass(cells // size, None, predicted=cells % size)


def one_sided(share, rows, classes=3):
    """Every row has this probability for its first class, and what is left for the others."""
    scores = np.full((rows, classes), (1 - share) / (classes - 1))
    scores[np.arange(rows), np.arange(rows) % classes] = share
    return scores


BATCH = honest(2000)
SOFT = 0.5 * BATCH.scores + 0.125
SHARP = BATCH.scores**3 / (BATCH.scores**3).sum(axis=1, keepdims=True)
# How the classes would have to be renamed: a gets b's column, and so on.
ROTATED = BATCH.scores[:, [3, 0, 1, 2]]
WEAK = of_matrix([[900, 50, 50], [60, 400, 40], [80, 8, 12]])
CASES = {
    "class_imbalance": (
        of_matrix([[900, 50, 50], [60, 400, 40], [3, 3, 24]]),
        {"class": "c", "samples": 30, "majority": "a", "majority_samples": 1000},
        "Only 1.96% of the rows are of class c: 30, beside 1,000 of class a.",
    ),
    "accuracy_paradox": (
        WEAK,
        {"class": "c", "found": 12, "samples": 100, "majority": "a", "baseline": 0.625, "accuracy": 0.82},
        "82.0% of the predictions are right, but of 100 rows of class c only 12 are recognised.",
    ),
    "worst_classes": (
        WEAK,
        {"number": 1, "of": 3, "classes": [{"class": "c", "recall": 0.12, "missed": 88, "samples": 100}]},
        "misses most rows of 1 of 3 classes: at worst 88 of 100 rows of class c.",
    ),
    "confused_classes": (
        of_matrix([[90, 5, 5], [30, 65, 5], [4, 6, 90]]),
        {"number": 1, "pairs": [{"class": "b", "predicted": "a", "share": 0.3, "confused": 30, "samples": 100}]},
        "30 of 100 rows of class b are predicted as class a.",
    ),
    "constant_predictions": (
        of_matrix([[10, 0, 0], [5, 0, 0], [5, 0, 0]]),
        {"class": "a", "classes_in_labels": 3, "samples": 20},
        "All 20 predictions are class a, though the labels are of 3 classes.",
    ),
    "constant_scores": (
        multiclass(np.arange(20) % 3, [[0.5, 0.3, 0.2]] * 20),
        {"samples": 20},
        "All 20 rows have the same scores",
    ),
    "hard_scores": (
        multiclass(np.arange(20) % 3, np.eye(3)[[1, *(np.arange(1, 20) % 3)]]),
        {"low": 0.0, "high": 1.0, "samples": 20},
        "All scores of the 20 rows are 0 or 1",
    ),
    "perfect_scores": (
        multiclass(np.arange(150) % 3, one_sided(0.6, 150)),
        {},
        "In every row the class of the label has the largest score.",
    ),
    "miscalibrated": (replace(BATCH, scores=SHARP), {"direction": "too high"}, "such scores are too high"),
    "small_sample": (
        of_matrix([[90, 0, 0], [0, 4, 0], [1, 1, 7]]),
        {
            "number": 2,
            "classes": [{"class": "b", "effective_samples": 4.0}, {"class": "c", "effective_samples": 9.0}],
        },
        "There are few effective rows of 2 of 3 classes: 4 of class b and 9 of class c.",
    ),
    "single_class": (of_matrix([[0, 0], [1, 4]]), {"class": "b", "samples": 5}, "All 5 labels are of class b"),
    "unstable_macro": (
        of_matrix([[90, 0, 0], [0, 4, 0], [1, 1, 7]]),
        {"class": "b", "effective_samples": 4.0, "of": 3, "moved": 1 / 12},
        "one of class b more or less moves them by up to 0.083. Each of the 3 classes counts as much",
    ),
    "columns_permuted": (
        multiclass(BATCH.truth, ROTATED),
        {
            "number": 4,
            "columns": [
                {"column": "b", "class": "a"},
                {"column": "c", "class": "b"},
                {"column": "d", "class": "c"},
                {"column": "a", "class": "d"},
            ],
        },
        "if 4 columns were renamed: that of class b to class a, that of class c to class b,",
    ),
    "predictions_disagree_with_scores": (
        replace(BATCH, predicted=np.where(np.arange(2000) % 20, BATCH.predicted, (BATCH.predicted + 1) % 4)),
        {"share": 0.05},
        "5.0% of the rows are predicted as another class",
    ),
    "duplicated_rows": (take(BATCH, [*range(2000)] * 2), {"distinct": 2000, "samples": 4000}, "the 4,000 rows look"),
    ALWAYS: (BATCH, {"accuracy": float((BATCH.predicted == BATCH.truth).mean())}, "are the accuracy"),
}


def shuffled(batch, seed=3):
    return take(batch, np.random.default_rng(seed).permutation(len(batch.truth)))


@pytest.mark.parametrize("code", CASES)
def test_a_finding_has_the_right_figures_and_says_them(code):
    batch, evidence, sentence = CASES[code]
    finding = found(batch)[code]
    assert evidence.items() <= finding["evidence"].items()
    assert sentence in finding["message"]
    assert finding["advice"]
    assert "{" not in finding["message"]


def test_every_rule_of_the_task_has_a_case():
    assert CASES.keys() == RULES


@pytest.mark.parametrize("code", CASES)
def test_no_order_no_split_no_unit_of_weights_no_level_and_no_lack_of_intervals_shows(code):
    batch = CASES[code][0]
    usual = found(batch)
    assert text(found(*cut(shuffled(batch), [1, len(batch.truth) // 3]))) == text(usual)
    assert found(batch, intervals=False) == usual
    assert found(batch, confidence_level=0.5) == usual
    whole = np.full(len(batch.truth), 2.0**30)
    assert found(replace(batch, weight=whole), intervals=False).keys() == usual.keys()
    weight = np.random.default_rng(4).uniform(1, 2, len(batch.truth))
    some = [found(replace(batch, weight=weight * factor), intervals=False).keys() for factor in (1, 1e-60, 1e60)]
    assert some[0] == some[1] == some[2]


@pytest.mark.parametrize("code", CASES)
def test_counts_are_rows(code):
    batch = CASES[code][0]
    counts = np.random.default_rng(5).integers(1, 4, len(batch.truth))
    twice = take(batch, np.repeat(np.arange(len(counts)), counts))
    counted = found(replace(batch, weight=counts.astype(float)), counts=True, intervals=False)
    ours, theirs = ({code: each["message"] for code, each in part.items()} for part in (counted, found(twice)))
    assert ours == theirs


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rows", [200, 2000, 20_000])
@pytest.mark.parametrize("classes", [2, 4])
def test_an_honest_payload_has_none(rows, seed, classes):
    assert found(honest(rows, classes, seed), intervals=False).keys() == {ALWAYS}


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("rows", "classes"), [(60, 12), (600, 12), (3000, 4), (3000, 2)])
def test_scores_without_any_knowledge_are_bad_and_not_permuted(rows, seed, classes):
    batch = honest(rows, classes, seed)
    rng = np.random.default_rng(seed)
    codes = found(replace(batch, truth=rng.permutation(batch.truth)), intervals=False).keys()
    assert not codes & {"columns_permuted", "confused_classes", "perfect_scores", "class_imbalance"}


def test_a_thousand_classes_give_no_false_alarm():
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 1000, 100_000)
    predicted = np.where(rng.random(100_000) < 0.55, truth, rng.integers(0, 1000, 100_000))
    question = Question("multiclass", tuple(range(1000)))
    read = Reading(("accuracy",), intervals=False)
    batch = multiclass(truth, None, predicted=predicted)
    assert report(states_of(batch, question, kinds_of(question, read)), question, read)["findings"] == []


def test_two_swapped_columns_of_ten_are_named_and_nothing_else():
    batch = honest(3000, 10, 1, sharpness=4.0)
    order = [0, 1, 7, 3, 4, 5, 6, 2, 8, 9]
    finding = found(multiclass(batch.truth, batch.scores[:, order]))["columns_permuted"]
    assert finding["evidence"]["columns"] == [{"column": "h", "class": "c"}, {"column": "c", "class": "h"}]
    right = float((batch.predicted == batch.truth).mean())
    assert finding["evidence"]["accuracy_renamed"] == pytest.approx(right)


def test_a_column_whose_class_has_hardly_any_row_is_what_is_left():
    batch = honest(3000, 4)
    few = np.flatnonzero(batch.truth == 2)[:2]
    kept = take(batch, np.sort([*np.flatnonzero(batch.truth != 2), *few]))
    finding = found(multiclass(kept.truth, kept.scores[:, [3, 0, 1, 2]]))["columns_permuted"]
    assert {"column": "d", "class": "c"} in finding["evidence"]["columns"]


def test_a_class_that_is_taken_for_another_is_no_exchange_of_columns():
    assert "columns_permuted" not in found(multiclass([0] * 100 + [1] * 100, [[0.1, 0.9]] * 200))
    batch = honest(2000)
    scores = np.where((batch.truth == 1)[:, None], np.roll(batch.scores, 1, axis=1), batch.scores)
    assert "columns_permuted" not in found(multiclass(batch.truth, scores))
    tops = np.repeat([0, 1, 1, 0, 2, 2], [10, 90, 40, 30, 30, 100])  # b is right more often than it is a
    worse = multiclass(np.repeat([0, 1, 2], 100), one_sided(0.6, 3)[tops])
    assert "columns_permuted" not in found(worse)


def test_a_model_that_is_right_less_often_than_one_constant_is_told_so():
    worse = of_matrix([[850, 100], [20, 30]])
    evidence = found(worse)["accuracy_paradox"]["evidence"]
    assert (evidence["accuracy"], evidence["baseline"], evidence["class"], evidence["found"]) == (0.88, 0.95, "b", 30)
    assert "accuracy_paradox" not in found(of_matrix([[900, 50], [10, 40]]))
    assert "accuracy_paradox" not in found(of_matrix([[950, 50], [0, 0]]))


def test_at_most_five_classes_are_named():
    matrix = np.zeros((9, 9), dtype=int)
    matrix[:, 0] = 100
    evidence = found(of_matrix(matrix))["worst_classes"]["evidence"]
    assert evidence["number"] == 8
    assert [each["class"] for each in evidence["classes"]] == list("bcdef")


def test_predictions_alone_may_be_perfect_too():
    assert "Every prediction is right." in found(of_matrix(np.diag([50, 50, 1])))["perfect_scores"]["message"]
    assert "perfect_scores" not in found(of_matrix(np.diag([50, 49, 49])))
    assert "perfect_scores" not in found(of_matrix([[50, 1], [0, 50]]))


@pytest.mark.parametrize(("scores", "direction"), [(SOFT, "too low"), (SHARP, "too high")])
def test_miscalibration_has_a_direction(scores, direction):
    assert found(replace(BATCH, scores=scores))["miscalibrated"]["evidence"]["direction"] == direction


def test_a_tie_at_the_top_is_no_disagreement():
    tied = multiclass([0, 1] * 50, [[0.4, 0.4, 0.2]] * 100, predicted=[1, 0] * 50)
    assert "predictions_disagree_with_scores" not in found(tied)


def test_rows_that_differ_in_one_score_alone_are_no_duplicates():
    twice = take(BATCH, [*range(2000)] * 2)
    scores = twice.scores.copy()
    scores[0, [2, 3]] = scores[0, [3, 2]]
    assert "duplicated_rows" not in found(replace(twice, scores=scores))
    truth = twice.truth.copy()
    truth[0] = (truth[0] + 1) % 4
    assert "duplicated_rows" not in found(replace(twice, truth=truth))
    assert "duplicated_rows" not in found(take(BATCH, [*range(19)] * 2))


def test_findings_on_averages_need_those_to_be_asked_for():
    batch = CASES["unstable_macro"][0]
    assert found(batch, metrics=("accuracy",)).keys() == {"small_sample"}
    assert "unstable_macro" in found(batch, metrics=("recall_macro",))


def test_the_most_frequent_class_is_hidden_by_no_accuracy():
    matrix = 95 * np.eye(10, dtype=int) + 5 * np.roll(np.eye(10, dtype=int), 1, axis=1)
    matrix[3] = 0
    matrix[3, 8] = 101
    findings = found(of_matrix(matrix.tolist()))
    assert "worst_classes" in findings
    assert "accuracy_paradox" not in findings


def test_a_factor_on_all_weights_changes_no_word():
    batch = of_matrix([[300, 10, 0], [60, 20, 10], [5, 5, 80]])
    weight = np.random.default_rng(1).random(len(batch.truth)) + 0.5
    said = [
        [each["message"] for each in found(replace(batch, weight=weight * factor)).values()]
        for factor in (1.0, 1e-8, 1e60)
    ]
    assert said[0] == said[1] == said[2] != []
