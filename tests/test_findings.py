"""What reports find in their own numbers: the table as data, each finding of a binary task with the right figures."""

import json
from dataclasses import replace
from http import HTTPStatus
from string import Formatter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.app import create_app
from service.metrics.catalogue import TASKS
from service.metrics.findings import FINDINGS
from service.metrics.findings.rule import SEVERITIES, WORDING, Rule, by_severity
from service.settings import Settings
from tests.cases import binary, cut, in_parts, take, whole

CLIENT = create_app(Settings()).test_client()
RULES = [(part, rule) for part, rules in FINDINGS.items() for rule in rules]


def found(task, body):
    """The findings of a report, by code."""
    response = CLIENT.post(f"/v1/{task}/report", json=body)
    assert response.status_code == HTTPStatus.OK, response.text
    return {each["code"]: each for each in response.get_json()["findings"]}


def calibrated(rows, seed=0):
    """Labels that are positive as often as their scores say."""
    rng = np.random.default_rng(seed)
    scores = rng.random(rows)
    return (rng.random(rows) < scores).astype(int), scores


def body(labels, scores=None, **more):
    """A request with these columns."""
    columns = {"labels": labels, **({} if scores is None else {"scores": scores})} | more
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in columns.items()}


def counted(tp, fn, fp, tn):
    """A request with so many rows of each cell."""
    cells = {"labels": [1, 1, 0, 0], "predictions": [1, 0, 1, 0]}
    return cells | {"sample_weight": [tp, fn, fp, tn], "weights_are": "counts"}


LABELS, SCORES = calibrated(2000)
TWO = np.stack([1 - SCORES, SCORES], axis=1)
ONE_HOT = np.stack([1 - LABELS, LABELS], axis=1)
SPREAD = np.clip(0.5 + 2 * (SCORES - 0.5), 0.01, 0.99)
APART = np.repeat([0, 1], 50)

# Code: a request that has it, some of its evidence, and what its sentence says.
CASES = {
    "accuracy_paradox": (counted(12, 88, 112, 9788), {"accuracy": 0.98, "found": 12, "samples": 100}, "98.0%"),
    "low_recall": (counted(12, 88, 112, 9788), {"recall": 0.12}, "misses 88 of 100 positive rows"),
    "low_precision": (counted(12, 88, 112, 9788), {"wrong": 112}, "Of 124 rows predicted positive 112 are negative"),
    "class_imbalance": (counted(12, 88, 112, 9788), {"class": 1, "share": 0.01}, "Only 1.00% of the rows"),
    "recall_trade_off": (
        body([1] * 30 + [0] * 70, [0.4] * 27 + [0.1] * 3 + [0.4] * 3 + [0.2] * 67),
        {"threshold": 0.4, "recall": 0.9, "precision": 0.9},
        "To find 90.0% of the positive rows the threshold would have to be 0.4; 90.0%",
    ),
    "one_hot_binary": (body(ONE_HOT, TWO), {"columns": ["labels", "scores"]}, "two columns of labels and scores"),
    "identical_metrics": (body(ONE_HOT.ravel(), TWO.ravel()), {"right": 1497, "wrong": 503}, "are all 0.7485"),
    "no_better_than_chance": (body(LABELS, np.roll(SCORES, 1)), {}, "no better than drawing lots"),
    "inverted_scores": (body(LABELS, 1 - SCORES), {}, "the wrong way round"),
    "threshold_far_from_best": (
        body([0] * 100 + [1] * 100, [0.2] * 98 + [0.4] * 2 + [0.3] * 60 + [0.7] * 40),
        {"cost": 0.3, "best_threshold": 0.3, "best_cost": 0.01},
        "errors cost 0.3 a row; with a threshold of 0.3 they would cost 0.01, 97% less, at a recall of 1",
    ),
    "logits": (body(LABELS, 8 * SCORES - 4), {"looks_like": "logits or margins"}, "not from 0 to 1"),
    "constant_predictions": (
        body([0] * 12 + [1] * 8, predictions=[0] * 20),
        {"class": 0, "samples": 20},
        "All 20 predictions are class 0",
    ),
    "miscalibrated": (body(LABELS, SPREAD), {"direction": "overconfident"}, "they are overconfident"),
    "constant_scores": (body([0, 1] * 10, [0.3] * 20), {"score": 0.3, "samples": 20}, "All 20 scores are 0.3"),
    "hard_scores": (body([0, 1] * 10, [0.0, 1.0] * 9 + [1.0, 0.0]), {"low": 0.0, "high": 1.0}, "are 0 or 1"),
    "perfect_scores": (body(APART, 0.2 + 0.6 * APART), {}, "Every positive row scores above every negative one"),
    "duplicated_rows": (body([*LABELS] * 2, [*SCORES] * 2), {"distinct": 2000, "samples": 4000}, "4,000 rows"),
    "single_class": (body([True] * 3, [0.2, 0.6, 0.9]), {"class": True, "samples": 3}, "of class true"),
    "small_sample": (body([0] * 30 + [1] * 9, [0.1] * 39), {"class": 1, "effective_samples": 9.0}, "only 9 effective"),
    "predictions_disagree_with_scores": (
        body(LABELS, SCORES, predictions=np.roll(SCORES > 0.5, 1).astype(int)),
        {},
        "No threshold on the scores gives these predictions",
    ),
}


def plain(value):
    return json.loads(json.dumps(value, default=lambda array: array.tolist()))


@pytest.mark.parametrize("code", CASES)
def test_a_finding_has_the_right_figures_and_says_them(code):
    request, evidence, sentence = CASES[code]
    finding = found("binary", plain(request))[code]
    assert evidence.items() <= finding["evidence"].items()
    assert sentence in finding["message"]
    assert finding["advice"]


def test_every_rule_of_a_binary_task_has_a_case():
    assert {rule.name for part, rule in RULES if part == "report" and "binary" in rule.tasks} == CASES.keys()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rows", [100, 1000, 20_000])
def test_an_honest_payload_has_none(rows, seed):
    assert found("binary", body(*calibrated(rows, seed))) == {}


def test_predictions_counted_once_for_each_class_have_equal_metrics():
    """Of 5,910 rows 5,116 are right: counted for both classes, every cell comes twice."""
    finding = found("binary", counted(5116, 794, 794, 5116))["identical_metrics"]
    assert finding["evidence"] == {"accuracy": 5116 / 5910, "right": 5116, "wrong": 794}
    assert "are all 0.8657, as both classes have 5,116 right and 794 wrong rows" in finding["message"]


def test_two_columns_of_a_softmax_are_counted_once():
    """Of 5,910 rows 794 are wrong: by both columns accuracy, precision and recall would all be 0.8657."""
    labels = np.arange(5910) < 900
    right = np.arange(5910) % 900 >= np.where(labels, 300, 0)
    right[900:] = np.arange(5010) >= 494
    scores = np.where(right == labels, 0.9, 0.2)
    request = body(np.stack([~labels, labels], 1).astype(int), np.stack([1 - scores, scores], 1))
    evidence = found("binary", request)["one_hot_binary"]["evidence"]
    assert evidence["naive"] == 5116 / 5910
    assert (evidence["precision"], evidence["recall"]) == (600 / 1094, 600 / 900)
    message = found("binary", request)["one_hot_binary"]["message"]
    assert "alike as 0.8657; in truth precision is 0.5484 and recall 0.6667" in message


def test_a_model_that_is_mostly_right_and_finds_few_is_told_so():
    findings = found("binary", counted(30, 70, 5, 895))
    assert findings.keys() == {"accuracy_paradox", "low_recall"}
    assert "92.5% of the predictions are right" in findings["accuracy_paradox"]["message"]
    assert "of 100 rows of class 1 only 30" in findings["accuracy_paradox"]["message"]


def test_the_rarer_class_may_be_the_negative_one():
    findings = found("binary", counted(9788, 112, 88, 12))
    message = findings["accuracy_paradox"]["message"]
    assert "always predicting class 1 would be right in 99.0%: of 100 rows of class 0 only 12" in message
    for code in ("accuracy_paradox", "class_imbalance"):
        assert findings[code]["evidence"]["look_at"] == ["specificity", "negative_predictive_value"]


def test_a_rare_class_that_is_found_by_many_false_alarms_is_told_so():
    finding = found("binary", counted(79, 21, 1921, 97_979))["accuracy_paradox"]
    assert "of 2,000 predictions of class 1 only 79 are right" in finding["message"]


@pytest.mark.parametrize(
    ("scores", "kind"),
    [
        (np.append(SCORES[1:], 1 + 2**-52), "rounded probabilities"),
        (100 * SCORES, "percentages"),
        (SCORES * 8 - 4, "logits or margins"),
    ],
)
def test_scores_beyond_probabilities_are_named_by_what_they_look_like(scores, kind):
    assert found("binary", body(LABELS, scores))["logits"]["evidence"]["looks_like"] == kind


@pytest.mark.parametrize(("rows", "dear"), [(300, 9), (300, 20), (1000, 9), (1000, 100)])
def test_no_threshold_is_far_better_than_the_one_that_costs_call_for(rows, dear):
    """Of calibrated scores it is where a false alarm and a miss cost alike, whatever these rows look like."""
    rng = np.random.default_rng(rows + dear)
    for _ in range(40):
        scores = 1 / (1 + np.exp(3 - 2 * rng.standard_normal(rows)))
        request = body(
            (rng.random(rows) < scores).astype(int),
            scores,
            costs={"false_positive": 1, "false_negative": dear},
            threshold=1 / (1 + dear),
            intervals=False,
            metrics=["accuracy"],
        )
        assert "threshold_far_from_best" not in found("binary", request)


def test_what_follows_from_a_finding_is_left_out_beside_it():
    """Turned scores miss and alarm, but another threshold would not mend that."""
    assert found("binary", body(LABELS, 1 - SCORES)).keys() == {"inverted_scores"}
    for rule in (rule for _, rule in RULES):
        assert set(rule.explains) <= {other.name for _, other in RULES if set(other.tasks) & set(rule.tasks)}


@pytest.mark.parametrize(
    ("scores", "direction"),
    [
        (SCORES**2, "too low"),
        (SCORES**0.5, "too high"),
        (SPREAD, "overconfident"),
        (0.25 + SCORES / 2, "underconfident"),
    ],
)
def test_miscalibration_has_a_direction(scores, direction):
    labels = LABELS
    assert found("binary", body(labels, scores))["miscalibrated"]["evidence"]["direction"] == direction


@pytest.mark.parametrize(("between", "far"), [(12, False), (60, True)])
def test_a_threshold_may_have_passed_over_no_positive_row_by_luck(between, far):
    """A dear miss that has not been seen among twelve rows may be there nevertheless."""
    labels, scores = [1] * 30 + [0] * (between + 30), [0.9] * 30 + [0.2] * between + [0.1] * 30
    asked = body(labels, scores, threshold=0.15, costs={"false_positive": 1, "false_negative": 5})
    assert ("threshold_far_from_best" in found("binary", asked)) == far
    weighted = asked | {"sample_weight": [7.5] * len(labels)}
    assert ("threshold_far_from_best" in found("binary", weighted)) == far


def test_scores_around_a_half_that_are_all_too_high_are_miscalibrated():
    """Spiegelhalter's z weighs rows with 1 - 2 p, so that those on either side of 0.5 cancel."""
    scores = 0.1 + np.clip(SCORES, 0.1, 0.7)
    labels = np.random.default_rng(1).random(len(scores)) < scores - 0.1
    evidence = found("binary", body(labels, scores))["miscalibrated"]["evidence"]
    assert abs(evidence["spiegelhalter_z"]) < 3
    assert evidence["mean_score_z"] == pytest.approx(np.sum(labels - scores) / np.sqrt(np.sum(scores * (1 - scores))))
    assert evidence["direction"] == "too high"


def test_costs_move_the_best_threshold():
    assert "threshold_far_from_best" not in found("binary", body(LABELS, SCORES))
    dear = {"false_positive": 1, "false_negative": 10}
    finding = found("binary", body(LABELS, SCORES, costs=dear))["threshold_far_from_best"]
    assert 0 < finding["evidence"]["best_threshold"] < 0.25
    cheap = found("binary", body(LABELS, SCORES, costs={"false_positive": 1, "false_negative": 0}))
    assert "with no positive prediction at all" in cheap["threshold_far_from_best"]["message"]


def test_predictions_that_are_all_right_look_leaked_too():
    request = {"labels": APART.tolist(), "predictions": APART.tolist()}
    assert "Every prediction is right" in found("binary", request)["perfect_scores"]["message"]
    assert "perfect_scores" not in found("binary", {name: column[1:] for name, column in request.items()})


def test_naive_counts_of_an_undefined_precision_are_named_so():
    request = {"labels": [[1, 0], [0, 1]], "predictions": [[1, 0], [1, 0]]}
    assert "precision is undefined" in found("binary", request)["one_hot_binary"]["message"]


def test_a_rare_disagreement_of_predictions_and_scores_is_none():
    predictions = SCORES > 0.5
    predictions[np.argsort(SCORES)[:10]] = True
    request = body(LABELS, SCORES, predictions=predictions.astype(int))
    assert "predictions_disagree_with_scores" not in found("binary", request)


@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from(["scores", "weights", "once"]))
def test_rows_sent_twice_are_found_whatever_their_order(seed, once_more, kind):
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(20, 60))
    truth, scores = rng.random(rows) < 0.5, rng.random(rows)
    weight = None if kind == "scores" else rng.integers(1, 4, rows).astype(float) + (kind == "once") * rng.random(rows)
    batch = binary(truth, scores, weight) if weight is not None else binary(truth, scores)
    order = rng.permutation([*range(rows)] * 2 + [0] * once_more)
    parts = cut(take(batch, order), [int(rng.integers(1, len(order)))])
    codes = [each["code"] for each in in_parts("binary", parts, intervals=False)["findings"]]
    assert ("duplicated_rows" in codes) is not once_more


def test_findings_come_without_intervals_and_in_spite_of_their_level():
    request = body(LABELS, 1 - SCORES)
    usual = found("binary", request)
    assert found("binary", request | {"intervals": False}) == usual
    assert found("binary", request | {"confidence_level": 0.5}) == usual
    assert found("binary", request | {"metrics": ["accuracy"]}) == usual


def test_a_factor_on_all_weights_changes_no_word():
    rng = np.random.default_rng(3)
    labels = rng.random(2000) < 0.1
    batch = binary(labels, np.where(labels, 0.4, 0.2) + 0.1 * rng.random(2000), rng.random(2000) + 0.5)
    said = [
        [each["message"] for each in whole("binary", replace(batch, weight=batch.weight * factor))["findings"]]
        for factor in (1, 1e-8, 1e60)
    ]
    assert said[0] == said[1] == said[2]
    assert any("positive rows" in sentence for sentence in said[0])


def test_findings_come_by_severity():
    made = [
        {"code": str(place), "severity": severity} for place, severity in enumerate(("info", "error", "warning") * 2)
    ]
    assert [each["code"] for each in by_severity(made)] == ["1", "4", "2", "5", "0", "3"]


def test_the_table_is_there_as_data():
    rows = CLIENT.get("/v1/findings").get_json()["findings"]
    assert [row["code"] for row in rows] == [rule.name for _, rule in RULES]
    for row in rows:
        assert row["severity"] in SEVERITIES
        assert set(row["tasks"]) <= TASKS.keys()
        assert row["tasks"]
        assert row["found_when"]
        assert "{" not in row["found_when"]
        assert all(f"{value:g}" in row["found_when"] for value in row["thresholds"].values()), row


@pytest.mark.parametrize(("part", "rule"), RULES, ids=[f"{part}-{rule.function.__name__}" for part, rule in RULES])
def test_sentences_are_sentences(part: str, rule: Rule) -> None:
    for text in (rule.message, rule.advice):
        assert text[0].isupper() or text[0] == "{"
        assert text.endswith((".", "{detail}")), part
        assert all(name is None or name.isidentifier() for _, name, *_ in Formatter().parse(text))
    assert rule.function.__doc__.split("\n")[0].endswith((".", ","))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (0.123456, "0.1235"),
        (12.0, "12"),
        (True, "true"),
        (None, "undefined"),
        (["a", 1, 0.5], "a, 1 and 0.5"),
        ([7], "7"),
    ],
)
def test_numbers_are_written_for_people(value, text):
    assert WORDING.format("{0}", value) == text


def test_a_group_that_is_served_worse_is_named():
    rng = np.random.default_rng(0)
    labels, sex = rng.random(3000) < 0.5, rng.integers(0, 3, 3000)
    scores = np.where(sex == 1, rng.random(3000), 0.25 + 0.5 * labels + 0.2 * (rng.random(3000) - 0.5))
    groups = {"region": [["asia", "eu", "us"][place] for place in sex]}
    finding = found("binary", body(labels, scores, groups=groups))["group_far_behind"]
    assert finding["evidence"]["group"] == ["region eu"]
    assert finding["message"].startswith("By accuracy the model serves region eu worse than region ")
    alike = {"region": rng.permutation(groups["region"]).tolist()}
    assert "group_far_behind" not in found("binary", body(labels, scores, groups=alike))
    assert "group_far_behind" not in found("binary", body(labels, scores, groups=groups, intervals=False))


def test_a_gap_beyond_all_doubt_is_a_gap():
    """Its p-value is 0 in 64-bit floats."""
    rng = np.random.default_rng(0)
    labels, site = rng.integers(0, 2, 12_000), rng.integers(0, 2, 12_000)
    right = rng.random(12_000) < np.where(site == 0, 0.99, 0.3)
    request = body(labels, predictions=np.where(right, labels, 1 - labels), groups={"site": site.tolist()})
    finding = found("binary", request)["group_far_behind"]
    assert (finding["evidence"]["metric"], finding["evidence"]["p_value"]) == ("accuracy", 0.0)


def test_a_group_whose_errors_are_larger_is_named():
    rng = np.random.default_rng(1)
    labels, site = rng.standard_normal(1000), rng.integers(0, 2, 1000)
    predictions = labels + (1 + site) * rng.standard_normal(1000)
    request = body(labels, predictions=predictions, groups={"site": site}, metrics=["mean_absolute_error"])
    finding = found("regression", plain(request))["group_far_behind"]
    assert finding["evidence"]["group"] == ["site 1"]
    predictions = labels + (1 + 0.2 * site) * rng.standard_normal(1000)
    assert "group_far_behind" not in found("regression", plain(request | {"predictions": predictions.tolist()}))


def test_equal_metrics_of_scores_that_do_not_mirror_each_other_are_chance():
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1], 100)
    right = np.tile(np.arange(100) < 90, 2)
    scores = np.where(right == labels, 0.5 + rng.random(200) / 2, rng.random(200) / 2)
    assert "identical_metrics" not in found("binary", body(labels, scores))
    # As many rows by their counts, but not one for one.
    kept = np.r_[0:45, 90:95, 100:200]
    fewer = body(labels[kept], scores[kept], sample_weight=np.where(labels[kept], 1, 2), weights_are="counts")
    assert "identical_metrics" not in found("binary", fewer)
