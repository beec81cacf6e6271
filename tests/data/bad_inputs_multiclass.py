"""Requests of the multiclass task, in the manner of bad_inputs.py."""

import json
import math
from typing import Any

from tests.data.bad_inputs import CANARY, Case, body_of, fair

MULTICLASS = "/v1/multiclass/report"
ROW = [0.2, 0.5, 0.3]
COLUMNS: dict[str, Any] = {
    "labels": ["a", "b", "c", "b"],
    "scores": [[0.7, 0.2, 0.1], ROW, [0.1, 0.1, 0.8], [0.4, 0.3, 0.3]],
    "classes": ["a", "b", "c"],
}
CHOSEN: dict[str, Any] = {"labels": ["a", "b", "c", "b"], "predictions": ["a", "b", "c", "a"]}
SCHEMA = ("schema", "bad-option")
ONE_HOT = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]
BAD_ROWS: list[Any] = [[0, 1, 1], [0, 0, 0], [0, 2, 0], [0, -1, 2], [0.5, 0.5, 0]]


def scored(name: str, status: int, slug: Any = (), *pointers: str, told: tuple[str, ...] = (), **rest: Any) -> Case:
    """A good request with scores and other fields; None takes a field away."""
    return Case(name, status, slug, body_of(COLUMNS, rest), target=MULTICLASS, pointers=pointers, told=told)


def chosen(name: str, status: int, slug: Any = (), *pointers: str, told: tuple[str, ...] = (), **rest: Any) -> Case:
    """A good request with predictions and other fields; None takes a field away."""
    return Case(name, status, slug, body_of(CHOSEN, rest), target=MULTICLASS, pointers=pointers, told=told)


def answered(name: str, good: dict[str, Any], gives: dict[str, Any], **rest: Any) -> Case:
    """A good request with other fields, which gets a report."""
    return fair(name, gives, MULTICLASS, **{key: value for key, value in (good | rest).items() if value is not None})


CASES = [
    scored("M C155 labels missing", 422, "schema", "#/labels", labels=None),
    scored("M C156 neither scores nor predictions", 422, "schema", "#/scores", scores=None),
    *(
        Case(
            f"M C158 null for {name}",
            422,
            SCHEMA,
            json.dumps(COLUMNS | {name: None}).encode(),
            target=MULTICLASS,
            pointers=(f"#/{name}",),
        )
        for name in ("labels", "scores", "predictions", "classes", "sample_weight", "metrics")
    ),
    *(
        scored(f"M C157 the field {name}", 422, "schema", f"#/{name}", **{name: 1})
        for name in ("pos_label", "threshold", "k", "quantiles", "queries", "class", "lables")
    ),
    *(
        scored(f"M C159 {value!r} as {name}", 422, SCHEMA, **{name: value})
        for name in ("labels", "scores", "predictions", "classes")
        for value in (CANARY, 1, True, {"0": 1})
    ),
    scored("M C160 flat scores", 422, "schema", "#/scores", scores=[0.5, 0.2, 0.1, 0.2]),
    scored("M C161 scores nested once more", 422, "schema", scores=[COLUMNS["scores"]]),
    scored("M C162 ragged scores", 422, "schema", scores=[ROW, ROW, [0.5, 0.5], ROW]),
    scored("M C163 an empty row of scores", 422, "schema", scores=[ROW, ROW, [], ROW]),
    scored("M C163 empty rows of scores", 422, (), scores=[[]] * 4),
    scored("M C164 a string among scores", 422, SCHEMA, scores=[ROW, ["0.2", 0.5, 0.3], ROW, ROW]),
    scored("M C168 true among scores", 422, SCHEMA, scores=[ROW, [True, False, False], ROW, ROW]),
    scored("M C169 an unknown metric", 422, "bad-option", "#/metrics/1", metrics=["accuracy", CANARY]),
    *(
        scored(f"M C169 {name}, a metric of another task", 422, "bad-option", "#/metrics/0", metrics=[name])
        for name in ("roc_auc", "precision", "r2", "top_1_accuracy", "top_4_accuracy", "f0_5_macro", "f1")
    ),
    scored("M C170 a metric twice", 422, "bad-option", "#/metrics/1", metrics=["f1_macro", "f1_macro"]),
    scored("M C171 no metric", 422, "bad-option", "#/metrics", metrics=[]),
    answered(
        "M C172 roc_auc_ovr of predictions",
        CHOSEN,
        {"metrics.roc_auc_ovr": None, "undefined.roc_auc_ovr.reason": "no_scores", "metrics.accuracy": 0.75},
        metrics=["roc_auc_ovr", "accuracy"],
    ),
    scored("M L178 labels and scores", 422, "length-mismatch", "#/scores", told=("4", "17"), scores=[ROW] * 17),
    chosen(
        "M L178 labels and predictions",
        422,
        "length-mismatch",
        "#/predictions",
        told=("4", "19"),
        predictions=["a"] * 19,
    ),
    scored("M L179 weights", 422, "length-mismatch", "#/sample_weight", told=("4", "3"), sample_weight=[1, 1, 1]),
    scored(
        "M L181 more columns than classes", 422, "length-mismatch", told=("3", "4"), scores=[[0.2, 0.3, 0.4, 0.1]] * 4
    ),
    scored("M L181 fewer columns than classes", 422, "length-mismatch", told=("3", "2"), scores=[[0.2, 0.8]] * 4),
    scored("M L181 columns of one-hot labels", 422, "length-mismatch", labels=[[1, 0]] * 4, told=("3", "2")),
    scored(
        "M L181 one-hot labels and scores of other widths", 422, "length-mismatch", labels=[[1, 0]] * 4, classes=None
    ),
    chosen(
        "M L181 one-hot labels and predictions of other widths",
        422,
        "length-mismatch",
        labels=[[1, 0]] * 4,
        predictions=ONE_HOT,
    ),
    scored(
        "M L181 columns that labels do not name", 422, "length-mismatch", "#/classes", labels=["a"] * 4, classes=None
    ),
    scored(
        "M L181 integers beyond the columns", 422, "length-mismatch", "#/classes", labels=[0, 1, 2, 3], classes=None
    ),
    scored("M L181 integers below 0", 422, "length-mismatch", "#/classes", labels=[-1, 0, 1, 2], classes=None),
    scored("M L182 no rows", 422, "empty-input", labels=[], scores=[]),
    answered(
        "M L183 one row",
        COLUMNS,
        {"samples": 1, "metrics.accuracy": 1.0, "metrics.balanced_accuracy": None, "metrics.roc_auc_ovo": None},
        labels=["b"],
        scores=[ROW],
    ),
    chosen("M Y184 1 and '1'", 422, "mixed-labels", labels=[1, "1", 0, 0]),
    chosen("M Y184 1 and true", 422, "mixed-labels", labels=[1, True, 0, 0], predictions=[0, 1, 1, 0]),
    chosen(
        "M Y184 labels strings, predictions integers", 422, "mixed-labels", "#/predictions", predictions=[0, 1, 2, 0]
    ),
    chosen("M Y184 labels strings, predictions one-hot", 422, "mixed-labels", "#/predictions", predictions=ONE_HOT),
    chosen("M Y184 labels strings, classes integers", 422, "mixed-labels", "#/classes", classes=[0, 1, 2]),
    chosen("M Y184 classes mixed", 422, "mixed-labels", "#/classes", classes=["a", 1, "c"]),
    *(
        chosen(f"M Y187 {value!r} as a label", 422, (), "#/labels/1", labels=["a", value, "c", "b"])
        for value in (None, 0.5, [], {})
    ),
    chosen("M Y187 fractions as labels", 422, "bad-label", "#/labels/1", labels=[0, 0.5, 1, 1], predictions=[0] * 4),
    chosen("M Y187 a fraction as a class", 422, "bad-label", "#/classes/1", classes=[0, 0.5, 1]),
    answered(
        "M Y188 'NaN' and '' are strings",
        CHOSEN,
        {"classes": ["", "NaN", "a"]},
        labels=["NaN", "", "a", "a"],
        predictions=["NaN", "", "", "a"],
    ),
    answered(
        "M Y190 one class only",
        COLUMNS,
        {
            "undefined.matthews_corrcoef.reason": "single_class",
            "undefined.roc_auc_ovr.reason": "single_class",
            "undefined.roc_auc_ovo.reason": "single_class",
            "undefined.balanced_accuracy.reason": "absent_class",
            "metrics.cohen_kappa": 0.0,
        },
        labels=["b"] * 4,
    ),
    answered(
        "M Y190 one class only, in labels and predictions",
        CHOSEN,
        {"undefined.cohen_kappa.reason": "single_class", "metrics.accuracy": 1.0, "classes": ["b"]},
        labels=["b"] * 4,
        predictions=["b"] * 4,
    ),
    chosen(
        "M Y191 a class predicted that is not declared",
        422,
        "bad-label",
        "#/predictions/3",
        predictions=["a", "b", "c", CANARY],
        classes=["c", "b", "a"],
    ),
    chosen("M Y191 a class labelled that is not declared", 422, "bad-label", "#/labels/2", classes=["a", "b", CANARY]),
    answered(
        "M Y191 an undeclared label of weight 0",
        CHOSEN,
        {"samples": 3, "classes": ["a", "b"], "metrics.accuracy": 2 / 3},
        classes=["a", "b"],
        predictions=["a", "b", "x", "a"],
        sample_weight=[1, 1, 0, 1],
    ),
    answered(
        "M Y192 a declared class never seen",
        CHOSEN,
        {"absent_classes": ["d"], "metrics.recall_macro": 0.625, "metrics.balanced_accuracy": None},
        classes=["a", "b", "c", "d"],
    ),
    *(scored(f"M Y196 the row {row}", 422, "bad-label", "#/labels/3", labels=[*ONE_HOT[:3], row]) for row in BAD_ROWS),
    *(
        chosen(f"M Y196 the predicted row {row}", 422, "bad-label", labels=ONE_HOT, predictions=[*ONE_HOT[:3], row])
        for row in BAD_ROWS
    ),
    chosen("M Y199 a class twice", 422, "bad-option", "#/classes/3", classes=["a", "b", "c", "b"]),
    chosen("M Y199 a class twice, written otherwise", 422, "bad-option", "#/classes/1", classes=[1, 1.0, 2]),
    chosen("M Y199 no classes", 422, ("bad-option", "empty-input"), "#/classes", classes=[]),
    chosen("M Y199 classes of classes", 422, SCHEMA, "#/classes/0", classes=[["a", "b"], ["c", "d"]]),
    chosen("M Y199 classes of numbers, nested", 422, SCHEMA, "#/classes", classes=[[0, 1], [1, 0]]),
    answered(
        "M Y200 classes unsorted",
        COLUMNS,
        {"classes": ["c", "a", "b"], "metrics.accuracy": 1.0, "metrics.log_loss": 2.0**-52},
        classes=["c", "a", "b"],
        scores=[[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 1]],
    ),
    answered(
        "M Y198 white space counts",
        CHOSEN,
        {"classes": ["A", "a", "a "]},
        labels=["a", "a ", "A", "a"],
        predictions=["a", "a", "A", "a "],
    ),
    *(
        scored(f"M P201 {row}", 422, "bad-scores", "#/scores/1", scores=[ROW, row, ROW, ROW])
        for row in ([1.2, -0.1, -0.1], [-0.1, 0.6, 0.5], [2, 0, 0], [5.1, -3.2, 0.4])
    ),
    *(
        scored(f"M P203 the row {row}", 422, "bad-scores", "#/scores/1", scores=[ROW, row, ROW, ROW])
        for row in ([0.2, 0.5, 0.30001], [0.2, 0.5, 0.2], [0, 0, 0], [1, 1, 1], [0.5, 0.5, 3.1e-6])
    ),
    answered(
        "M P203 rows within the tolerance",
        COLUMNS,
        {"samples": 4, "metrics.accuracy": 0.25},
        scores=[
            [0.5, 0.5, 2.9e-6],
            [0.0, 0.0, 1 - 2.9e-6],
            [1 / 3, 1 / 3, 1 / 3],
            [0.33333334, 0.33333334, 0.33333334],
        ],
    ),
    scored("M P205 null among scores", 422, SCHEMA, scores=[ROW, [None, 0.5, 0.5], ROW, ROW]),
    scored("M P205 null for a row of scores", 422, SCHEMA, scores=[ROW, None, ROW, ROW]),
    Case(
        "M S135 NaN among scores",
        400,
        "malformed-json",
        b'{"labels":[0,1],"scores":[[NaN,1],[0,1]]}',
        target=MULTICLASS,
    ),
    Case(
        "M S138 1e999 among scores",
        (400, 422),
        ("malformed-json", "nonfinite-number"),
        b'{"labels":[0,1],"scores":[[0.0,1.0],[0.0,1e999]]}',
        target=MULTICLASS,
    ),
    answered(
        "M S139 5e-324 and -0.0 among scores",
        COLUMNS,
        {"metrics.accuracy": 1.0, "metrics.log_loss": 52 * math.log(2) / 2},
        labels=[0, 1],
        classes=None,
        scores=[[1.0, -0.0], [1.0, 5e-324]],
        predictions=[0, 1],
    ),
    chosen("M S144 a label of 2^63", 422, "number-range", labels=[2**63, 1, 2, 3], predictions=[1, 2, 3, 4]),
    chosen("M W207 a negative weight", 422, "bad-weight", "#/sample_weight/1", sample_weight=[1, -1, 1, 1]),
    chosen("M W209 all weights 0", 422, "bad-weight", "#/sample_weight", sample_weight=[0, 0, 0, 0]),
    chosen("M W210 null as a weight", 422, SCHEMA, sample_weight=[1, None, 1, 1]),
    Case(
        "M R217 more classes than are taken",
        422,
        "limit-exceeded",
        json.dumps({"labels": [*range(1001)], "predictions": [*range(1001)]}).encode(),
        target=MULTICLASS,
        told=("1000", "1002001"),
    ),
    Case(
        "M R217 more columns than are taken",
        422,
        "limit-exceeded",
        json.dumps({"labels": [0], "scores": [[1] + [0] * 1000]}).encode(),
        target=MULTICLASS,
        told=("1000", "1002001"),
    ),
]
