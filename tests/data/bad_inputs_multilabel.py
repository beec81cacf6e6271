"""Requests for the report of a multilabel task, and what each must get."""

from typing import Any

from tests.data.bad_inputs import CANARY, Case, body_of, written

MULTILABEL = "/v1/multilabel/report"
ROWS: dict[str, Any] = {"labels": [[1, 0, 1], [0, 0, 1]], "scores": [[0.9, 0.2, 0.4], [0.1, 0.6, 0.8]]}
NAMES: dict[str, Any] = {"labels": [["rain", "wind"], []], "predictions": [["rain"], ["sun"]]}


def rows(name: str, status: int, slug: Any = (), *pointers: str, **fields: Any) -> Case:
    """A good request of rows of 0 and 1 with other fields; None takes a field away."""
    return Case(name, status, slug, body_of(ROWS, fields), pointers=pointers, target=MULTILABEL)


def names(name: str, status: int, slug: Any = (), *pointers: str, told: tuple[str, ...] = (), **fields: Any) -> Case:
    """A good request of names with other fields; None takes a field away."""
    return Case(name, status, slug, body_of(NAMES, fields), pointers=pointers, target=MULTILABEL, told=told)


def reported(name: str, gives: dict[str, Any], good: dict[str, Any], **fields: Any) -> Case:
    """A good request with other fields, which gets a report."""
    return written(name, gives, body_of(good, fields), MULTILABEL)


MATRICES = [
    rows("ML one value a row", 422, "schema", "#/labels", labels=[1, 0]),
    rows("ML one string a row", 422, "schema", "#/labels", labels=[CANARY, CANARY]),
    rows("ML a 2 among the labels", 422, "bad-label", "#/labels/1", labels=[[1, 0, 1], [0, 2, 1]]),
    rows("ML a fraction among the labels", 422, "bad-label", "#/labels/0", labels=[[0.5, 0, 1], [0, 0, 1]]),
    rows("ML -1 among the labels", 422, "bad-label", "#/labels/0", labels=[[-1, 1, 1], [1, 1, 1]]),
    rows("ML 1.0 and -0.0 are 1 and 0", 200, labels=[[1.0, -0.0, 1], [0, 0, 1]]),
    rows("ML booleans for 0 and 1", 422, "schema", "#/labels/0", labels=[[True, False, True], [False, False, True]]),
    rows("ML a null among the labels", 422, "schema", "#/labels/1", labels=[[1, 0, 1], [0, None, 1]]),
    rows("ML a shorter row", 422, "schema", "#/labels/1", labels=[[1, 0, 1], [0, 1]]),
    rows("ML a row that is a number", 422, "schema", "#/labels/1", labels=[[1, 0, 1], 1]),
    rows("ML rows of rows", 422, "schema", "#/labels/0", labels=[[[1], [0], [1]], [[0], [0], [1]]]),
    rows("ML an object as a row", 422, "schema", "#/labels/0", labels=[{"a": CANARY}, {}]),
    rows("ML no rows", 422, "empty-input", "#/labels", labels=[], scores=[]),
    rows("ML labels are missing", 422, "schema", "#/labels", labels=None),
    rows("ML more rows of scores", 422, "length-mismatch", "#/scores", scores=[[0, 0, 0]] * 3),
    rows("ML more columns of scores", 422, "length-mismatch", "#/scores", scores=[[0, 0, 0, 0]] * 2),
    rows("ML more columns of predictions", 422, "length-mismatch", "#/predictions", predictions=[[0] * 4] * 2),
    rows("ML more rows of predictions", 422, "length-mismatch", "#/predictions", predictions=[[0] * 3] * 3),
    rows("ML neither scores nor predictions", 422, "schema", "#/scores", scores=None),
    rows("ML one score a row", 422, "schema", "#/scores", scores=[0.5, 0.5]),
    rows("ML scores as strings", 422, "schema", "#/scores/0", scores=[[CANARY, "0", "0"], [0, 0, 0]]),
    rows("ML scores of two lengths", 422, "schema", "#/scores/1", scores=[[0, 0, 0], [0]]),
    rows("ML two weights too many", 422, "length-mismatch", "#/sample_weight", sample_weight=[1, 1, 1, 1]),
    rows("ML a negative weight", 422, "bad-weight", "#/sample_weight/0", sample_weight=[-1, 1]),
    rows("ML a threshold for predictions", 422, "bad-option", "#/threshold", predictions=[[0] * 3] * 2, threshold=0.5),
    rows("ML a metric of another task", 422, "bad-option", "#/metrics/0", metrics=["roc_auc"]),
    rows("ML pos_label is no field here", 422, "schema", "#/pos_label", pos_label=1),
    rows("ML an object for scores", 422, "schema", "#/scores", scores={"a": CANARY}),
]

CLASSES = [
    rows("ML as many classes as columns", 200, classes=["rain", "wind", "sun"]),
    rows("ML integer classes", 200, classes=[7, -2, 9007199254740993]),
    rows("ML too few classes", 422, "length-mismatch", "#/labels", classes=["rain", "wind"]),
    rows("ML a class twice", 422, "bad-option", "#/classes/2", classes=[CANARY, "wind", CANARY]),
    rows("ML classes of two types", 422, "mixed-labels", "#/classes", classes=[1, "wind", "sun"]),
    rows("ML boolean classes", 422, "bad-option", "#/classes", classes=[True, False]),
    rows("ML no classes", 422, "bad-option", "#/classes", classes=[]),
    rows("ML classes that are a string", 422, "schema", "#/classes", classes=CANARY),
    rows("ML classes in rows", 422, "schema", "#/classes/0", classes=[["rain"], ["wind"], ["sun"]]),
    rows("ML a null for a class", 422, "bad-label", "#/classes/1", classes=["rain", None, "sun"]),
]

SETS = [
    names("ML a name outside the classes", 422, "bad-label", "#/predictions/1", classes=["rain", "wind"]),
    names("ML a name twice in a row", 422, "bad-label", "#/labels/0", labels=[[CANARY, CANARY], []]),
    names("ML a number among names", 422, "bad-label", "#/labels/1", labels=[["rain"], [3]]),
    names("ML a null among names", 422, "bad-label", "#/labels/0", labels=[["rain", None], []]),
    names("ML an array among names", 422, "bad-label", "#/labels/0", labels=[["rain", [CANARY]], []]),
    names("ML an object among names", 422, "bad-label", "#/labels/0", labels=[["rain", {"a": CANARY}], []]),
    names("ML a string among rows of names", 422, "bad-label", "#/labels/1", labels=[["rain"], CANARY]),
    names("ML an object among rows of names", 422, "bad-label", "#/labels/1", labels=[["rain"], {"a": CANARY}]),
    names("ML a name of 257 characters", 422, "limit-exceeded", "#/labels/1", labels=[[], [CANARY.ljust(257)]]),
    names("ML a name with NUL", 422, "bad-label", "#/labels/0", labels=[[f"{CANARY}\0"], []]),
    names("ML names and rows of 0 and 1", 422, "mixed-labels", "#/predictions", predictions=[[1, 0], [0, 0]]),
    names("ML no name at all", 422, "bad-option", "#/classes", labels=[[], []], predictions=[[], []]),
    names("ML another number of rows", 422, "length-mismatch", "#/predictions", predictions=[["rain"]]),
    names(
        "ML fewer names than columns of scores",
        422,
        "length-mismatch",
        "#/classes",
        told=("2", "3"),
        predictions=None,
        scores=[[0, 0, 0]] * 2,
    ),
    names(
        "ML names beside rows of scores that nest too deep",
        422,
        (),
        "#/scores/1",
        predictions=None,
        scores=[[0.5, 0.5], [[0.5], 0.5]],
    ),
]

FAIR = [
    reported(
        "ML names, no label in a row",
        {"samples": 2, "rows_without_labels": 1, "classes": ["rain", "sun", "wind"], "threshold": None},
        NAMES,
    ),
    reported(
        "ML classes that no row names",
        {"classes": ["wind", "rain", "a", "sun"]},
        NAMES,
        classes=["wind", "rain", "a", "sun"],
    ),
    reported(
        "ML no row has a name, but classes do",
        {"metrics.f1_micro": None, "undefined.f1_micro.reason": "no_positives", "metrics.subset_accuracy": 1.0},
        NAMES,
        labels=[[], []],
        predictions=[[], []],
        classes=["rain"],
    ),
    reported(
        "ML a name outside the classes in a row of weight 0",
        {"samples": 1, "classes": ["rain"]},
        NAMES,
        labels=[["rain"], ["wind"]],
        classes=["rain"],
        predictions=[["rain"], ["sun"]],
        sample_weight=[1, 0],
    ),
    reported(
        "ML logits",
        {"metrics.log_loss": None, "undefined.log_loss.reason": "scores_not_probabilities", "threshold": 0.5},
        ROWS,
        scores=[[3, -2, 0.5], [-1, 0.25, 4]],
    ),
    reported("ML a threshold of its own", {"threshold": -1.0, "metrics.recall_micro": 1.0}, ROWS, threshold=-1),
    reported(
        "ML one label", {"classes": [0], "metrics.roc_auc_macro": 1.0}, ROWS, labels=[[1], [0]], scores=[[1], [0]]
    ),
    reported(
        "ML a label that every row has",
        {"metrics.roc_auc_macro": None, "undefined.roc_auc_macro.reason": "single_class", "metrics.roc_auc_micro": 1.0},
        ROWS,
        labels=[[1, 0], [1, 0]],
        scores=[[1, 0], [1, 0]],
    ),
]

CASES = [*MATRICES, *CLASSES, *SETS, *FAIR]
