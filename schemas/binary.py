"""The request for the report of a binary task."""

from typing import Any

from marshmallow import post_load

from schemas.columns import LabelColumn, Labels, ScoreColumn, Scores
from schemas.fields import CostsOfErrors, Number, OneLabel, Probability
from schemas.requests import ReportRequest, Request, counts_of, reaching, refused, same_length, threshold_of
from service.metrics.batch import Batch, Label, Layout, Question
from service.metrics.exact import Floats

TWO = "A binary task has two; /v1/multiclass/report takes more."
# What labels may hold so that the positive class needs no naming, and which it is.
UNDERSTOOD: tuple[tuple[set[Label], Label], ...] = (({0, 1}, 1), ({-1, 1}, 1))


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
    costs = CostsOfErrors(
        "What a false positive and a false negative cost, 0 or more and not both 0, for the threshold of least cost; "
        "both 1 where left out."
    )
    target_precision = Probability("The precision that the threshold of largest recall must reach; 0.9 where left out.")
    target_recall = Probability("The recall that the threshold of largest precision must reach; 0.9 where left out.")
    max_fpr = Probability(
        "Asks for partial_roc_auc, the area under the ROC curve up to this false positive rate; no such metric where "
        "left out."
    )

    @post_load
    def resolved(self, data: dict[str, Any], **_: Any) -> Request:
        """The request as the core takes it."""
        labels: LabelColumn = data["labels"]
        scores: ScoreColumn | None = data.get("scores")
        predictions: LabelColumn | None = data.get("predictions")
        weight: Floats | None = data.get("sample_weight")
        threshold = threshold_of(data)
        same_length({"scores": scores, "predictions": predictions, "sample_weight": weight}, len(labels))
        counted = [column.counted(weight) for column in (labels, predictions) if column is not None]
        negative, positive = classes_of(counted, data.get("pos_label"))
        values = None if scores is None else scores.values
        predicted = reaching(values, threshold) if predictions is None else predictions.equal_to(positive)
        if scores is not None and scores.pairs and sorts_first(positive, negative):
            raise refused(
                "scores",
                "Pairs are [p_negative, p_positive], but here the positive class sorts first, so they may be in sorted "
                "order. Send the positive class's score alone.",
                "bad-scores",
            )
        layout = Layout(one_hot=bool(labels.width), pairs=scores is not None and scores.pairs)
        batch = Batch(labels.equal_to(positive), predicted, values, weight, layout=layout)
        question = Question(self.task, (negative, positive), positive, threshold, counts=counts_of(data))
        return self.request(data, batch, question)


def classes_of(columns: list[LabelColumn], pos_label: Label | None) -> tuple[Label | None, Label]:
    """The negative class of labels and predictions, None where never seen, and the positive one."""
    if len({column.kind for column in columns}) > 1:
        raise refused("predictions", "Of another type than labels. Send both alike.", "mixed-labels")
    seen: set[Label] = set().union(*(column.some_distinct() for column in columns))
    if len(seen) > 2:
        raise refused("labels", f"Three or more classes in labels and predictions. {TWO}", "bad-label")
    if pos_label is None:
        positive = understood(columns[0].kind, seen)
    elif any(column.width for column in columns) and pos_label != 1:
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
