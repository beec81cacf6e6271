"""What the requests for a report share: fields of all tasks, and how they are resolved to what the core takes."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from marshmallow import Schema, ValidationError
from numpy.typing import NDArray

from schemas.columns import Weights
from schemas.complaints import Complaint, complaints_at
from schemas.fields import CurvePoints, Flag, Limits, MetricNames, Strings, bad_elements
from service.metrics.batch import Batch, Question, Reading
from service.metrics.catalogue import TASKS
from service.metrics.exact import Floats
from service.metrics.row import Task

Request = tuple[Batch, Question, Reading]
DEFAULT_THRESHOLD = 0.5
UNKNOWN_METRIC = (
    "No metric of this request. GET /v1/metrics lists them; some are there only for the k or quantiles of the "
    "request, as ndcg_at_5 is."
)


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
    def catalogue(self) -> Task:
        """What reports of the task hold."""
        return TASKS[self.task]

    def reading(self, data: Mapping[str, Any], question: Question) -> Reading:
        """What is to be read from the states, with defaults filled in. Refuses metrics that the question has not."""
        names = dict.fromkeys(self.catalogue.names(question))
        asked = data.get("metrics", names)
        unknown = bad_elements(asked, lambda name: None if name in names else UNKNOWN_METRIC)
        if unknown:
            raise ValidationError({"metrics": complaints_at(unknown, "bad-option").messages})
        return Reading(
            metrics=tuple(asked),
            curves=data.get("curves", False),
            curve_points=data.get("curve_points", min(Reading.curve_points, self.limits.max_curve_points)),
            per_query=data.get("per_query", False),
            metadata=data.get("metadata", {}),
        )


def threshold_of(data: Mapping[str, Any]) -> float | None:
    """The score from which on a row is predicted positive; None where predictions say so.

    Refuses a request that has neither scores nor predictions, or a threshold beside predictions.
    """
    if "predictions" in data:
        if "threshold" in data:
            raise refused("threshold", "Without effect on predictions that were sent. Leave out one.", "bad-option")
        return None
    if "scores" not in data:
        raise refused("scores", "Neither scores nor predictions. Send one of them.")
    return float(data.get("threshold", DEFAULT_THRESHOLD))


def reaching(scores: Floats | None, threshold: float | None) -> NDArray[np.bool_] | None:
    """Which scores are predicted positive; None where there are no scores or predictions say it."""
    return None if scores is None or threshold is None else np.asarray(scores >= threshold)


def same_length(columns: Mapping[str, Any], rows: int) -> None:
    """Refuse columns that differ in length from the labels."""
    errors = {
        name: [Complaint(f"Of length {len(column)}, but labels is of length {rows}.", "length-mismatch")]
        for name, column in columns.items()
        if column is not None and len(column) != rows
    }
    if errors:
        raise ValidationError(dict(errors))


def refused(field: str, text: str, slug: str = "schema") -> ValidationError:
    """The refusal of a field for what another one holds."""
    return ValidationError({field: [Complaint(text, slug)]})
