"""THE list of what a report holds: for each task its metrics, its other sections, and the state of its labels.

A row says only what cannot be read from its function: summary, formula and reference come from the docstring, the
states from the annotations. Adding a metric is one function and one row here.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from service.metrics import (
    binary,
    calibration,
    class_curves,
    class_sections,
    classes,
    curves,
    findings,
    multiclass,
    multilabel,
    operating_points,
    quantiles,
    ranking,
    regression,
    sections,
)
from service.metrics.batch import outputs
from service.metrics.binary_states import ClassTotals, Sweep
from service.metrics.class_states import ClassTable, ColumnScores
from service.metrics.multiclass_states import ClassScores, Confusion, Support, TopLabel
from service.metrics.multilabel_states import LabelCells, LabelScores, LabelSets
from service.metrics.ranking_states import QueryLabels
from service.metrics.regression_states import Labels
from service.metrics.row import (
    INFINITY,
    Metric,
    Row,
    Table,
    Task,
    loss,
    number,
    score,
    share,
    with_curves,
    with_metadata,
    with_quantiles,
)
from service.metrics.states import LabelState

NO_RANKING = ("no_scores", "single_class")
NO_POSITIVE_SCORES = ("no_scores", "no_positive_labels")
NO_CLASS_RANKING = ("no_scores", "absent_class", "single_class")
NO_PROBABILITIES = ("no_scores", "scores_not_probabilities")
NO_Z = ("scores_without_variance", "overflow")
NO_FIT = ("constant_scores", "separable", "no_convergence")
NO_RECALIBRATION = (*NO_PROBABILITIES, "single_class", *NO_FIT)
NO_TOP_RECALIBRATION = ("no_scores", "one_outcome", *NO_FIT)

BINARY = Task(
    "binary",
    {LabelState: ClassTotals},
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
        loss(calibration.maximum_calibration_error, *NO_PROBABILITIES, high=1.0),
        loss(calibration.root_mean_squared_calibration_error, *NO_PROBABILITIES, high=1.0),
        number(calibration.spiegelhalter_z, *NO_PROBABILITIES, *NO_Z, test_statistic=True),
        number(calibration.calibration_slope, *NO_RECALIBRATION, best=1.0),
        number(calibration.calibration_intercept, *NO_RECALIBRATION),
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


def of_point_predictions(*rows: Row) -> tuple[Row, ...]:
    """Rows that read one prediction a row. Of predicted quantiles it is the median, which may not be among them."""
    return tuple(replace(row, reasons=(*row.reasons, "no_median")) for row in rows)


# Every error of a regression may leave the range of float64.
REGRESSION = Task(
    "regression",
    {LabelState: Labels},
    (
        Row(sections.task),
        Row(sections.samples),
        Row(sections.total_weight),
        *of_point_predictions(
            loss(regression.mean_squared_error, "overflow"),
            loss(regression.root_mean_squared_error, "overflow"),
            loss(regression.mean_absolute_error, "overflow"),
            loss(regression.median_absolute_error, "overflow"),
            loss(regression.max_error, "overflow"),
            number(regression.mean_error, "overflow"),
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
        ),
        loss(quantiles.pinball_loss_at, "overflow", title="pinball_loss_at_{quantile}", each=("quantile", "quantiles")),
        loss(quantiles.crps, "overflow", when=with_quantiles),
        loss(quantiles.crossing_rate, high=1.0, when=with_quantiles),
        Row(quantiles.quantile_calibration, when=with_quantiles),
        Row(quantiles.prediction_intervals, when=with_quantiles, reasons=("overflow",)),
        *of_point_predictions(
            Row(curves.predicted_against_actual, "curves", with_curves, ("overflow",)),
            Row(curves.residuals, "curves", with_curves, ("overflow",)),
            Row(curves.qq, "curves", with_curves, ("overflow",)),
        ),
        Row(sections.metadata, when=with_metadata),
    ),
    outputs,
)

# What is said of each class.
CLASS_ROWS: tuple[Row, ...] = (
    Row(class_sections.support),
    Row(class_sections.predicted),
    share(binary.precision, "no_predicted_positives"),
    share(binary.recall, "no_positive_labels"),
    share(binary.specificity, "no_negative_labels"),
    share(binary.f_beta, "no_positives", options={"beta": 1}, title="f{beta}"),
    share(classes.class_roc_auc, *NO_RANKING, title="roc_auc"),
    share(classes.class_average_precision, *NO_POSITIVE_SCORES, title="average_precision"),
)

MULTICLASS = Task(
    "multiclass",
    {LabelState: Support, Sweep: TopLabel, ClassTable: Confusion, ColumnScores: ClassScores},
    (
        Row(sections.task),
        Row(sections.samples),
        Row(sections.total_weight),
        Row(class_sections.classes),
        Row(class_sections.absent_classes),
        share(multiclass.accuracy),
        share(multiclass.balanced_accuracy, "absent_class"),
        *(share(multiclass.top_k_accuracy, "no_scores", options={"k": k}, title="top_{k}_accuracy") for k in (2, 3, 5)),
        *(share(classes.precision, options={"average": of}, title="precision_{average}") for of in classes.AVERAGES),
        *(share(classes.recall, options={"average": of}, title="recall_{average}") for of in classes.AVERAGES),
        *(
            share(classes.f_beta, options={"beta": beta, "average": of}, title="f{beta}_{average}")
            for beta in (1, 2)
            for of in classes.AVERAGES
        ),
        *(share(classes.jaccard, options={"average": of}, title="jaccard_{average}") for of in classes.AVERAGES),
        score(multiclass.matthews_corrcoef, "single_class", "constant_predictions"),
        score(multiclass.cohen_kappa, "single_class"),
        score(multiclass.cohen_kappa_linear, "single_class"),
        score(multiclass.cohen_kappa_quadratic, "single_class"),
        loss(multiclass.log_loss, "no_scores", high=52 * math.log(2)),
        loss(multiclass.brier_score, "no_scores", high=2.0),
        loss(binary.expected_calibration_error, "no_scores", high=1.0),
        loss(calibration.maximum_calibration_error, "no_scores", high=1.0),
        loss(calibration.root_mean_squared_calibration_error, "no_scores", high=1.0),
        number(calibration.spiegelhalter_z, "no_scores", *NO_Z, test_statistic=True),
        number(calibration.calibration_slope, *NO_TOP_RECALIBRATION, best=1.0),
        number(calibration.calibration_intercept, *NO_TOP_RECALIBRATION),
        share(multiclass.roc_auc_ovr, *NO_CLASS_RANKING),
        share(multiclass.roc_auc_ovr_weighted, *NO_CLASS_RANKING),
        share(multiclass.roc_auc_ovo, *NO_RANKING),
        share(multiclass.roc_auc_ovo_weighted, *NO_RANKING),
        share(multiclass.average_precision_macro, "no_scores", "absent_class"),
        Row(findings.findings, when=findings.with_micro_averages),
        Row(class_sections.confusion_matrix),
        Table(class_sections.per_class, rows=CLASS_ROWS),
        Row(calibration.calibration, reasons=("no_scores",)),
        Table(
            class_curves.per_class,
            "curves",
            with_curves,
            ("no_scores", "too_many_classes"),
            rows=(
                Row(curves.roc, reasons=("single_class",)),
                Row(curves.precision_recall, reasons=("no_positive_labels",)),
                Row(curves.calibration),
            ),
        ),
        Row(sections.metadata, when=with_metadata),
    ),
)


def over_labels(function: Callable[..., Any], title: str, reason: str, **options: Any) -> Iterator[Metric]:
    """The averages of a metric over labels. Pooled it may divide nothing; by support, where no row has a label."""
    for of, reasons in (("micro", (reason,)), ("macro", ()), ("weighted", ("no_positive_labels",))):
        yield share(function, *reasons, options={**options, "average": of}, title=f"{title}_{{average}}")


MULTILABEL = Task(
    "multilabel",
    {LabelState: LabelSets, ClassTable: LabelCells, ColumnScores: LabelScores},
    (
        Row(sections.task),
        Row(sections.samples),
        Row(sections.total_weight),
        Row(class_sections.classes),
        Row(class_sections.absent_classes),
        Row(sections.threshold),
        Row(multilabel.rows_without_labels),
        share(multilabel.subset_accuracy),
        loss(multilabel.hamming_loss, high=1.0),
        *over_labels(classes.precision, "precision", "no_predicted_positives"),
        share(multilabel.precision_samples),
        *over_labels(classes.recall, "recall", "no_positive_labels"),
        share(multilabel.recall_samples),
        *over_labels(classes.f_beta, "f{beta}", "no_positives", beta=1),
        share(multilabel.f1_samples),
        *over_labels(classes.jaccard, "jaccard", "no_positives"),
        share(multilabel.jaccard_samples),
        share(multilabel.roc_auc_macro, *NO_RANKING),
        share(multilabel.roc_auc_micro, *NO_RANKING),
        share(multilabel.average_precision_macro, *NO_POSITIVE_SCORES),
        share(multilabel.average_precision_micro, *NO_POSITIVE_SCORES),
        share(multilabel.label_ranking_average_precision, "no_scores"),
        loss(multilabel.coverage_error, "no_scores"),
        loss(multilabel.label_ranking_loss, "no_scores", high=1.0),
        loss(multilabel.log_loss, *NO_PROBABILITIES, high=52 * math.log(2)),
        Table(class_sections.per_class, rows=CLASS_ROWS),
        Table(
            class_curves.per_class,
            "curves",
            with_curves,
            ("no_scores", "too_many_classes"),
            rows=(
                Row(curves.roc, reasons=("single_class",)),
                Row(curves.precision_recall, reasons=("no_positive_labels",)),
                Row(curves.calibration, reasons=("scores_not_probabilities",)),
            ),
        ),
        Row(sections.metadata, when=with_metadata),
    ),
)

NO_RELEVANT = "no_relevant_documents"

RANKING = Task(
    "ranking",
    {LabelState: QueryLabels},
    (
        Row(sections.task),
        Row(sections.samples),
        Row(ranking.total_weight),
        Row(ranking.queries),
        Row(ranking.queries_without_relevant),
        Row(ranking.k),
        share(ranking.ndcg, NO_RELEVANT, title="ndcg_at_{k}", each=("k", "k")),
        share(ranking.precision, NO_RELEVANT, title="precision_at_{k}", each=("k", "k")),
        share(ranking.recall, NO_RELEVANT, title="recall_at_{k}", each=("k", "k")),
        share(ranking.hit_rate, NO_RELEVANT, title="hit_rate_at_{k}", each=("k", "k")),
        share(ranking.average_precision, NO_RELEVANT, title="map_at_{k}", each=("k", "k")),
        share(ranking.mrr, NO_RELEVANT),
        Row(ranking.per_query, when=ranking.with_queries),
        Row(curves.gain_by_rank, "curves", with_curves, (NO_RELEVANT,)),
        Row(sections.metadata, when=with_metadata),
    ),
)

TASKS: dict[str, Task] = {task.name: task for task in (BINARY, MULTICLASS, MULTILABEL, REGRESSION, RANKING)}
