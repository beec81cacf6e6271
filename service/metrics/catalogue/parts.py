"""What the tasks of the catalogue have in common: reasons, and rows."""

from collections.abc import Callable
from dataclasses import replace

from service.metrics import (
    binary,
    class_sections,
    classes,
    sections,
)
from service.metrics.cell_intervals import delta, wilson, wilson_of_f1
from service.metrics.class_area_intervals import (
    of_class_average_precision,
    of_class_roc_auc,
)
from service.metrics.influences import Influence
from service.metrics.intervals import LOGIT, no_interval
from service.metrics.row import (
    Metric,
    Row,
    share,
    with_intervals,
)

NO_POSITIVE = "no_positive_labels"
NO_RANKING = ("no_scores", "single_class")
NO_POSITIVE_SCORES = ("no_scores", "no_positive_labels")
NO_CLASS_RANKING = ("no_scores", "absent_class", "single_class")
NO_PROBABILITIES = ("no_scores", "scores_not_probabilities")
NO_Z = ("scores_without_variance", "overflow")
NO_FIT = ("constant_scores", "separable", "no_convergence")
NO_RECALIBRATION = (*NO_PROBABILITIES, "single_class", *NO_FIT)
BIASED = no_interval("biased_statistic")
OF_F_BETA = delta(LOGIT, tn=0)
NO_TOP_RECALIBRATION = ("no_scores", "one_outcome", *NO_FIT)

# What every report starts with.
HEAD: tuple[Row, ...] = (
    Row(sections.task),
    Row(sections.samples),
    Row(sections.total_weight),
    Row(sections.effective_samples),
    Row(sections.confidence_level, when=with_intervals),
)


# What is said of each class.
CLASS_ROWS: tuple[Row, ...] = (
    Row(class_sections.support),
    Row(class_sections.predicted),
    Row(class_sections.effective_samples),
    share(binary.precision, wilson, "no_predicted_positives"),
    share(binary.recall, wilson, "no_positive_labels"),
    share(binary.specificity, wilson, "no_negative_labels"),
    share(binary.f_beta, wilson_of_f1, "no_positives", options={"beta": 1}, title="f{beta}"),
    share(classes.class_roc_auc, of_class_roc_auc, *NO_RANKING, title="roc_auc"),
    share(classes.class_average_precision, of_class_average_precision, *NO_POSITIVE_SCORES, title="average_precision"),
)


def with_influence(influence: Callable[..., Influence], *metrics: Metric) -> tuple[Metric, ...]:
    """Metrics that rows have their influence on in the same way."""
    return tuple(replace(metric, influence=influence) for metric in metrics)
