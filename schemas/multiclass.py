"""The request for the report of a multiclass task."""

from typing import Any

import numpy as np
from marshmallow import ValidationError, post_load
from numpy.typing import NDArray

from schemas.columns import SUM_TOLERANCE, Classes, ClassLabels, LabelColumn, Probabilities, at_rows, too_many_classes
from schemas.requests import ReportRequest, Request, counts_of, refused, same_length
from service.metrics.batch import Batch, Label, Question
from service.metrics.exact import Floats


class MulticlassReport(ReportRequest):
    """A request for the report of a multiclass task."""

    task = "multiclass"

    labels = ClassLabels("What the model should have said.", required=True)
    scores = Probabilities(
        "In every row the probability of each class, in the order of classes; they add up to 1 within "
        f"{SUM_TOLERANCE:.6f} a class. Scores or predictions are required."
    )
    predictions = ClassLabels(
        "The classes the model chose; where left out those with the largest score, the first of a tie."
    )
    classes = Classes(
        "The classes in the order of the columns of scores, for ordered classes from low to high. Where left out, 0 to "
        "K - 1 if labels are among them, else the labels and predictions in sorted order."
    )

    def compared_cells(self, question: Question) -> int:
        """A confusion matrix, and the areas of each class against each other one."""
        return len(question.classes) ** 2

    @post_load
    def resolved(self, data: dict[str, Any], **_: Any) -> Request:
        """The request as the core takes it."""
        labels: LabelColumn = data["labels"]
        scores: Floats | None = data.get("scores")
        predictions: LabelColumn | None = data.get("predictions")
        declared: LabelColumn | None = data.get("classes")
        weight: Floats | None = data.get("sample_weight")
        same_length({"scores": scores, "predictions": predictions, "sample_weight": weight}, len(labels))
        if scores is None and predictions is None:
            raise refused("scores", "Neither scores nor predictions. Send one of them.")
        columns = {"labels": labels} | ({"predictions": predictions} if predictions else {})
        check_kinds(columns, declared)
        counted = [column.counted(weight) for column in columns.values()]
        widths = [column.width for column in columns.values() if column.width]
        widths += [] if scores is None else [scores.shape[1]]
        classes = classes_of(counted, declared, next(reversed(widths), 0))
        too_many = too_many_classes(len(classes), self.limits)
        if too_many:
            raise refused("labels", too_many, "limit-exceeded")
        other = set(widths) - {len(classes)}
        if other:
            text = f"{len(classes)} classes, but rows of {min(other)} columns."
            raise refused("classes", text, "length-mismatch")
        positions = {name: positions_of(name, column, classes, weight) for name, column in columns.items()}
        if "predictions" not in positions and scores is not None:
            positions["predictions"] = np.argmax(scores, axis=1)
        batch = Batch(positions["labels"], positions["predictions"], scores, weight)
        question = Question(self.task, tuple(classes), counts=counts_of(data))
        return self.request(data, batch, question)


def check_kinds(columns: dict[str, LabelColumn], declared: LabelColumn | None) -> None:
    """Refuse columns and classes of several types."""
    for name, column in columns.items():
        if column.kind != columns["labels"].kind:
            raise refused(name, "Of another type than labels. Send both alike.", "mixed-labels")
        if declared and not column.width and column.kind != declared.kind:
            raise refused("classes", f"Of another type than {name}.", "mixed-labels")


def classes_of(columns: list[LabelColumn], declared: LabelColumn | None, width: int) -> list[Label]:
    """The classes in the order of the columns; `width` is the number of columns, 0 where there are none."""
    if declared is not None:
        return list(declared.values) if isinstance(declared.values, list) else declared.values.tolist()
    if any(column.width for column in columns):
        return list(range(width))
    seen: set[Any] = set().union(*(column.distinct() for column in columns))
    if width and columns[0].kind == "integer" and min(seen) >= 0 and max(seen) < width:
        return list(range(width))
    if width and len(seen) != width:
        text = f"Rows of scores have {width} columns, but labels hold {len(seen)} classes. Name those of the columns."
        raise refused("classes", text, "length-mismatch")
    return sorted(seen)


def positions_of(name: str, column: LabelColumn, classes: list[Label], weight: Floats | None) -> NDArray[np.intp]:
    """The positions of labels among the classes; refuses rows that count and hold none of them."""
    if column.width:
        return np.asarray(column.values, dtype=np.intp)
    positions = column.positions(classes)
    outside = positions < 0
    if weight is not None:
        outside &= weight != 0
    if outside.any():
        wrong = at_rows(outside, "None of the classes. Name it in `classes`, or leave the row out.", "bad-label")
        raise ValidationError({name: wrong.messages})
    return np.maximum(positions, 0)
