"""What reports of a binary task hold."""

import math

from service.metrics import (
    binary,
    binary_influences,
    calibration,
    curves,
    denominators,
    operating_points,
    sections,
)
from service.metrics.area_intervals import delong, dkw, of_average_precision, partial_delong
from service.metrics.binary_states import ClassTotals
from service.metrics.calibration_intervals import of_intercept, of_slope, of_spiegelhalter_z
from service.metrics.catalogue.parts import (
    BIASED,
    HEAD,
    NO_POSITIVE_SCORES,
    NO_PROBABILITIES,
    NO_RANKING,
    NO_RECALIBRATION,
    NO_Z,
    OF_F_BETA,
    with_influence,
)
from service.metrics.cell_intervals import delta, mover, wilson, wilson_of_f1
from service.metrics.intervals import ATANH, LOG
from service.metrics.loss_intervals import of_brier_score, of_log_loss
from service.metrics.row import (
    INFINITY,
    Metric,
    Row,
    Task,
    loss,
    number,
    score,
    share,
    with_curves,
    with_max_fpr,
    with_metadata,
)
from service.metrics.states import LabelState, Rows
from service.metrics.sweep_states import Sweep

BINARY = Task(
    "binary",
    {LabelState: ClassTotals, Rows: Sweep},
    (
        *HEAD,
        Row(sections.classes),
        Row(sections.pos_label),
        Row(sections.prevalence),
        Row(sections.class_effective_samples),
        Row(sections.threshold),
        Row(sections.max_fpr, when=with_max_fpr),
        *with_influence(
            binary_influences.of_cells,
            share(binary.accuracy, wilson),
            share(binary.balanced_accuracy, mover(binary.recall, binary.specificity), "single_class", blind=0.5),
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
            score(binary.cohen_kappa, delta(ATANH), "single_class", blind=0.0),
            Metric(
                binary.positive_likelihood_ratio,
                best=INFINITY,
                high=INFINITY,
                reasons=("single_class", "no_false_positives", "overflow"),
                uncertainty=delta(LOG),
                ratio=True,
            ),
            loss(binary.negative_likelihood_ratio, delta(LOG), "single_class", "no_true_negatives", ratio=True),
        ),
        share(binary.roc_auc, delong, *NO_RANKING, influence=binary_influences.of_roc_auc, blind=0.5),
        share(
            binary.average_precision,
            of_average_precision,
            *NO_POSITIVE_SCORES,
            influence=binary_influences.of_average_precision,
        ),
        share(binary.partial_roc_auc, partial_delong, *NO_RANKING, when=with_max_fpr, blind=0.5),
        share(binary.ks_statistic, dkw, *NO_RANKING, smooth=False, blind=0.0),
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
        loss(binary.expected_calibration_error, BIASED, *NO_PROBABILITIES, high=1.0, blind=0.0),
        loss(calibration.maximum_calibration_error, BIASED, *NO_PROBABILITIES, high=1.0, blind=0.0),
        loss(calibration.root_mean_squared_calibration_error, BIASED, *NO_PROBABILITIES, high=1.0, blind=0.0),
        number(
            calibration.spiegelhalter_z, of_spiegelhalter_z, *NO_PROBABILITIES, *NO_Z, test_statistic=True, blind=0.0
        ),
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
        Row(operating_points.min_cost, "operating_points", reasons=("no_scores",)),
        Row(operating_points.max_f1, "operating_points", reasons=NO_POSITIVE_SCORES),
        Row(operating_points.youden, "operating_points", reasons=NO_RANKING),
        Row(operating_points.recall_at_precision, "operating_points", reasons=(*NO_POSITIVE_SCORES, "unreachable")),
        Row(operating_points.precision_at_recall, "operating_points", reasons=NO_POSITIVE_SCORES),
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
