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
    binary_influences,
    calibration,
    class_curves,
    class_influences,
    class_intervals,
    class_sections,
    classes,
    curves,
    denominators,
    findings,
    multiclass,
    multilabel,
    multilabel_influences,
    operating_points,
    quantiles,
    ranking,
    regression,
    regression_influences,
    sections,
)
from service.metrics.area_intervals import delong, dkw, of_average_precision
from service.metrics.batch import outputs
from service.metrics.binary_influences import PlacedSweep
from service.metrics.binary_states import ClassTotals, Sweep
from service.metrics.calibration_intervals import of_intercept, of_slope, of_spiegelhalter_z
from service.metrics.cell_intervals import delta, mover, wilson, wilson_of_f1
from service.metrics.class_area_intervals import (
    influence_over_classes,
    of_average_precision_macro,
    of_average_precision_micro,
    of_average_precision_over_labels,
    of_class_average_precision,
    of_class_roc_auc,
    of_ovo,
    of_ovo_weighted,
    of_ovr,
    of_ovr_weighted,
    of_roc_auc_macro,
    of_roc_auc_micro,
    ovo,
    ovo_weighted,
    ovr,
    ovr_weighted,
    precision_macro,
)
from service.metrics.class_area_states import ClassInfluences, LabelInfluences
from service.metrics.class_influences import PlacedTopLabel
from service.metrics.class_intervals import (
    of_balanced_accuracy,
    of_correlation,
    of_kappa,
    of_pooled,
    of_pooled_f1,
    of_pooled_labels,
)
from service.metrics.class_states import ClassTable, ColumnScores
from service.metrics.exact import Floats
from service.metrics.influences import Influence
from service.metrics.intervals import ATANH, LOG, LOGIT, Strategy, no_interval, of_mean, of_share
from service.metrics.loss_intervals import of_brier_score, of_class_brier_score, of_class_log_loss, of_log_loss
from service.metrics.losses import (
    absolute_error,
    gamma_deviance,
    half_absolute_error,
    poisson_deviance,
    relative_error,
    squared_error,
    squared_log_error,
    symmetric_error,
)
from service.metrics.multiclass_states import ClassScores, Confusion, Support, TopLabel
from service.metrics.multilabel_states import LabelCells, LabelScores, LabelSets
from service.metrics.ranking_intervals import influence_of_queries, of_queries
from service.metrics.ranking_states import QueryLabels, RankedRows
from service.metrics.regression_intervals import (
    of_crps,
    of_d2,
    of_error,
    of_explained_variance,
    of_loss,
    of_median,
    of_pearson,
    of_pinball_loss,
    of_r2,
    of_spearman,
)
from service.metrics.regression_states import Labels, Pairs
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
    with_intervals,
    with_metadata,
    with_quantiles,
)
from service.metrics.states import LabelState

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


def with_influence(influence: Callable[..., Influence], *metrics: Metric) -> tuple[Metric, ...]:
    """Metrics that rows have their influence on in the same way."""
    return tuple(replace(metric, influence=influence) for metric in metrics)


BINARY = Task(
    "binary",
    {LabelState: ClassTotals},
    (
        Row(sections.task),
        Row(sections.samples),
        Row(sections.total_weight),
        Row(sections.effective_samples),
        Row(sections.confidence_level, when=with_intervals),
        Row(sections.classes),
        Row(sections.pos_label),
        Row(sections.prevalence),
        Row(sections.class_effective_samples),
        Row(sections.threshold),
        *with_influence(
            binary_influences.of_cells,
            share(binary.accuracy, wilson),
            share(binary.balanced_accuracy, mover(binary.recall, binary.specificity), "single_class"),
            share(binary.precision, wilson, "no_predicted_positives"),
            share(binary.recall, wilson, "no_positive_labels"),
            share(binary.specificity, wilson, "no_negative_labels"),
            share(binary.negative_predictive_value, wilson, "no_predicted_negatives"),
            loss(binary.false_positive_rate, wilson, "no_negative_labels", high=1.0),
            loss(binary.false_negative_rate, wilson, "no_positive_labels", high=1.0),
            loss(binary.false_discovery_rate, wilson, "no_predicted_positives", high=1.0),
            *(
                share(binary.f_beta, uncertainty, "no_positives", options={"beta": beta}, title="f{beta}")
                for beta, uncertainty in ((1, wilson_of_f1), (0.5, OF_F_BETA), (2, OF_F_BETA))
            ),
            share(binary.jaccard, wilson, "no_positives"),
            score(binary.matthews_corrcoef, delta(ATANH), "single_class", "constant_predictions"),
            score(binary.cohen_kappa, delta(ATANH), "single_class"),
            Metric(
                binary.positive_likelihood_ratio,
                best=INFINITY,
                high=INFINITY,
                reasons=("single_class", "no_false_positives", "overflow"),
                uncertainty=delta(LOG),
            ),
            loss(binary.negative_likelihood_ratio, delta(LOG), "single_class", "no_true_negatives"),
        ),
        share(binary.roc_auc, delong, *NO_RANKING, influence=binary_influences.of_roc_auc),
        share(
            binary.average_precision,
            of_average_precision,
            *NO_POSITIVE_SCORES,
            influence=binary_influences.of_average_precision,
        ),
        share(binary.ks_statistic, dkw, *NO_RANKING, smooth=False),
        loss(
            binary.log_loss,
            of_log_loss,
            *NO_PROBABILITIES,
            high=52 * math.log(2),
            influence=binary_influences.of_log_loss,
        ),
        loss(
            binary.brier_score, of_brier_score, *NO_PROBABILITIES, high=1.0, influence=binary_influences.of_brier_score
        ),
        loss(binary.expected_calibration_error, BIASED, *NO_PROBABILITIES, high=1.0),
        loss(calibration.maximum_calibration_error, BIASED, *NO_PROBABILITIES, high=1.0),
        loss(calibration.root_mean_squared_calibration_error, BIASED, *NO_PROBABILITIES, high=1.0),
        number(calibration.spiegelhalter_z, of_spiegelhalter_z, *NO_PROBABILITIES, *NO_Z, test_statistic=True),
        number(
            calibration.calibration_slope,
            of_slope,
            *NO_RECALIBRATION,
            best=1.0,
            influence=binary_influences.of_calibration_slope,
        ),
        number(
            calibration.calibration_intercept,
            of_intercept,
            *NO_RECALIBRATION,
            influence=binary_influences.of_calibration_intercept,
        ),
        Row(sections.confusion_matrix),
        Row(calibration.calibration, reasons=NO_PROBABILITIES),
        Row(operating_points.max_f1, "operating_points", reasons=NO_POSITIVE_SCORES),
        Row(operating_points.youden, "operating_points", reasons=NO_RANKING),
        Row(curves.roc, "curves", with_curves, NO_RANKING),
        Row(curves.precision_recall, "curves", with_curves, NO_POSITIVE_SCORES),
        Row(curves.calibration, "curves", with_curves, NO_PROBABILITIES),
        Row(sections.metadata, when=with_metadata),
    ),
    compared={Sweep: binary_influences.PlacedSweep},
    of_groups=(share(binary.selection_rate, wilson, best=math.nan),),  # neither more nor less of it is better
    denominators={
        "single_class": denominators.smaller_class,
        "no_positive_labels": denominators.positive_labels,
        "no_negative_labels": denominators.negative_labels,
        "no_predicted_positives": denominators.predicted_positives,
        "no_predicted_negatives": denominators.predicted_negatives,
        "no_positives": denominators.positives,
    },
    fairness={
        "demographic_parity_difference": ("selection_rate",),
        "equal_opportunity_difference": ("recall",),
        "equalized_odds_difference": ("recall", "false_positive_rate"),
    },
)

NO_VARIATION = ("single_row", "constant_labels", "overflow")
NO_CORRELATION = ("single_row", "constant_labels", "constant_predictions")
Loss = Callable[[Floats, Floats], Floats]
OUT_OF_DOMAIN = ("labels_out_of_domain", "predictions_out_of_domain")


def of_point_predictions(*rows: Row) -> tuple[Row, ...]:
    """Rows that read one prediction a row. Of predicted quantiles it is the median, which may not be among them."""
    return tuple(replace(row, reasons=(*row.reasons, "no_median")) for row in rows)


def mean_loss(function: Callable[..., Any], of_row: Loss, *reasons: str, power: float = 1.0, **rest: Any) -> Metric:
    """A power of the mean of a loss of label and prediction."""
    influence = regression_influences.of_loss(of_row, power)
    return loss(function, of_loss(of_row, power), *reasons, influence=influence, **rest)


# Every error of a regression may leave the range of float64.
REGRESSION = Task(
    "regression",
    {LabelState: Labels},
    (
        Row(sections.task),
        Row(sections.samples),
        Row(sections.total_weight),
        Row(sections.effective_samples),
        Row(sections.confidence_level, when=with_intervals),
        *of_point_predictions(
            mean_loss(regression.mean_squared_error, squared_error, "overflow"),
            mean_loss(regression.root_mean_squared_error, squared_error, "overflow", power=0.5),
            mean_loss(regression.mean_absolute_error, absolute_error, "overflow"),
            loss(regression.median_absolute_error, of_median, "overflow"),
            loss(regression.max_error, no_interval("extreme_value"), "overflow"),
            number(regression.mean_error, of_error, "overflow", influence=regression_influences.of_error),
            score(regression.r2, of_r2, *NO_VARIATION, low=-INFINITY, influence=regression_influences.of_r2),
            score(
                regression.explained_variance,
                of_explained_variance,
                *NO_VARIATION,
                low=-INFINITY,
                influence=regression_influences.of_explained_variance,
            ),
            mean_loss(regression.mean_absolute_percentage_error, relative_error, "zero_label", "overflow"),
            mean_loss(regression.symmetric_mean_absolute_percentage_error, symmetric_error, high=2.0),
            mean_loss(regression.mean_squared_log_error, squared_log_error, *OUT_OF_DOMAIN),
            mean_loss(regression.mean_poisson_deviance, poisson_deviance, *OUT_OF_DOMAIN, "overflow"),
            mean_loss(regression.mean_gamma_deviance, gamma_deviance, *OUT_OF_DOMAIN, "overflow"),
            mean_loss(regression.mean_pinball_loss, half_absolute_error, "overflow"),
            score(regression.pearson, of_pearson, *NO_CORRELATION, influence=regression_influences.of_pearson),
            score(
                regression.spearman,
                of_spearman,
                *NO_CORRELATION,
                "uneven_weights",
                influence=regression_influences.of_spearman,
            ),
            score(
                regression.d2_absolute_error, of_d2, *NO_VARIATION, low=-INFINITY, influence=regression_influences.of_d2
            ),
        ),
        loss(
            quantiles.pinball_loss_at,
            of_pinball_loss,
            "overflow",
            title="pinball_loss_at_{quantile}",
            influence=regression_influences.of_pinball_loss,
            each=("quantile", "quantiles"),
        ),
        loss(quantiles.crps, of_crps, "overflow", when=with_quantiles, influence=regression_influences.of_crps),
        loss(
            quantiles.crossing_rate,
            of_share,
            high=1.0,
            when=with_quantiles,
            influence=regression_influences.of_crossing_rate,
        ),
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
    compared={Pairs: regression_influences.PlacedPairs},
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


def over_classes(function: Callable[..., Any], title: str, **options: Any) -> Iterator[Metric]:
    """The averages of a metric over classes."""
    strategies: dict[str, tuple[Strategy, Callable[..., Influence]]] = {
        "macro": (class_intervals.over_classes(), class_influences.over_classes()),
        "micro": (of_pooled, class_influences.of_pooled),
        "weighted": (class_intervals.over_classes(weighted=True), class_influences.over_classes(weighted=True)),
    }
    for of in classes.AVERAGES:
        uncertainty, influence = strategies[of]
        options = {**options, "average": of}
        yield share(function, uncertainty, options=options, title=f"{title}_{{average}}", influence=influence)


def kappa(function: Callable[..., Any], disagreement: Callable[[Any], Any]) -> Metric:
    """Kappa with the disagreement of classes at a distance."""
    influence = class_influences.of_kappa(disagreement)
    return score(function, of_kappa(disagreement), "single_class", influence=influence)


MULTICLASS = Task(
    "multiclass",
    {
        LabelState: Support,
        Sweep: TopLabel,
        PlacedSweep: PlacedTopLabel,
        ClassTable: Confusion,
        ColumnScores: ClassScores,
    },
    (
        Row(sections.task),
        Row(sections.samples),
        Row(sections.total_weight),
        Row(sections.effective_samples),
        Row(sections.confidence_level, when=with_intervals),
        Row(class_sections.classes),
        Row(class_sections.absent_classes),
        share(multiclass.accuracy, of_share, influence=class_influences.of_accuracy),
        share(
            multiclass.balanced_accuracy,
            of_balanced_accuracy,
            "absent_class",
            influence=class_influences.of_balanced_accuracy,
        ),
        *(
            share(
                multiclass.top_k_accuracy,
                of_share,
                "no_scores",
                options={"k": k},
                title="top_{k}_accuracy",
                influence=class_influences.of_top_k,
            )
            for k in (2, 3, 5)
        ),
        *over_classes(classes.precision, "precision"),
        *over_classes(classes.recall, "recall"),
        *over_classes(classes.f_beta, "f{beta}", beta=1),
        *over_classes(classes.f_beta, "f{beta}", beta=2),
        *over_classes(classes.jaccard, "jaccard"),
        score(
            multiclass.matthews_corrcoef,
            of_correlation,
            "single_class",
            "constant_predictions",
            influence=class_influences.of_correlation,
        ),
        kappa(multiclass.cohen_kappa, multiclass.apart),
        kappa(multiclass.cohen_kappa_linear, multiclass.steps_apart),
        kappa(multiclass.cohen_kappa_quadratic, multiclass.squares_apart),
        loss(
            multiclass.log_loss,
            of_class_log_loss,
            "no_scores",
            high=52 * math.log(2),
            influence=class_influences.of_loss(0),
        ),
        loss(
            multiclass.brier_score, of_class_brier_score, "no_scores", high=2.0, influence=class_influences.of_loss(1)
        ),
        loss(binary.expected_calibration_error, BIASED, "no_scores", high=1.0),
        loss(calibration.maximum_calibration_error, BIASED, "no_scores", high=1.0),
        loss(calibration.root_mean_squared_calibration_error, BIASED, "no_scores", high=1.0),
        number(calibration.spiegelhalter_z, of_spiegelhalter_z, "no_scores", *NO_Z, test_statistic=True),
        number(
            calibration.calibration_slope,
            of_slope,
            *NO_TOP_RECALIBRATION,
            best=1.0,
            influence=binary_influences.of_calibration_slope,
        ),
        number(
            calibration.calibration_intercept,
            of_intercept,
            *NO_TOP_RECALIBRATION,
            influence=binary_influences.of_calibration_intercept,
        ),
        share(multiclass.roc_auc_ovr, of_ovr, *NO_CLASS_RANKING, influence=influence_over_classes(ovr)),
        share(
            multiclass.roc_auc_ovr_weighted,
            of_ovr_weighted,
            *NO_CLASS_RANKING,
            influence=influence_over_classes(ovr_weighted),
        ),
        share(multiclass.roc_auc_ovo, of_ovo, *NO_RANKING, influence=influence_over_classes(ovo)),
        share(
            multiclass.roc_auc_ovo_weighted,
            of_ovo_weighted,
            *NO_RANKING,
            influence=influence_over_classes(ovo_weighted),
        ),
        share(
            multiclass.average_precision_macro,
            of_average_precision_macro,
            "no_scores",
            "absent_class",
            influence=influence_over_classes(precision_macro),
        ),
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
    with_intervals={ClassScores: ClassInfluences},
    compared={TopLabel: PlacedTopLabel, ClassScores: ClassInfluences},
    denominators={
        "single_class": denominators.outside_the_largest_class,
        "absent_class": denominators.smallest_class,
    },
)


def over_labels(
    function: Callable[..., Any], title: str, reason: str, pooled: Strategy = of_pooled_labels, **options: Any
) -> Iterator[Metric]:
    """The averages of a metric over labels. Pooled it may divide nothing; by support, where no row has a label."""
    every = multilabel_influences
    averages: tuple[tuple[str, Strategy, Callable[..., Influence], tuple[str, ...]], ...] = (
        ("micro", pooled, every.of_pooled, (reason,)),
        ("macro", class_intervals.over_labels(), every.over_labels(), ()),
        ("weighted", class_intervals.over_labels(weighted=True), every.over_labels(weighted=True), (NO_POSITIVE,)),
    )
    for of, uncertainty, influence, reasons in averages:
        options = {**options, "average": of}
        yield share(function, uncertainty, *reasons, options=options, title=f"{title}_{{average}}", influence=influence)


MULTILABEL = Task(
    "multilabel",
    {LabelState: LabelSets, ClassTable: LabelCells, ColumnScores: LabelScores},
    (
        Row(sections.task),
        Row(sections.samples),
        Row(sections.total_weight),
        Row(sections.effective_samples),
        Row(sections.confidence_level, when=with_intervals),
        Row(class_sections.classes),
        Row(class_sections.absent_classes),
        Row(sections.threshold),
        Row(multilabel.rows_without_labels),
        share(multilabel.subset_accuracy, of_share, influence=multilabel_influences.of_matches),
        loss(multilabel.hamming_loss, of_mean, high=1.0, influence=multilabel_influences.of_matches),
        *over_labels(classes.precision, "precision", "no_predicted_positives"),
        share(multilabel.precision_samples, of_mean, influence=multilabel_influences.of_matches),
        *over_labels(classes.recall, "recall", "no_positive_labels"),
        share(multilabel.recall_samples, of_mean, influence=multilabel_influences.of_matches),
        *over_labels(classes.f_beta, "f{beta}", "no_positives", of_pooled_f1, beta=1),
        share(multilabel.f1_samples, of_mean, influence=multilabel_influences.of_matches),
        *over_labels(classes.jaccard, "jaccard", "no_positives"),
        share(multilabel.jaccard_samples, of_mean, influence=multilabel_influences.of_matches),
        share(
            multilabel.roc_auc_macro, of_roc_auc_macro, *NO_RANKING, influence=multilabel_influences.of_roc_auc_macro
        ),
        share(
            multilabel.roc_auc_micro, of_roc_auc_micro, *NO_RANKING, influence=multilabel_influences.of_roc_auc_micro
        ),
        share(
            multilabel.average_precision_macro,
            of_average_precision_over_labels,
            *NO_POSITIVE_SCORES,
            influence=multilabel_influences.of_average_precision_macro,
        ),
        share(
            multilabel.average_precision_micro,
            of_average_precision_micro,
            *NO_POSITIVE_SCORES,
            influence=multilabel_influences.of_average_precision_micro,
        ),
        share(
            multilabel.label_ranking_average_precision, of_mean, "no_scores", influence=multilabel_influences.of_ranks
        ),
        loss(multilabel.coverage_error, of_mean, "no_scores", influence=multilabel_influences.of_ranks),
        loss(multilabel.label_ranking_loss, of_mean, "no_scores", high=1.0, influence=multilabel_influences.of_ranks),
        loss(
            multilabel.log_loss,
            of_mean,
            *NO_PROBABILITIES,
            high=52 * math.log(2),
            influence=multilabel_influences.of_log_loss,
        ),
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
    with_intervals={LabelScores: LabelInfluences},
    compared={LabelScores: LabelInfluences},
)

NO_RELEVANT = "no_relevant_documents"

RANKING = Task(
    "ranking",
    {LabelState: QueryLabels},
    (
        Row(sections.task),
        Row(sections.samples),
        Row(ranking.total_weight),
        Row(sections.effective_samples),
        Row(sections.confidence_level, when=with_intervals),
        Row(ranking.queries),
        Row(ranking.queries_without_relevant),
        Row(ranking.k),
        *(
            share(
                function,
                of_queries(ranking.AT_RANK[name]),
                NO_RELEVANT,
                title=f"{name}_at_{{k}}",
                each=("k", "k"),
                influence=influence_of_queries(ranking.AT_RANK[name]),
            )
            for name, function in (
                ("ndcg", ranking.ndcg),
                ("precision", ranking.precision),
                ("recall", ranking.recall),
                ("hit_rate", ranking.hit_rate),
                ("map", ranking.average_precision),
            )
        ),
        share(
            ranking.mrr,
            of_queries(RankedRows.reciprocal_rank),
            NO_RELEVANT,
            influence=influence_of_queries(RankedRows.reciprocal_rank),
        ),
        Row(ranking.per_query, when=ranking.with_queries),
        Row(curves.gain_by_rank, "curves", with_curves, (NO_RELEVANT,)),
        Row(sections.metadata, when=with_metadata),
    ),
    denominators={NO_RELEVANT: denominators.judged_queries},
)

TASKS: dict[str, Task] = {task.name: task for task in (BINARY, MULTICLASS, MULTILABEL, REGRESSION, RANKING)}
