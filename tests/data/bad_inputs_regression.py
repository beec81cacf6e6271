"""Requests on predicted quantiles, in the manner of bad_inputs.py."""

from typing import Any

from tests.data.bad_inputs import CANARY, REGRESSION, Case, body_of, fair, syntax

COLUMNS: dict[str, Any] = {
    "labels": [1.0, 2.0, 3.0],
    "predictions": [[1.5, 0.0], [2.0, 1.0], [2.5, 2.5]],
    "quantiles": [0.9, 0.1],
}


def quantiles(name: str, status: int, slug: Any = (), *pointers: str, told: tuple[str, ...] = (), **rest: Any) -> Case:
    """A good request on quantiles with other fields; None takes a field away."""
    return Case(name, status, slug, body_of(COLUMNS, rest), pointers=pointers, target=REGRESSION, told=told)


CASES = [
    *(
        quantiles(f"Q a quantile of {level!r}", 422, "bad-option", "#/quantiles/1", quantiles=[0.1, level])
        for level in (0, 1, 0.0, 1.0, 1.5, -0.5, -0.0, "0.5", CANARY, True, False, None)
    ),
    *(
        quantiles(f"Q quantiles {levels!r}", 422, ("schema", "bad-option"), quantiles=levels)
        for levels in (0.5, "0.5", CANARY, True, {"0": 0.5}, [], [[]], [[0.1, 0.9]], [[0.1], [0.9]], [0.1, [0.9]])
    ),
    quantiles("Q an object as a quantile", 422, ("schema", "bad-option"), "#/quantiles/1", quantiles=[0.1, {}]),
    quantiles("Q an integer beyond 64 bits as a quantile", 422, "number-range", quantiles=[0.1, 10**400]),
    quantiles("Q a quantile twice", 422, "bad-option", "#/quantiles/1", quantiles=[0.5, 0.5]),
    quantiles("Q a quantile twice, written otherwise", 422, "bad-option", "#/quantiles/1", quantiles=[0.5, 5e-1]),
    quantiles("Q more quantiles than outputs are allowed", 422, "limit-exceeded", quantiles=[0.5] * 101),
    syntax("Q NaN as a quantile", '{"labels":[1],"predictions":[1],"quantiles":[NaN]}'),
    Case(
        "Q a quantile too large for a float",
        422,
        ("bad-option", "nonfinite-number"),
        b'{"labels":[1],"predictions":[1],"quantiles":[1e999]}',
        target=REGRESSION,
    ),
    *(
        quantiles(
            f"Q {len(levels)} quantiles of two columns",
            422,
            "length-mismatch",
            "#/predictions",
            told=("2", str(len(levels))),
            quantiles=levels,
        )
        for levels in ([0.5], [0.1, 0.5, 0.9])
    ),
    quantiles(
        "Q two quantiles of flat predictions",
        422,
        "length-mismatch",
        "#/predictions",
        told=("1", "2"),
        predictions=[1.5, 2.0, 2.5],
    ),
    quantiles("Q fewer rows of quantiles than labels", 422, "length-mismatch", predictions=[[1, 0], [2, 1]]),
    quantiles(
        "Q quantiles of two outputs", 422, "bad-option", "#/quantiles", labels=[[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
    ),
    quantiles("Q two columns of predictions without quantiles", 422, "length-mismatch", quantiles=None),
    quantiles("Q no predictions", 422, "schema", "#/predictions", predictions=None),
    quantiles("Q ragged rows of predictions", 422, (), predictions=[[1, 0], [2], [3, 1]]),
    *(
        quantiles(f"Q the metric {name} of other quantiles", 422, "bad-option", "#/metrics/0", metrics=[name])
        for name in ("pinball_loss_at_0_5", "pinball_loss_at_{quantile}", "pinball_loss_at_0.9", "pinball_loss_at_")
    ),
    *(
        quantiles(
            f"Q the metric {name} without quantiles",
            422,
            "bad-option",
            "#/metrics/0",
            quantiles=None,
            predictions=[1, 2, 3],
            metrics=[name],
        )
        for name in ("crps", "crossing_rate", "pinball_loss_at_0_9")
    ),
    fair(
        "Q quantiles in any order, without the median",
        {
            "metrics.pinball_loss_at_0_9": 0.5 / 3,
            "metrics.mean_absolute_error": None,
            "undefined.mean_absolute_error.reason": "no_median",
        },
        REGRESSION,
        **COLUMNS,
        metrics=["mean_absolute_error", "pinball_loss_at_0_9"],
    ),
    fair(
        "Q one quantile, flat",
        {"metrics.crps": 1 / 3, "metrics.mean_absolute_error": 1 / 3, "prediction_intervals": []},
        REGRESSION,
        labels=[1.0, 2.0, 3.0],
        predictions=[1.5, 2.0, 2.5],
        quantiles=[0.5],
    ),
    fair(
        "Q one quantile, in rows, and labels in rows",
        {"metrics.crps": 1 / 3},
        REGRESSION,
        labels=[[1.0], [2.0], [3.0]],
        predictions=[[1.5], [2.0], [2.5]],
        quantiles=[0.5],
    ),
]
