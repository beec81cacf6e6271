"""What reports of a multiclass task hold."""

import math
from collections.abc import Callable, Iterator
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
    multiclass,
    sections,
)
from service.metrics.binary_influences import PlacedSweep
from service.metrics.calibration_intervals import of_intercept, of_slope, of_spiegelhalter_z
from service.metrics.catalogue.parts import (
    BIASED,
    CLASS_ROWS,
    HEAD,
    NO_CLASS_RANKING,
    NO_RANKING,
    NO_TOP_RECALIBRATION,
    NO_Z,
)
from service.metrics.class_area_intervals import (
    influence_over_classes,
    of_average_precision_macro,
    of_ovo,
    of_ovo_weighted,
    of_ovr,
    of_ovr_weighted,
    ovo,
    ovo_weighted,
    ovr,
    ovr_weighted,
    precision_macro,
)
from service.metrics.class_area_states import ClassInfluences
from service.metrics.class_influences import PlacedTopLabel
from service.metrics.class_intervals import (
    of_balanced_accuracy,
    of_correlation,
    of_kappa,
    of_pooled,
)
from service.metrics.class_states import ClassTable, ColumnScores
from service.metrics.influences import Influence
from service.metrics.intervals import Strategy, of_share
from service.metrics.loss_intervals import of_class_brier_score, of_class_log_loss
from service.metrics.multiclass_states import ClassScores, Confusion, Support, TopLabel
from service.metrics.row import (
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
)
from service.metrics.states import LabelState, Rows
from service.metrics.sweep_states import Sweep


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
    return score(function, of_kappa(disagreement), "single_class", influence=influence, blind=0.0)


MULTICLASS = Task(
    "multiclass",
    {
        LabelState: Support,
        Sweep: TopLabel,
        PlacedSweep: PlacedTopLabel,
        ClassTable: Confusion,
        ColumnScores: ClassScores,
        Rows: ClassScores,
    },
    (
        *HEAD,
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
        loss(binary.expected_calibration_error, BIASED, "no_scores", high=1.0, blind=0.0),
        loss(calibration.maximum_calibration_error, BIASED, "no_scores", high=1.0, blind=0.0),
        loss(calibration.root_mean_squared_calibration_error, BIASED, "no_scores", high=1.0, blind=0.0),
        number(calibration.spiegelhalter_z, of_spiegelhalter_z, "no_scores", *NO_Z, test_statistic=True, blind=0.0),
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
        share(multiclass.roc_auc_ovr, of_ovr, *NO_CLASS_RANKING, influence=influence_over_classes(ovr), blind=0.5),
        share(
            multiclass.roc_auc_ovr_weighted,
            of_ovr_weighted,
            *NO_CLASS_RANKING,
            influence=influence_over_classes(ovr_weighted),
            blind=0.5,
        ),
        share(multiclass.roc_auc_ovo, of_ovo, *NO_RANKING, influence=influence_over_classes(ovo), blind=0.5),
        share(
            multiclass.roc_auc_ovo_weighted,
            of_ovo_weighted,
            *NO_RANKING,
            influence=influence_over_classes(ovo_weighted),
            blind=0.5,
        ),
        share(
            multiclass.average_precision_macro,
            of_average_precision_macro,
            "no_scores",
            "absent_class",
            influence=influence_over_classes(precision_macro),
        ),
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
