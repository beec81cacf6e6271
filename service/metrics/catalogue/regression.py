"""What reports of a regression hold."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from service.metrics import (
    curves,
    quantiles,
    regression,
    regression_influences,
    sections,
)
from service.metrics.batch import outputs
from service.metrics.catalogue.parts import (
    HEAD,
)
from service.metrics.exact import Floats
from service.metrics.intervals import no_interval, of_share
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
    Task,
    loss,
    number,
    score,
    with_curves,
    with_metadata,
    with_quantiles,
)
from service.metrics.states import LabelState, Rows

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
    {LabelState: Labels, Rows: Pairs},
    (
        *HEAD,
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
