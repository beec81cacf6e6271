"""What the requests for a report share: fields of all tasks, and how they are resolved to what the core takes."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar

import numpy as np
from marshmallow import ValidationError
from numpy.typing import NDArray

from schemas.columns import Weights, at_rows
from schemas.complaints import Complaint, complaints_at
from schemas.fields import (
    EXACT_FLOAT,
    Choice,
    Flag,
    Integer,
    Limits,
    MetricNames,
    Probability,
    Strings,
    bad_elements,
)
from schemas.groups import Groups, grouped
from schemas.names import Strict, nearest
from schemas.requirements import Requirements, required
from service.metrics.batch import Batch, Partition, Question, Reading, without_zero_weights
from service.metrics.catalogue import TASKS
from service.metrics.exact import Floats
from service.metrics.row import Task

Request = tuple[Batch, Question, Reading]
DEFAULT_THRESHOLD = 0.5
DEFAULT_RESAMPLES, FEWEST_RESAMPLES = 2000, 200
# The fields of requests that are read as they are.
READ = {option.name for option in fields(Reading)}
ALL_METRICS = (
    "GET /v1/metrics lists them; some are there only for the k, quantiles or max_fpr of the request, as ndcg_at_5 is."
)


class ReportRequest(Strict):
    """What the requests of all tasks share."""

    task: ClassVar[str]

    sample_weight = Weights(
        "Weight of each row, 0 or from 1e-100 to 1e100; 1 where left out. Rows of weight 0 do not count."
    )
    weights_are = Choice(
        "What weights mean for intervals: with `reliability`, where left out, how far a row can be relied on; with "
        "`counts` how many equal rows it stands for, a whole number. Metrics are the same with both, but for "
        "spiegelhalter_z, which measures evidence.",
        "reliability",
        "counts",
    )
    metrics = MetricNames("The metrics to report; all of the task where left out.")
    curves = Flag("Whether to report curves; false where left out.")
    curve_points = Integer("The most points of a curve; 200 where left out.", 10, "max_curve_points")
    intervals = Flag("Whether to report an interval beside each metric; true where left out.")
    confidence_level = Probability("How often intervals are to cover the true value; 0.95 where left out.")
    interval_method = Choice(
        "`analytic` where left out; `bootstrap` draws the rows anew, as often as `resamples` says, and is slower.",
        "analytic",
        "bootstrap",
    )
    resamples = Integer("How often the bootstrap draws; 2000 where left out.", FEWEST_RESAMPLES, "max_resamples")
    seed = Integer("What the draws of the bootstrap start from; 0 where left out.", 0, int(EXACT_FLOAT))
    groups = Groups(
        "Columns by name, such as region, each of integers, booleans or strings: the report also holds the metrics of "
        "each group of rows with one value, and how far these groups are apart."
    )
    cross = Flag(
        "Whether rows are also grouped by each two names together; false where left out. Names and crossings are 10 at "
        "most."
    )
    requirements = Requirements(
        "What metrics must reach, for a verdict in the report: each names a metric with min, max or both, or a preset."
    )
    metadata = Strings("Strings to be echoed in the report, at most 100.")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        super().__init__()
        self.error_messages |= {"type": "Not an object."}

    @property
    def catalogue(self) -> Task:
        """What reports of the task hold."""
        return TASKS[self.task]

    def request(self, data: Mapping[str, Any], batch: Batch, question: Question) -> Request:
        """The request of a batch with all its rows, as the core takes it."""
        batch, partitions = grouped(batch, data, self.limits)
        groups, columns = sum(len(partition.groups) for partition in partitions), columns_of(data, question)
        cost, most = groups * columns, self.limits.max_group_columns
        if cost > most:
            text = (
                f"{groups} groups times {columns} classes, outputs or quantiles are {cost}. At most {most} are taken."
            )
            raise refused("groups", text, "limit-exceeded")
        return without_zero_weights(batch), question, self.reading(data, question, partitions)

    def compared_cells(self, question: Question) -> int:  # noqa: ARG002  # for tasks that need it
        """What a comparison costs each candidate, in cells; 0 where it grows no faster than the values sent."""
        return 0

    def reading(self, data: Mapping[str, Any], question: Question, partitions: tuple[Partition, ...] = ()) -> Reading:
        """What is to be read from the states, with defaults filled in. Refuses metrics that the question has not."""
        options = self.options(data, question, partitions)
        held = {metric.name: metric for metric in self.catalogue.metrics_of(question, options)}
        asked = data.get("metrics", held)
        unknown = bad_elements(
            asked,
            lambda name: None if name in held else f"No metric of this request.{nearest(name, held)} {ALL_METRICS}",
        )
        if unknown:
            raise ValidationError({"metrics": complaints_at(unknown, "bad-option").messages})
        required_of = required(
            data.get("requirements", ()),
            {name: held[name] for name in asked},
            self.limits.presets,
            partitions,
            intervals=options.intervals,
        )
        return replace(options, metrics=tuple(asked), requirements=required_of)

    def options(self, data: Mapping[str, Any], question: Question, partitions: tuple[Partition, ...]) -> Reading:
        """The reading of no metrics yet: which there are may depend on the rest of it."""
        given = {name: value for name, value in data.items() if name in READ}
        given.setdefault("curve_points", min(Reading.curve_points, self.limits.max_curve_points))
        resamples = self.resamples_of(data, question)
        return Reading(**given | {"metrics": (), "requirements": (), "partitions": partitions, "resamples": resamples})

    def resamples_of(self, data: Mapping[str, Any], question: Question) -> int:
        """How often a bootstrap draws the rows anew, 0 where none is asked for. Refuses one of too many values."""
        if data.get("interval_method") != "bootstrap" or not data.get("intervals", True):
            return 0
        resamples: int = data.get("resamples", min(DEFAULT_RESAMPLES, self.limits.max_resamples))
        columns = columns_of(data, question)
        cost, most = resamples * columns * (len(data["labels"]) + columns), self.limits.max_resampled_values
        if cost > most:
            raise refused(
                "resamples",
                f"{resamples} resamples of this batch are {cost} values to draw (columns times rows and columns), and "
                f"at most {most} are drawn. Ask for fewer, or leave out interval_method.",
                "limit-exceeded",
            )
        return resamples


def columns_of(data: Mapping[str, Any], question: Question) -> int:
    """How many classes, labels, outputs or quantiles each row has."""
    outputs = data["labels"].shape[1:] if isinstance(data["labels"], np.ndarray) else ()
    return max(1, len(question.classes), len(question.quantiles), *outputs)


def counts_of(data: Mapping[str, Any]) -> bool:
    """Whether weights are numbers of equal rows. Refuses those that are not whole, or add up to too many."""
    if data.get("weights_are") != "counts":
        return False
    weights: Floats | None = data.get("sample_weight")
    if weights is not None:
        broken = weights != np.floor(weights)
        if broken.any():
            text = "Not a whole number, but weights_are says that weights are counts."
            raise ValidationError({"sample_weight": at_rows(broken, text, "bad-weight").messages})
        if weights.sum() >= EXACT_FLOAT:
            raise refused("sample_weight", f"Counts of {EXACT_FLOAT:.0f} rows or more.", "bad-weight")
    return True


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
