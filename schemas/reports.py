"""The requests for a report: one schema a task, each of which resolves its fields to what the core takes."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from marshmallow import Schema, ValidationError, post_load

from schemas.columns import LabelColumn, Labels, Outputs, ScoreColumn, Scores, Weights
from schemas.complaints import Complaint
from schemas.fields import CurvePoints, Flag, Limits, MetricNames, Number, OneLabel, Strings
from service.metrics.batch import Batch, Label, Question, Reading, without_zero_weights
from service.metrics.catalogue import TASKS
from service.metrics.exact import Floats

Request = tuple[Batch, Question, Reading]
DEFAULT_THRESHOLD = 0.5
# What labels may hold so that the positive class needs no naming, and which it is.
UNDERSTOOD: tuple[tuple[set[Label], Label], ...] = (({0, 1}, 1), ({-1, 1}, 1))


class ReportRequest(Schema):
    """What the requests of all tasks share."""

    task: ClassVar[str]

    sample_weight = Weights(
        "Weight of each row, 0 or from 1e-100 to 1e100; 1 where left out. Rows of weight 0 do not count."
    )
    metrics = MetricNames("The metrics to report; all of the task where left out.")
    curves = Flag("Whether to report curves; false where left out.")
    curve_points = CurvePoints("The most points of a curve; 200 where left out.")
    metadata = Strings("Strings to be echoed in the report, at most 100.")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        super().__init__()
        self.error_messages |= {
            "unknown": f"There is no such field. The fields are {', '.join(self.fields)}.",
            "type": "Not an object.",
        }

    @property
    def names(self) -> list[str]:
        """The names of the task's metrics."""
        return [metric.name for metric in TASKS[self.task].metrics]

    def reading(self, data: Mapping[str, Any]) -> Reading:
        """What is to be read from the states, with defaults filled in."""
        return Reading(
            metrics=data.get("metrics") or tuple(self.names),
            curves=data.get("curves", False),
            curve_points=data.get("curve_points", min(Reading.curve_points, self.limits.max_curve_points)),
            metadata=data.get("metadata", {}),
        )


def same_length(columns: Mapping[str, Any], rows: int) -> None:
    """Refuse columns that differ in length from the labels."""
    errors = {
        name: [Complaint(f"Of length {len(column)}, but labels is of length {rows}.", "length-mismatch")]
        for name, column in columns.items()
        if column is not None and len(column) != rows
    }
    if errors:
        raise ValidationError(dict(errors))


class BinaryReport(ReportRequest):
    """A request for the report of a binary task."""

    task = "binary"

    labels = Labels("What the model should have said.", required=True)
    scores = Scores(
        "What the model said, higher meaning more positive: a number a row, or pairs [p_negative, p_positive], of "
        "which the second is the score. Scores or predictions are required."
    )
    predictions = Labels("The classes the model chose; scores >= threshold where left out.")
    pos_label = OneLabel(
        "The positive class; 1 or true where labels are 0 and 1, -1 and 1, or booleans, else required."
    )
    threshold = Number(
        "Scores of this or more are predicted positive; 0.5 where left out, whatever the range of the scores."
    )

    @post_load
    def resolved(self, data: dict[str, Any], **_: Any) -> Request:
        """The request as the core takes it."""
        labels: LabelColumn = data["labels"]
        scores: ScoreColumn | None = data.get("scores")
        predictions: LabelColumn | None = data.get("predictions")
        weight: Floats | None = data.get("sample_weight")
        if predictions is not None and "threshold" in data:
            raise refused("threshold", "Without effect on predictions that were sent. Leave out one.", "bad-option")
        same_length({"scores": scores, "predictions": predictions, "sample_weight": weight}, len(labels))
        counted = [column.counted(weight) for column in (labels, predictions) if column is not None]
        negative, positive = classes_of(counted, data.get("pos_label"))
        threshold = None
        if predictions is not None:
            predicted = predictions.equal_to(positive)
        elif scores is not None:
            threshold = data.get("threshold", DEFAULT_THRESHOLD)
            predicted = np.asarray(scores.values >= threshold)
        else:
            raise refused("scores", "Neither scores nor predictions. Send one of them.")
        if scores is not None and scores.pairs and sorts_first(positive, negative):
            raise refused(
                "scores",
                "Pairs are [p_negative, p_positive], but here the positive class sorts first, so they may be in sorted "
                "order. Send the positive class's score alone.",
                "bad-scores",
            )
        batch = Batch(labels.equal_to(positive), predicted, None if scores is None else scores.values, weight)
        question = Question(self.task, (negative, positive), positive, threshold)
        return without_zero_weights(batch), question, self.reading(data)


def classes_of(columns: list[LabelColumn], pos_label: Label | None) -> tuple[Label | None, Label]:
    """The negative class of labels and predictions, None where never seen, and the positive one."""
    if len({column.kind for column in columns}) > 1:
        raise refused("predictions", "Of another type than labels. Send both alike.", "mixed-labels")
    seen: set[Label] = set().union(*(column.some_distinct() for column in columns))
    if len(seen) > 2:
        raise refused("labels", "Three or more classes in labels and predictions. A binary task has two.", "bad-label")
    if pos_label is None:
        positive = understood(columns[0].kind, seen)
    elif any(column.one_hot for column in columns) and pos_label != 1:
        raise refused("pos_label", "The positive class of pairs is their second column: 1.", "bad-option")
    elif type(pos_label) is not type(next(iter(seen))):
        raise refused("pos_label", "Of another type than labels.", "bad-option")
    elif len(seen) == 2 and pos_label not in seen:
        raise refused("pos_label", "Neither of the two classes in labels and predictions.", "bad-option")
    else:
        positive = pos_label
    return next(iter(seen - {positive}), None), positive


def sorts_first(positive: Label, negative: Label | None) -> bool:
    """Whether a library that sorts its classes puts the positive one into the first column."""
    return negative is not None and positive < negative  # type: ignore[operator]  # both are of one type


def understood(kind: str, seen: set[Label]) -> Label:
    """The positive class of labels that need no naming."""
    if kind == "boolean":
        return True
    for classes, positive in UNDERSTOOD:
        if kind == "integer" and seen <= classes:
            return positive
    raise refused(
        "pos_label",
        "Name the positive class. Only the integers 0 and 1, or -1 and 1, and booleans say it themselves.",
        "bad-option",
    )


def refused(field: str, text: str, slug: str = "schema") -> ValidationError:
    """The refusal of a field for what another one holds."""
    return ValidationError({field: [Complaint(text, slug)]})


class RegressionReport(ReportRequest):
    """A request for the report of a regression."""

    task = "regression"

    labels = Outputs("The true values: one a row, or a row of several outputs.", required=True)
    predictions = Outputs("What the model predicted, in the shape of labels.", required=True)

    @post_load
    def resolved(self, data: dict[str, Any], **_: Any) -> Request:
        """The request as the core takes it."""
        labels, predictions, weight = data["labels"], data["predictions"], data.get("sample_weight")
        same_length({"predictions": predictions, "sample_weight": weight}, len(labels))
        if labels.shape != predictions.shape:
            raise refused("predictions", "As many rows as labels, but another number of outputs.", "length-mismatch")
        reading = self.reading(data)
        if reading.curves and labels.ndim == 2 and labels.shape[1] > 1:
            raise refused("curves", "Curves show one output. Send each output on its own.", "bad-option")
        batch = Batch(truth=labels, predicted=predictions, weight=weight)
        return without_zero_weights(batch), Question(self.task), reading


REPORTS: dict[str, type[ReportRequest]] = {schema.task: schema for schema in (BinaryReport, RegressionReport)}
