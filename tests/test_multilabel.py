"""What only the report of a multilabel task has: names for columns, averages over rows, and the table of labels."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from schemas.multilabel import MultilabelReport
from service.evaluate import kinds_of, report, states_of
from service.json_columns import PARSERS
from service.metrics import pooled
from service.metrics.batch import Batch, Question, without_zero_weights
from service.metrics.catalogue import TASKS
from service.metrics.multilabel_states import LabelScores
from service.settings import Settings
from tests.cases import close, reading, text
from tests.tasks.binary import binary
from tests.tasks.known import EXAMPLES, REAL, WHOLE
from tests.tasks.multilabel import KNOWN, SCORES, multilabel, multilabel_batches, random_multilabel

SETTINGS = settings(max_examples=min(60, EXAMPLES), deadline=None, derandomize=True)
NAMES = ("rain", "wind", "sun")


def answer_of(batch: Batch, classes: tuple[Any, ...], task: str = "multilabel", *, curves: bool = True) -> dict:
    """The report of a batch with these classes."""
    question = Question(task, classes, threshold=0.5, pos_label=1 if task == "binary" else None)
    read, batch = reading(task, curves=curves), without_zero_weights(batch)
    return report(states_of(batch, question, kinds_of(question, read)), question, read)


def of_request(parse: Any, **fields: Any) -> dict:
    """The report of a request."""
    batch, question, read = MultilabelReport(Settings()).load(parse(json.dumps(fields).encode()))
    return report(states_of(batch, question, kinds_of(question, read)), question, read)


def names_of(held: np.ndarray, rng: np.random.Generator) -> list[list[str]]:
    """The names of the labels of each row, in any order."""
    return [rng.permutation([name for name, there in zip(NAMES, row, strict=True) if there]).tolist() for row in held]


@pytest.mark.parametrize("parse", PARSERS)
def test_arrays_of_names_are_rows_of_0_and_1(parse):
    rng = np.random.default_rng(1)
    for batch in [*random_multilabel(50), *(part for part in KNOWN.provoking)]:
        shared = {"classes": list(NAMES)} | ({} if batch.weight is None else {"sample_weight": batch.weight.tolist()})
        sides = {"labels": batch.truth, "predictions": batch.predicted}
        if batch.scores is not None:
            shared["scores"] = batch.scores.tolist()
        named = of_request(parse, **shared, **{key: names_of(side, rng) for key, side in sides.items()})
        plain = of_request(parse, **shared, **{key: (side * 1).tolist() for key, side in sides.items()})
        assert text(named) == text(plain)


@pytest.mark.parametrize("parse", PARSERS)
def test_names_stand_in_sorted_order_unless_declared(parse):
    fields: dict[str, Any] = {"labels": [["wind"], [], ["b", "a"]], "predictions": [["z"], ["a"], []]}
    assert of_request(parse, **fields)["classes"] == ["a", "b", "wind", "z"]
    declared = ["wind", "z", "q", "b", "a"]
    assert of_request(parse, **fields, classes=declared)["classes"] == declared
    rows = {"labels": [[1, 0], [0, 1]], "scores": [[1, 0], [0, 1]]}
    assert of_request(parse, **rows)["classes"] == [0, 1]


@SETTINGS
@given(multilabel_batches(), st.permutations(range(3)))
def test_another_order_of_the_classes_permutes_the_table_alone(batch, order):
    scores = None if batch.scores is None else np.ascontiguousarray(batch.scores[:, order])
    moved = replace(batch, truth=batch.truth[:, order], predicted=batch.predicted[:, order], scores=scores)
    ours, theirs = answer_of(batch, NAMES), answer_of(moved, tuple(NAMES[place] for place in order))
    for part in ("classes", "per_class"):
        assert text([ours[part][place] for place in order]) == text(theirs[part])
    if ours["curves"]["per_class"]:
        assert text([ours["curves"]["per_class"][place] for place in order]) == text(theirs["curves"]["per_class"])
    reasons = [{key: part["reason"] for key, part in side["undefined"].items()} for side in (ours, theirs)]
    assert reasons[0] == reasons[1]
    assert sorted(ours["absent_classes"]) == sorted(theirs["absent_classes"])
    for side in (ours, theirs):
        for part in ("classes", "absent_classes", "per_class", "curves", "undefined"):
            side.pop(part)
    assert text(ours) == text(theirs)


@SETTINGS
@given(multilabel_batches(weights=[None, WHOLE, REAL]))
def test_the_table_holds_the_binary_report_of_each_label(batch):
    table = answer_of(batch, NAMES)["per_class"]
    assert [row["class"] for row in table] == list(NAMES)
    for place, row in enumerate(table):
        scores = None if batch.scores is None else batch.scores[:, place]
        alone = binary(batch.truth[:, place], scores, batch.weight, batch.predicted[:, place])
        expected = answer_of(alone, (0, 1), "binary")
        shared = ("precision", "recall", "specificity", "f1", "roc_auc", "average_precision")
        assert close({name: row[name] for name in shared}, {name: expected["metrics"][name] for name in shared})
        assert close(row["intervals"], {name: expected["intervals"][name] for name in shared})
        reasons = [*shared, *(f"intervals.{name}" for name in shared)]
        assert row["undefined"] == {key: why for key, why in expected["undefined"].items() if key in reasons}
        matrix = expected["confusion_matrix"]
        assert close(row["support"], matrix["tp"] + matrix["fn"])
        assert close(row["predicted"], matrix["tp"] + matrix["fp"])


@SETTINGS
@given(multilabel_batches(width=1))
def test_one_label_is_a_binary_task(batch):
    ours = answer_of(batch, ("rain",))["metrics"]
    scores = None if batch.scores is None else batch.scores[:, 0]
    alone = binary(batch.truth[:, 0], scores, batch.weight, batch.predicted[:, 0])
    theirs = answer_of(alone, (0, 1), "binary")["metrics"]
    for name in ("precision", "recall", "f1", "jaccard"):
        assert close(ours[f"{name}_micro"], theirs[name])
        assert close(ours[f"{name}_macro"], theirs[name] or 0.0)
    for name in ("roc_auc", "average_precision"):
        assert close(ours[f"{name}_macro"], theirs[name])
        assert ours[f"{name}_micro"] == ours[f"{name}_macro"]
    assert ours["subset_accuracy"] == theirs["accuracy"]
    assert close(ours["hamming_loss"], 1 - theirs["accuracy"])
    assert close(ours["log_loss"], theirs["log_loss"])


@SETTINGS
@given(multilabel_batches(weights=[None, WHOLE]))
def test_rows_without_labels_are_counted_and_get_what_the_definitions_say(batch):
    answer = answer_of(batch, NAMES, curves=False)
    assert answer["rows_without_labels"] == sum(not any(row) for row in batch.truth.tolist())
    empty = answer_of(replace(batch, truth=np.zeros_like(batch.truth)), NAMES, curves=False)
    ranked = ("label_ranking_average_precision", "coverage_error", "label_ranking_loss")
    assert [empty["metrics"][name] for name in ranked] == ([None] * 3 if batch.scores is None else [1.0, 0.0, 0.0])


@pytest.mark.parametrize("width", [2, 4, 5])
def test_any_number_of_labels_agrees_with_the_references(width):
    for batch in random_multilabel(25, width):
        ours = answer_of(batch, tuple(range(width)), curves=False)["metrics"]
        defined = {name: value for name, value in ours.items() if value is not None}
        assert len(defined) >= 14
        for name, value in defined.items():
            assert value == pytest.approx(KNOWN.oracles[name](batch), rel=1e-12, abs=1e-12), name


@SETTINGS
@given(multilabel_batches(scores=SCORES[:1], weights=[None, WHOLE]))
def test_ties_count_as_wrong_pairs_in_the_order_of_a_row(batch):
    if batch.scores is None:
        return
    ours = answer_of(batch, NAMES, curves=False)["metrics"]
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    totals = np.zeros(3)
    for truth, scores, w in zip(batch.truth, batch.scores, weight, strict=True):
        true, others = scores[truth].tolist(), scores[~truth].tolist()
        shares = [sum(b >= a for b in true) / sum(b >= a for b in scores.tolist()) for a in true]
        pairs = [b >= a for a in true for b in others]
        depth = sum(b >= min(true) for b in scores.tolist()) if true else 0
        row = (np.mean(shares) if true else 1, depth, np.mean(pairs) if pairs else 0)
        totals += w * np.array(row, dtype=float)
    names = ("label_ranking_average_precision", "coverage_error", "label_ranking_loss")
    assert [ours[name] for name in names] == pytest.approx(totals / weight.sum(), rel=1e-12, abs=1e-12)


def test_averages_over_labels_count_a_label_without_predictions_as_0():
    batch = multilabel([[1, 1], [0, 1]], None, predicted=[[0, 1], [0, 1]])
    answer = answer_of(batch, ("a", "b"))
    assert answer["metrics"]["precision_macro"] == 0.5
    assert answer["per_class"][0]["precision"] is None
    assert answer["metrics"]["precision_weighted"] == pytest.approx(2 / 3)
    assert answer["metrics"]["precision_samples"] == 1.0


def test_a_label_without_an_area_is_named():
    answer = answer_of(multilabel([[1, 0], [1, 1]], [[0.1, 0.2], [0.3, 0.4]]), ("rain", "sun"))
    assert answer["undefined"]["roc_auc_macro"]["detail"].startswith("Label rain: ")


def test_more_than_one_block_of_pairs_with_one_score():
    """Ties reach over the blocks in which positives and negatives meet."""
    rows = 70_000
    truth = np.zeros((rows, 3), dtype=bool)
    truth[:, :2] = True
    scores = np.repeat([[0.5, 0.25, 0.5]], rows, axis=0)
    for weight in (None, np.full(rows, 2.0)):
        metrics = answer_of(multilabel(truth, scores, weight), NAMES, curves=False)["metrics"]
        assert metrics["roc_auc_micro"] == 0.25
        assert metrics["average_precision_micro"] == pytest.approx(0.5 * 0.5 + 0.5 * 2 / 3)


def test_parts_of_many_blocks_are_the_whole():
    rng = np.random.default_rng(3)
    rows = 50_000
    truth = rng.random((rows, 3)) < [0.1, 0.5, 0.9]
    for weight in (None, rng.random(rows) + 0.05):
        batch = multilabel(truth, np.round(rng.random((rows, 3)), 4), weight)
        moved = batch.rows(rng.permutation(rows))
        assert text(answer_of(moved, NAMES)) == text(answer_of(batch, NAMES))


@pytest.mark.parametrize("ranges", [2, 3, 50])
def test_ranges_of_scores_change_no_byte(monkeypatch, ranges):
    """Sorting the scores of many pairs by ranges gives what sorting them at once gives, ties and weights included."""
    batches = [*random_multilabel(100), *KNOWN.provoking]
    whole = [answer_of(batch, NAMES, curves=False) for batch in batches]
    monkeypatch.setattr(pooled, "MANY_PAIRS", 0)
    monkeypatch.setattr(pooled, "RANGES", ranges)
    assert all(len([*pairs_of(batch).ranges()]) > 1 for batch in batches if batch.scores is not None)
    assert [text(answer_of(batch, NAMES, curves=False)) for batch in batches] == [text(answer) for answer in whole]


def pairs_of(batch: Batch) -> pooled.Pairs:
    """All pairs of a row and a label."""
    return LabelScores.of(batch, Question("multilabel", NAMES)).pairs


@SETTINGS
@given(multilabel_batches(scores=SCORES[:2], weights=[None, WHOLE, REAL]))
def test_rows_of_the_same_scores_are_pairs_like_any_others(batch):
    """A broadcast row of scores, whose pairs are counted and not sorted, has the areas of its copies."""
    if batch.scores is None:
        return
    shape = batch.scores.shape
    same = replace(batch, scores=np.broadcast_to(batch.scores[0], shape))
    copied = replace(batch, scores=np.repeat(batch.scores[:1], len(batch.truth), axis=0))
    ours, theirs = (answer_of(part, NAMES, curves=False) for part in (same, copied))
    assert close(ours["metrics"], theirs["metrics"])
    assert ours["undefined"] == theirs["undefined"]


def test_weights_that_are_nothing_beside_others_count_nothing():
    truth, scores = [[1], [0], [1], [0]], [[0.9], [0.8], [0.2], [0.3]]
    light_rows, light_positives = ([5e-324, 5e-324, 1e308, 1e308], [5e-324, 1e308, 5e-324, 1e308])
    metrics = answer_of(multilabel(truth, scores, np.array(light_rows)), ("rain",), curves=False)["metrics"]
    assert [metrics["roc_auc_micro"], metrics["average_precision_micro"]] == [0.0, 0.5]
    answer = answer_of(multilabel(truth, scores, np.array(light_positives)), ("rain",), curves=False)
    assert answer["metrics"]["roc_auc_micro"] is None


def test_curves_are_those_of_each_label_up_to_fifty():
    batch = next(random_multilabel(1))
    curves = answer_of(batch, NAMES)["curves"]["per_class"]
    for place, part in enumerate(curves):
        alone = binary(batch.truth[:, place], batch.scores[:, place], batch.weight, batch.predicted[:, place])
        expected = answer_of(alone, (0, 1), "binary")
        assert part["class"] == NAMES[place]
        assert {name: part[name] for name in ("roc", "precision_recall", "calibration")} == expected["curves"]
    wide = multilabel(np.eye(51), np.eye(51))
    answer = answer_of(wide, tuple(range(51)))
    assert answer["curves"]["per_class"] is None
    assert answer["undefined"]["curves.per_class"]["reason"] == "too_many_classes"


def test_names_that_would_fill_more_cells_than_values_are_allowed_are_refused():
    """A row of names is short however many labels there are; the table of all rows and labels is not."""
    schema = MultilabelReport(Settings(max_values=12))
    fields = {"labels": [["a"], [], [], []], "predictions": [[], [], ["b"], []]}
    schema.load({**columns_of(fields), "classes": ["a", "b", "c"]})
    with pytest.raises(ValidationError) as refusal:
        schema.load({**columns_of(fields), "classes": ["a", "b", "c", "d"]})
    (complaint,) = refusal.value.messages["labels"]
    assert complaint.slug == "too-many-values"
    assert "16" in complaint
    assert "12" in complaint


def columns_of(fields: dict[str, Any]) -> dict[str, Any]:
    """The columns of a request as the decoder gives them."""
    return PARSERS[0](json.dumps(fields).encode())


def test_documentation_names_the_average():
    metrics = {metric.name: metric.documentation()["reference"] for metric in TASKS["multilabel"].metrics}
    for average in ("micro", "macro", "weighted", "samples"):
        assert f'average="{average}"' in metrics[f"precision_{average}"]


@SETTINGS
@given(multilabel_batches(scores=SCORES[:2], weights=[None, WHOLE, REAL]))
def test_baselines_predict_what_more_than_half_of_the_rows_have(batch):
    """The prevalence of each label is its score, for every row."""
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    prevalence = (batch.truth * weight[:, None]).sum(axis=0) / weight.sum()
    if np.any(np.abs(prevalence - 0.5) < 1e-9) and batch.weight is not None:
        return  # the sum that is taken here is rounded
    blind = np.repeat([prevalence], len(batch.truth), axis=0)
    expected = answer_of(multilabel(batch.truth, blind, batch.weight, blind > 0.5), NAMES, curves=False)["metrics"]
    baselines = answer_of(batch, NAMES, curves=False)["baselines"]
    read = {"subset_accuracy", "hamming_loss", "f1_samples", "recall_micro", "log_loss", "coverage_error"}
    assert close(*({name: part[name] for name in read & baselines.keys()} for part in (baselines, expected)))
