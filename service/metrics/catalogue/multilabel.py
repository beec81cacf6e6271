"""What reports of a multilabel task hold."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from service.metrics import (
    class_curves,
    class_intervals,
    class_sections,
    classes,
    curves,
    multilabel,
    multilabel_influences,
    sections,
)
from service.metrics.catalogue.parts import (
    CLASS_ROWS,
    HEAD,
    NO_POSITIVE,
    NO_POSITIVE_SCORES,
    NO_PROBABILITIES,
    NO_RANKING,
)
from service.metrics.class_area_intervals import (
    of_average_precision_micro,
    of_average_precision_over_labels,
    of_roc_auc_macro,
    of_roc_auc_micro,
)
from service.metrics.class_area_states import LabelInfluences
from service.metrics.class_intervals import (
    of_pooled_f1,
    of_pooled_labels,
)
from service.metrics.class_states import ClassTable, ColumnScores
from service.metrics.influences import Influence
from service.metrics.intervals import Strategy, of_mean, of_share
from service.metrics.multilabel_states import LabelCells, LabelScores, LabelSets
from service.metrics.row import (
    Metric,
    Row,
    Table,
    Task,
    loss,
    share,
    with_curves,
    with_metadata,
)
from service.metrics.states import LabelState, Rows


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
    {LabelState: LabelSets, ClassTable: LabelCells, ColumnScores: LabelScores, Rows: LabelScores},
    (
        *HEAD,
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
