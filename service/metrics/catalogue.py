"""THE list of what a report holds: for each task its metrics, its other sections, and the state of its labels.

A row says only what cannot be read from its function: summary, formula and reference come from the docstring, the
states from the annotations. Adding a metric is one function and one row here.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, get_type_hints

from service.metrics import binary, calibration, curves, operating_points, regression, sections
from service.metrics.batch import Reading
from service.metrics.binary_states import ClassTotals
from service.metrics.regression_states import Labels
from service.metrics.states import LabelState, State

INFINITY = math.inf


def always(_: Reading) -> bool:
    """Every report holds the row."""
    return True


def with_curves(reading: Reading) -> bool:
    """Reports that ask for curves hold the row."""
    return reading.curves


def with_metadata(reading: Reading) -> bool:
    """Reports whose request sent metadata hold the row."""
    return bool(reading.metadata)


@dataclass(frozen=True)
class Row:
    """A named part of a report: a function of states, of the question or of the reading, as its annotations say.

    `group` is the object of the report that holds it, the report itself where empty. `when` says which reports do,
    `reasons` why it may be null there.
    """

    function: Callable[..., Any]
    group: str = ""
    when: Callable[[Reading], bool] = always
    reasons: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def key(self) -> str:
        """The row's key in `undefined`."""
        return f"{self.group}.{self.name}" if self.group else self.name

    @property
    def bound(self) -> Mapping[str, Any]:
        """The arguments that the row itself binds."""
        return {}

    @cached_property
    def needs(self) -> dict[str, type]:
        """The type of each argument that comes from outside the row."""
        hints = get_type_hints(self.function)
        return {name: hints[name] for name in inspect.signature(self.function).parameters if name not in self.bound}

    @cached_property
    def states(self) -> tuple[type[State], ...]:
        """The kinds of states the row reads."""
        return tuple(kind for kind in self.needs.values() if issubclass(kind, State))

    def wanted(self, reading: Reading) -> bool:
        """Whether a report with this reading holds the row."""
        return self.when(reading)

    def documentation(self) -> dict[str, str]:
        """Summary, formula and reference, from the docstring."""
        lines = inspect.cleandoc(self.function.__doc__ or "").format(**self.bound).splitlines()
        tagged = dict(line.split(": ", 1) for line in lines if line.startswith(("Formula: ", "Reference: ")))
        summary = "\n".join(lines).split("\n\n")[0]
        return {
            "summary": summary.replace("\n", " "),
            "formula": tagged.get("Formula", ""),
            "reference": tagged.get("Reference", ""),
        }


@dataclass(frozen=True)
class Metric(Row):
    """A number of a report. `low` and `high` are its range, `best` its best value.

    `options` are bound arguments of the function and fill the braces of `title`, which is the name where the
    function's own will not do.
    """

    group: str = "metrics"
    best: float = 1.0
    low: float = 0.0
    high: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""

    @cached_property
    def name(self) -> str:
        return self.title.format(**self.options).replace(".", "_") or self.function.__name__

    @property
    def key(self) -> str:
        return self.name

    @property
    def bound(self) -> Mapping[str, Any]:
        return self.options

    @property
    def undefined_blind(self) -> bool:
        """Whether a model that knows nothing has no value: it predicts a constant."""
        return "constant_predictions" in self.reasons

    def wanted(self, reading: Reading) -> bool:
        return self.name in reading.metrics


@dataclass(frozen=True)
class Task:
    """A kind of question about a model. `rows` are in the order of the report; `labels` is what it knows of them."""

    name: str
    labels: type[LabelState]
    rows: tuple[Row, ...]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return tuple(row for row in self.rows if isinstance(row, Metric))


def share(function: Callable[..., Any], *reasons: str, best: float = 1.0, **rest: Any) -> Metric:
    """A metric in [0, 1]."""
    return Metric(function, best=best, reasons=reasons, **rest)


def loss(function: Callable[..., Any], *reasons: str, high: float = INFINITY, **rest: Any) -> Metric:
    """A metric that is 0 at best."""
    return Metric(function, best=0.0, high=high, reasons=reasons, **rest)


def score(function: Callable[..., Any], *reasons: str, low: float = -1.0) -> Metric:
    """A metric that is 1 at best and may be negative."""
    return Metric(function, low=low, reasons=reasons)


NO_RANKING = ("no_scores", "single_class")
NO_POSITIVE_SCORES = ("no_scores", "no_positive_labels")
NO_PROBABILITIES = ("no_scores", "scores_not_probabilities")

BINARY = Task(
    "binary",
    ClassTotals,
    (
        Row(sections.task),
        Row(sections.samples),
        Row(sections.total_weight),
        Row(sections.classes),
        Row(sections.pos_label),
        Row(sections.prevalence),
        Row(sections.threshold),
        share(binary.accuracy),
        share(binary.balanced_accuracy, "single_class"),
        share(binary.precision, "no_predicted_positives"),
        share(binary.recall, "no_positive_labels"),
        share(binary.specificity, "no_negative_labels"),
        share(binary.negative_predictive_value, "no_predicted_negatives"),
        loss(binary.false_positive_rate, "no_negative_labels", high=1.0),
        loss(binary.false_negative_rate, "no_positive_labels", high=1.0),
        loss(binary.false_discovery_rate, "no_predicted_positives", high=1.0),
        *(share(binary.f_beta, "no_positives", options={"beta": beta}, title="f{beta}") for beta in (1, 0.5, 2)),
        share(binary.jaccard, "no_positives"),
        score(binary.matthews_corrcoef, "single_class", "constant_predictions"),
        score(binary.cohen_kappa, "single_class"),
        Metric(
            binary.positive_likelihood_ratio,
            best=INFINITY,
            high=INFINITY,
            reasons=("single_class", "no_false_positives", "overflow"),
        ),
        loss(binary.negative_likelihood_ratio, "single_class", "no_true_negatives"),
        share(binary.roc_auc, *NO_RANKING),
        share(binary.average_precision, *NO_POSITIVE_SCORES),
        share(binary.ks_statistic, *NO_RANKING),
        loss(binary.log_loss, *NO_PROBABILITIES, high=52 * math.log(2)),
        loss(binary.brier_score, *NO_PROBABILITIES, high=1.0),
        loss(binary.expected_calibration_error, *NO_PROBABILITIES, high=1.0),
        Row(sections.confusion_matrix),
        Row(calibration.calibration, reasons=NO_PROBABILITIES),
        Row(operating_points.max_f1, "operating_points", reasons=NO_POSITIVE_SCORES),
        Row(operating_points.youden, "operating_points", reasons=NO_RANKING),
        Row(curves.roc, "curves", with_curves, NO_RANKING),
        Row(curves.precision_recall, "curves", with_curves, NO_POSITIVE_SCORES),
        Row(curves.calibration, "curves", with_curves, NO_PROBABILITIES),
        Row(sections.metadata, when=with_metadata),
    ),
)

# Every error of a regression may leave the range of float64.
REGRESSION = Task(
    "regression",
    Labels,
    (
        Row(sections.task),
        Row(sections.samples),
        Row(sections.total_weight),
        loss(regression.mean_squared_error, "overflow"),
        loss(regression.root_mean_squared_error, "overflow"),
        loss(regression.mean_absolute_error, "overflow"),
        loss(regression.median_absolute_error, "overflow"),
        loss(regression.max_error, "overflow"),
        Metric(regression.mean_error, best=0.0, low=-INFINITY, high=INFINITY, reasons=("overflow",)),
        score(regression.r2, "single_row", "constant_labels", "overflow", low=-INFINITY),
        score(regression.explained_variance, "single_row", "constant_labels", "overflow", low=-INFINITY),
        loss(regression.mean_absolute_percentage_error, "zero_label", "overflow"),
        loss(regression.symmetric_mean_absolute_percentage_error, high=2.0),
        loss(regression.mean_squared_log_error, "labels_out_of_domain", "predictions_out_of_domain"),
        loss(regression.mean_poisson_deviance, "labels_out_of_domain", "predictions_out_of_domain", "overflow"),
        loss(regression.mean_gamma_deviance, "labels_out_of_domain", "predictions_out_of_domain", "overflow"),
        loss(regression.mean_pinball_loss, "overflow", options={"alpha": 0.5}),
        score(regression.pearson, "single_row", "constant_labels", "constant_predictions"),
        score(regression.spearman, "single_row", "constant_labels", "constant_predictions", "uneven_weights"),
        score(regression.d2_absolute_error, "single_row", "constant_labels", "overflow", low=-INFINITY),
        Row(curves.predicted_against_actual, "curves", with_curves, ("overflow",)),
        Row(curves.residuals, "curves", with_curves, ("overflow",)),
        Row(sections.metadata, when=with_metadata),
    ),
)

TASKS: dict[str, Task] = {task.name: task for task in (BINARY, REGRESSION)}
