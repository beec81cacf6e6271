"""What reports of a multilabel task find: each finding with the right figures, none in honest payloads."""

from dataclasses import replace

import numpy as np
import pytest

from service.evaluate import kinds_of, merged, report, states_of
from service.metrics.batch import Question, Reading
from service.metrics.catalogue import TASKS
from service.metrics.findings import OF_REPORTS
from service.metrics.multilabel_states import LabelScores
from tests.cases import cut, take, text
from tests.tasks.multilabel import multilabel

RULES = {rule.name for rule in OF_REPORTS if "multilabel" in rule.tasks}


def found(*parts, counts=False, thresholded=True, **options):
    """The findings of a report, by code."""
    width = parts[0].truth.shape[1]
    threshold = 0.5 if thresholded else None
    question = Question("multilabel", tuple("abcdefghijkl"[:width]), threshold=threshold, counts=counts)
    read = Reading(tuple(TASKS["multilabel"].names(question)), **options)
    kinds = kinds_of(question, read)
    made = report(merged([states_of(part, question, kinds) for part in parts]), question, read)
    return {each["code"]: each for each in made["findings"]}


def honest(rows, labels=3, seed=0):
    """Labels that are true as often as their scores say."""
    rng = np.random.default_rng(seed)
    scores = rng.random((rows, labels))
    return multilabel(rng.random((rows, labels)) < scores, scores)


def with_column(batch, place, scores=None, truth=None):
    """The batch with another column of scores or labels."""
    ours, theirs = batch.scores.copy(), batch.truth.copy()
    if scores is not None:
        ours[:, place] = scores
    if truth is not None:
        theirs[:, place] = truth
    return multilabel(theirs, ours)


def of_cells(*cells):
    """A column of labels and predictions for each (true positives, misses, false alarms, true negatives)."""
    truth = [np.repeat([True, True, False, False], column) for column in cells]
    predicted = [np.repeat([True, False, True, False], column) for column in cells]
    return multilabel(np.transpose(truth), None, predicted=np.transpose(predicted))


BATCH = honest(2000)
SMALL = take(BATCH, np.arange(200))
# One in twenty predictions of the first label is turned round.
SENT = replace(BATCH, predicted=BATCH.predicted ^ (np.arange(2000)[:, None] % 20 == [0, 20, 20]))
CASES = {
    "low_recall": (
        of_cells((12, 88, 10, 90), (90, 10, 10, 90)),
        {"number": 1, "of": 2, "classes": [{"class": "a", "recall": 0.12, "missed": 88, "samples": 100}]},
        "misses most rows of 1 of 2 classes: at worst 88 of 100 rows of class a.",
    ),
    "low_precision": (
        of_cells((90, 10, 10, 190), (25, 0, 75, 200)),
        {"number": 1, "of": 2, "classes": [{"class": "b", "precision": 0.25, "wrong": 75, "predicted": 100}]},
        "Most predictions of 1 of 2 classes are wrong: at worst 75 of 100 predictions of class b.",
    ),
    "small_sample": (
        of_cells((7, 0, 0, 93), (90, 0, 0, 10)),
        {"number": 1, "classes": [{"class": "a", "effective_samples": 7.0}]},
        "There are few effective rows of 1 of 2 classes: 7 of class a.",
    ),
    "single_class": (
        of_cells((0, 0, 10, 90), (50, 50, 0, 0), (50, 0, 0, 50)),
        {"rows": "every row", "number": 1, "of": 3, "classes": [{"class": "b"}]},
        "In the labels every row is of 1 of 3 classes: class b.",
    ),
    "hard_scores": (
        replace(SMALL, scores=SMALL.predicted.astype(float)),
        {"low": 0.0, "high": 1.0, "samples": 200},
        "All scores of the 200 rows are 0 or 1",
    ),
    "constant_scores": (
        with_column(SMALL, 1, scores=0.25),
        {"samples": 200, "number": 1, "of": 3, "classes": [{"class": "b", "score": 0.25}]},
        "Scores of 1 of 3 classes are the same in all 200 rows: 0.25 for class b.",
    ),
    "logits": (multilabel(BATCH.truth, 8 * BATCH.scores - 4), {}, "not from 0 to 1"),
    "inverted_scores": (with_column(BATCH, 2, scores=1 - BATCH.scores[:, 2]), {"number": 1}, "for class c."),
    "perfect_scores": (
        with_column(BATCH, 0, truth=BATCH.scores[:, 0] > 0.5),
        {"number": 1, "of": 3, "classes": [{"class": "a"}]},
        "There is no mistake in 1 of 3 classes: class a.",
    ),
    "predictions_disagree_with_scores": (
        SENT,
        {"number": 1, "classes": [{"class": "a", "share": 0.05}]},
        "5.0% of the rows are predicted otherwise for class a.",
    ),
    "duplicated_rows": (take(BATCH, [*range(2000)] * 2), {"distinct": 2000, "samples": 4000}, "the 4,000 rows look"),
}


def sent(code):
    """Whether the predictions of a case came from a threshold."""
    return {"thresholded": code != "predictions_disagree_with_scores"}


@pytest.mark.parametrize("code", CASES)
def test_a_finding_has_the_right_figures_and_says_them(code):
    batch, evidence, sentence = CASES[code]
    finding = found(batch, **sent(code))[code]
    assert evidence.items() <= finding["evidence"].items()
    assert sentence in finding["message"]
    assert finding["advice"]
    assert "{" not in finding["message"]


def test_every_rule_of_the_task_has_a_case():
    assert CASES.keys() == RULES


@pytest.mark.parametrize("code", CASES)
def test_no_order_no_split_no_unit_of_weights_no_level_and_no_lack_of_intervals_shows(code):
    batch, asked = CASES[code][0], sent(code)
    usual = found(batch, **asked)
    shuffled = take(batch, np.random.default_rng(3).permutation(len(batch.truth)))
    assert text(found(*cut(shuffled, [1, len(batch.truth) // 3]), **asked)) == text(usual)
    assert found(batch, intervals=False, **asked) == usual
    assert found(batch, confidence_level=0.5, **asked) == usual
    weight = np.random.default_rng(4).uniform(1, 2, len(batch.truth))
    some = [
        found(replace(batch, weight=weight * factor), intervals=False, **asked).keys() for factor in (1, 1e-60, 1e60)
    ]
    assert some[0] == some[1] == some[2]


@pytest.mark.parametrize("code", CASES)
def test_counts_are_rows(code):
    batch, asked = CASES[code][0], sent(code)
    counts = np.random.default_rng(5).integers(1, 4, len(batch.truth))
    repeated = take(batch, np.repeat(np.arange(len(counts)), counts))
    counted = found(replace(batch, weight=counts.astype(float)), counts=True, intervals=False, **asked)
    both = (counted, found(repeated, **asked))
    ours, theirs = ({code: each["message"] for code, each in part.items()} for part in both)
    assert ours == theirs


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rows", [200, 2000, 20_000])
@pytest.mark.parametrize("labels", [1, 8])
def test_an_honest_payload_has_none(rows, seed, labels):
    batch = honest(rows, labels, seed)
    assert found(batch, intervals=False) == {}
    assert found(batch, intervals=False, thresholded=False) == {}


def test_a_thousand_labels_without_any_knowledge_are_not_inverted():
    rng = np.random.default_rng(7)
    batch = multilabel(rng.random((400, 1000)) < 0.3, rng.random((400, 1000)))
    question = Question("multilabel", tuple(range(1000)), threshold=0.5)
    read = Reading(("roc_auc_macro",), intervals=False)
    made = report(states_of(batch, question, kinds_of(question, read)), question, read)
    assert {each["code"] for each in made["findings"]} <= {"low_precision"}


def test_at_most_five_labels_are_named_the_worst_first():
    cells = [(hits, 100 - hits, 0, 100) for hits in (9, 8, 7, 6, 5, 4, 80)]
    evidence = found(of_cells(*cells))["low_recall"]["evidence"]
    assert (evidence["number"], evidence["of"]) == (6, 7)
    assert [each["class"] for each in evidence["classes"]] == ["f", "e", "d", "c", "b"]
    assert evidence["classes"][0] == {"class": "f", "recall": 0.04, "missed": 96, "samples": 100}


def test_labels_that_no_row_has_are_named_beside_those_of_every_row():
    batch = CASES["single_class"][0]
    question = Question("multilabel", ("a", "b", "c"))
    read = Reading(("hamming_loss",))
    made = report(states_of(batch, question, kinds_of(question, read)), question, read)
    said = [each["message"] for each in made["findings"] if each["code"] == "single_class"]
    assert [each.split(": ")[0] for each in said] == [
        "In the labels no row is of 1 of 3 classes",
        "In the labels every row is of 1 of 3 classes",
    ]


def test_predictions_alone_may_be_perfect_too():
    evidence = found(of_cells((50, 0, 0, 50), (49, 0, 0, 51), (49, 1, 0, 50)))["perfect_scores"]["evidence"]
    assert evidence["classes"] == [{"class": "a"}]


def test_unlike_rows_of_zeros_and_ones_have_unlike_digests():
    """Floats of few digits differ in their upper bits alone, which a product would push out."""
    rows = (np.arange(4096)[:, None] >> np.arange(12)) % 2
    scores = LabelScores((rows.astype(float), np.zeros((4096, 1), dtype=bool)), None)
    assert len(np.unique(scores.digests)) == 4096


def test_rows_that_differ_in_one_label_alone_are_no_duplicates():
    twice = take(BATCH, [*range(2000)] * 2)
    truth = twice.truth.copy()
    truth[0, 1] ^= True
    assert "duplicated_rows" not in found(replace(twice, truth=truth))
    assert "duplicated_rows" not in found(take(BATCH, [*range(19)] * 2))
