"""The request for the report of a multilabel task."""

from typing import Any

import numpy as np
from marshmallow import ValidationError, post_load

from schemas.columns import LabelColumn, at_rows
from schemas.fields import Number
from schemas.label_sets import Bools, LabelNames, LabelScores, LabelSets, NameSets, too_many_labels
from schemas.requests import ReportRequest, Request, counts_of, reaching, refused, same_length, threshold_of
from service.metrics.batch import Batch, Label, Question
from service.metrics.exact import Floats

Sets = Bools | NameSets


class MultilabelReport(ReportRequest):
    """A request for the report of a multilabel task."""

    task = "multilabel"

    labels = LabelSets(
        "The labels that each row should have got: a row of 0 and 1 with a column for each label, or an array of the "
        "names of those it has.",
        required=True,
    )
    scores = LabelScores(
        "In every row a number for each label, in the order of classes, higher meaning more likely; probabilities or "
        "not. Scores or predictions are required."
    )
    predictions = LabelSets("The labels that the model chose, like labels; scores >= threshold where left out.")
    classes = LabelNames(
        "The labels in the order of the columns. Where left out, 0 to L - 1 for rows of 0 and 1, else the names in "
        "labels and predictions in sorted order."
    )
    threshold = Number(
        "Labels with this score or more are predicted; 0.5 where left out, whatever the range of the scores."
    )

    @post_load
    def resolved(self, data: dict[str, Any], **_: Any) -> Request:
        """The request as the core takes it."""
        scores: Floats | None = data.get("scores")
        weight: Floats | None = data.get("sample_weight")
        sets: dict[str, Sets] = {name: data[name] for name in ("labels", "predictions") if name in data}
        threshold = threshold_of(data)
        same_length({"scores": scores, "sample_weight": weight, **sets}, len(sets["labels"]))
        if len(set(map(type, sets.values()))) > 1:
            raise refused("predictions", "Names here and 0 and 1 in labels, or the reverse.", "mixed-labels")
        classes = self.classes_of(data.get("classes"), sets, scores, weight)
        held = {name: matrix_of(name, column, classes, weight) for name, column in sets.items()}
        batch = Batch(held["labels"], held.get("predictions", reaching(scores, threshold)), scores, weight)
        question = Question(self.task, tuple(classes), threshold=threshold, counts=counts_of(data))
        return self.request(data, batch, question)

    def classes_of(
        self, declared: LabelColumn | None, sets: dict[str, Sets], scores: Floats | None, weight: Floats | None
    ) -> list[Label]:
        """The labels in the order of the columns. Refuses columns of another number."""
        columns = {**sets, "scores": scores}
        widths = {name: column.shape[1] for name, column in columns.items() if isinstance(column, np.ndarray)}
        if declared is not None:
            classes: list[Label] = np.asarray(declared.values, dtype=object).tolist()
        elif "labels" in widths:
            classes = list(range(widths["labels"]))
        else:
            named = (held.distinct(weight) for held in sets.values() if isinstance(held, NameSets))
            classes = sorted(set[str]().union(*named))
            if widths.get("scores", len(classes)) != len(classes):
                text = f"{len(classes)} names, but rows of {widths['scores']} scores. Name the label of each column."
                raise refused("classes", text, "length-mismatch")
        if not classes:
            raise refused("classes", "No row names a label. Send the names of all labels here.", "bad-option")
        too_many = too_many_labels(len(classes), self.limits)
        if too_many:
            raise refused("labels", too_many, "limit-exceeded")
        cells, most = len(sets["labels"]) * len(classes), self.limits.max_values
        if cells > most:
            text = f"Rows with {len(classes)} labels make {cells} cells in all. At most {most} are taken."
            raise refused("labels", text, "too-many-values")
        for name, width in widths.items():
            if width != len(classes):
                raise refused(name, f"Rows of {width} columns, but there are {len(classes)} labels.", "length-mismatch")
        return classes


def matrix_of(name: str, held: Sets, classes: list[Label], weight: Floats | None) -> Bools:
    """Which labels each row has, by the order of the classes; refuses rows that count and name others."""
    if not isinstance(held, NameSets):
        return held
    matrix, unknown = held.matrix(classes, weight)
    if unknown.any():
        wrong = at_rows(unknown, "A name that is none of the classes.", "bad-label")
        raise ValidationError({name: wrong.messages})
    return matrix
