"""Intervals of metrics of a regression against scipy, scikit-learn and brute force."""

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from service.evaluate import kinds_of, report, states_of
from service.metrics.batch import Batch, Reading
from service.metrics.catalogue import TASKS
from service.metrics.distributions import MANY_TOSSES, sign_rank
from tests.by_rows import wilson
from tests.cases import close, cut, in_parts, metrics_of, regression, take, text, whole
from tests.tasks import KNOWN
from tests.tasks.known import EXAMPLES, REAL, WHOLE
from tests.tasks.quantiles import LEVELS, SHARES, quantiles
from tests.tasks.regression import HUGE, regression_batches

SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
QUANTILES = "regression of quantiles"
LEVEL = 0.95


def sample(seed: int, rows: int, weights: str = "none", *, decimals: int | None = None) -> Batch:
    """Positive labels and predictions near them; rounded ones are tied."""
    rng = np.random.default_rng(seed)
    truth = rng.gamma(3, 2, rows) + 0.5
    predicted = truth * rng.lognormal(0, 0.3, rows)
    if decimals is not None:
        truth, predicted = np.round(truth, decimals) + 1, np.round(predicted, decimals) + 1
    return regression(truth, predicted, None if weights == "none" else rng.uniform(0.2, 3, rows))


SAMPLES = [
    sample(seed, rows, weights, decimals=decimals)
    for seed, (rows, weights, decimals) in enumerate(product((7, 40, 301), ("none", "reals"), (None, 0)))
]


def around(batch: Batch) -> Batch:
    """The batch with quantiles around its predictions, some of which cross."""
    rng = np.random.default_rng(len(batch.truth))
    up, down = batch.predicted * rng.uniform(0.95, 1.6, (2, len(batch.truth)))
    return quantiles(batch.truth, np.column_stack((up, 2 * batch.predicted - down, batch.predicted)), batch.weight)


def weights_of(batch: Batch) -> np.ndarray:
    return np.ones(len(batch.truth)) if batch.weight is None else batch.weight


def kish(batch: Batch) -> float:
    weights = weights_of(batch)
    return weights.sum() ** 2 / (weights**2).sum()


def carriers(batch: Batch, *parts: np.ndarray) -> float:
    """How many equal rows would carry the part that fewest rows carry, a whole number."""
    weights = weights_of(batch)
    return min(math.floor((weights * part).sum() ** 2 / ((weights * part) ** 2).sum() + 1e-9) for part in parts)


def limits_of(part: dict, name: str) -> tuple[float, float] | None:
    found = part["intervals"][name]
    return found and (found["low"], found["high"])


def reason_of(answer: dict, name: str) -> str:
    return answer["undefined"][f"intervals.{name}"]["reason"]


def crps(batch: Batch) -> np.ndarray:
    return 2 * sum(float(SHARES[level]) * pinball(level)(batch) for level in LEVELS)


def pinball(level: float) -> Callable[[Batch], np.ndarray]:
    def losses(batch: Batch) -> np.ndarray:
        error = batch.truth - batch.scores[:, LEVELS.index(level)]
        return np.where(error > 0, level * error, (level - 1) * error)

    return losses


# The loss of each row, and the power of their mean that the metric is.
LOSSES: dict[str, tuple[Callable[[Batch], np.ndarray], float]] = {
    "mean_squared_error": (lambda b: (b.predicted - b.truth) ** 2, 1),
    "root_mean_squared_error": (lambda b: (b.predicted - b.truth) ** 2, 0.5),
    "mean_absolute_error": (lambda b: abs(b.predicted - b.truth), 1),
    "mean_absolute_percentage_error": (lambda b: abs(b.predicted - b.truth) / abs(b.truth), 1),
    "symmetric_mean_absolute_percentage_error": (
        lambda b: 2 * abs(b.predicted - b.truth) / (abs(b.truth) + abs(b.predicted)),
        1,
    ),
    "mean_squared_log_error": (lambda b: (np.log1p(b.predicted) - np.log1p(b.truth)) ** 2, 1),
    "mean_poisson_deviance": (
        lambda b: 2 * (b.truth * np.log(b.truth / b.predicted) - b.truth + b.predicted),
        1,
    ),
    "mean_gamma_deviance": (lambda b: 2 * (np.log(b.predicted / b.truth) + b.truth / b.predicted - 1), 1),
    "mean_pinball_loss": (lambda b: abs(b.predicted - b.truth) / 2, 1),
    "crps": (crps, 1),
    **{f"pinball_loss_at_{level}".replace(".", "_"): (pinball(level), 1) for level in LEVELS},
}
OTHERS = {
    "median_absolute_error",
    "max_error",
    "mean_error",
    "r2",
    "explained_variance",
    "d2_absolute_error",
    "pearson",
    "spearman",
    "crossing_rate",
}


def test_every_metric_is_tested_here():
    assert {metric.name for metric in metrics_of(QUANTILES)} == LOSSES.keys() | OTHERS


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("batch", [*map(around, SAMPLES)])
def test_mean_losses_have_t_limits_on_the_logarithm(batch, name):
    losses, power = LOSSES[name]
    rows, weights = losses(batch), weights_of(batch)
    mean = np.average(rows, weights=weights)
    size = kish(batch)
    error = np.sqrt((weights**2 * (rows - mean) ** 2).sum() / weights.sum() ** 2 * size / (size - 1))
    if batch.weight is None:
        assert error == pytest.approx(stats.sem(rows), rel=1e-12)
    freedom = max(1, carriers(batch, rows) - 1)
    expected = np.exp(stats.t.interval(LEVEL, freedom, loc=np.log(mean), scale=error / mean)) ** power
    answer = whole(QUANTILES, batch, curves=False)
    assert limits_of(answer, name) == pytest.approx(expected, rel=1e-9)
    assert answer["intervals"][name]["method"] == "t_log"


@pytest.mark.parametrize("batch", SAMPLES)
def test_the_mean_error_has_t_limits(batch):
    errors, weights, size = batch.predicted - batch.truth, weights_of(batch), kish(batch)
    if batch.weight is None:
        expected = tuple(stats.ttest_1samp(errors, 0).confidence_interval(LEVEL))
    else:
        mean = np.average(errors, weights=weights)
        error = np.sqrt((weights**2 * (errors - mean) ** 2).sum() / weights.sum() ** 2 * size / (size - 1))
        expected = stats.t.interval(LEVEL, math.floor(size) - 1, loc=mean, scale=error)
    assert limits_of(whole("regression", batch), "mean_error") == pytest.approx(expected, rel=1e-9)


def rank_by_counting(level: Fraction, tosses: int) -> int:
    """The largest rank with at most (1 - level) / 2 of fewer heads, of all 2**tosses outcomes."""
    fewer, rank = Fraction(0), 0
    while True:
        fewer += Fraction(math.comb(tosses, rank), 2**tosses)
        if fewer > (1 - level) / 2:
            return rank
        rank += 1


# W. J. Dixon, A. M. Mood, Journal of the American Statistical Association 41, 1946: critical values of the sign test
# at 5 %, 1 less than these.
PUBLISHED = {5: 0, 6: 1, 8: 1, 9: 2, 11: 2, 12: 3, 15: 4, 17: 5, 20: 6, 25: 8, 30: 10, 40: 14, 50: 18, 60: 22, 90: 36}


@pytest.mark.parametrize(("tosses", "rank"), PUBLISHED.items())
def test_ranks_of_the_sign_test_are_as_published(tosses, rank):
    assert sign_rank(0.95, tosses) == rank


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99, 0.9999])
def test_ranks_of_the_sign_test_are_those_of_the_binomial_distribution(level):
    for tosses in range(1, 60):
        assert sign_rank(level, tosses) == rank_by_counting(Fraction(level), tosses)
    for tosses in (100, 999, MANY_TOSSES, MANY_TOSSES + 1, 2 * MANY_TOSSES, 10**5 + 1, 10**7):
        rank = sign_rank(level, tosses)
        next_ = rank if tosses <= MANY_TOSSES or level < 0.9999 else rank + 1
        assert stats.binom.cdf(rank - 1, tosses, 0.5) <= (1 - level) / 2 < stats.binom.cdf(next_, tosses, 0.5)


@pytest.mark.parametrize("batch", SAMPLES)
def test_the_median_error_lies_between_values_that_a_sign_test_keeps(batch):
    rows = sorted(zip(np.abs(batch.predicted - batch.truth).tolist(), map(Fraction, weights_of(batch)), strict=True))
    size = math.floor(kish(batch) + 1e-9)
    answer = whole("regression", batch)
    if size < 6:
        assert reason_of(answer, "median_absolute_error") == "too_few_rows"
        return
    whole_weight = sum(weight for _, weight in rows)
    share = Fraction(rank_by_counting(Fraction(LEVEL), size), size)

    def rejected(median: float) -> bool:
        """Whether too little weight lies at or below it, or at or above it."""
        below = sum(weight for value, weight in rows if value <= median)
        above = sum(weight for value, weight in rows if value >= median)
        return min(below, above) < share * whole_weight

    kept = [value for value, _ in rows if not rejected(value)]
    if kept[0] == kept[-1]:
        assert reason_of(answer, "median_absolute_error") == "no_variation"
    else:
        assert limits_of(answer, "median_absolute_error") == (kept[0], kept[-1])


@pytest.mark.parametrize("batch", [*map(around, SAMPLES), quantiles([1, 2, 3], [[3, 1, 2]] * 3)])
def test_the_rate_of_crossings_has_wilson_limits(batch):
    upper, lower, middle = batch.scores.T
    crosses = (lower > middle) | (middle > upper)
    weights = weights_of(batch)
    share = np.average(crosses, weights=weights)
    assert 0.05 < share < 0.95 or not share
    _, *expected = wilson(crosses, weights, LEVEL)
    if batch.weight is None:
        test = stats.binomtest(int(crosses.sum()), len(crosses))
        assert expected == pytest.approx(list(test.proportion_ci(LEVEL, "wilson")), abs=1e-9)
    assert limits_of(whole(QUANTILES, batch), "crossing_rate") == pytest.approx(expected, rel=1e-9, abs=1e-12)


def weighted_ranks(numbers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    below = (weights * (numbers < numbers[:, None])).sum(axis=1)
    return below + (weights * (numbers == numbers[:, None])).sum(axis=1) / 2


def correlation(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> float:
    (a, both), (_, b) = np.cov(one, other, aweights=weights)
    return float(both / math.sqrt(a * b))


def spearman(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    return correlation(weighted_ranks(truth, weights), weighted_ranks(predicted, weights), weights)


def explained(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    return float(sk.explained_variance_score(truth, predicted, sample_weight=weights))


def r2(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    return float(sk.r2_score(truth, predicted, sample_weight=weights))


def around_mean(numbers: np.ndarray, batch: Batch) -> np.ndarray:
    return (numbers - np.average(numbers, weights=weights_of(batch))) ** 2


def error_of(scaled: Callable[..., float], batch: Batch) -> float:
    """The standard error by the infinitesimal jackknife: the slope by the weight of each row, by differences."""
    weights, step = weights_of(batch), 1e-5
    squares = []
    for row, weight in enumerate(weights):
        steps = [np.where(np.arange(len(weights)) == row, weight * (1 + sign * step), weights) for sign in (1, -1)]
        up, down = (scaled(batch.truth, batch.predicted, moved) for moved in steps)
        squares.append(((up - down) / (2 * step)) ** 2)
    return math.sqrt(math.fsum(squares))


SMALLER = [batch for batch in SAMPLES if len(batch.truth) < 300]


@pytest.mark.parametrize("batch", SMALLER)
@pytest.mark.parametrize(
    ("name", "metric", "sides"),
    [
        ("r2", r2, lambda b: ((b.predicted - b.truth) ** 2, around_mean(b.truth, b))),
        (
            "explained_variance",
            explained,
            lambda b: (around_mean(b.predicted - b.truth, b), around_mean(b.truth, b)),
        ),
    ],
)
def test_explained_shares_have_t_limits_on_the_logarithm_of_what_is_not(batch, name, metric, sides):
    size, value = kish(batch), metric(batch.truth, batch.predicted, weights_of(batch))
    error = error_of(lambda *columns: math.log(1 - metric(*columns)), batch) * math.sqrt(size / (size - 1))
    freedom = max(1, carriers(batch, *sides(batch)) - 1)
    low, high = 1 - np.exp(stats.t.interval(LEVEL, freedom, loc=math.log(1 - value), scale=error))[::-1]
    assert limits_of(whole("regression", batch), name) == pytest.approx((low, high), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("batch", SMALLER)
def test_d2_has_t_limits_on_the_logarithm_of_what_it_lacks(batch):
    # The median does not move with the weight of a row by itself, so that it may stay.
    weights, answer = weights_of(batch), whole("regression", batch)
    value = answer["metrics"]["d2_absolute_error"]
    errors = np.abs(batch.predicted - batch.truth)
    deviation = np.average(errors, weights=weights) / (1 - value)
    medians = [m for m in batch.truth if np.average(np.abs(batch.truth - m), weights=weights) <= deviation * (1 + 1e-9)]
    assert medians
    labels = np.abs(batch.truth - np.mean([min(medians), max(medians)]))

    def scaled(_: np.ndarray, __: np.ndarray, moved: np.ndarray) -> float:
        return math.log(np.average(errors, weights=moved) / np.average(labels, weights=moved))

    size = kish(batch)
    error = error_of(scaled, batch) * math.sqrt(size / (size - 1))
    freedom = max(1, carriers(batch, errors, labels) - 1)
    low, high = 1 - np.exp(stats.t.interval(LEVEL, freedom, loc=math.log(1 - value), scale=error))[::-1]
    assert limits_of(answer, "d2_absolute_error") == pytest.approx((low, high), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("batch", SMALLER)
@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_correlations_have_t_limits_on_the_atanh_scale(batch, name, sign):
    batch = replace(batch, predicted=sign * batch.predicted)
    metric = {"pearson": correlation, "spearman": spearman}[name]
    value, size = metric(batch.truth, batch.predicted, weights_of(batch)), kish(batch)
    error = error_of(lambda *columns: math.atanh(metric(*columns)), batch) * math.sqrt(size / (size - 3))
    spread = [around_mean(side, batch) for side in (batch.truth, batch.predicted)]
    both = sum(side / np.average(side, weights=weights_of(batch)) for side in spread)
    carried = carriers(batch, both) if name == "pearson" else math.floor(size + 1e-9)
    expected = np.tanh(stats.t.interval(LEVEL, max(1, carried - 1), loc=math.atanh(value), scale=error))
    assert limits_of(whole("regression", batch), name) == pytest.approx(tuple(expected), rel=1e-5, abs=1e-6)


def correlations(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    one, other = (side - side.mean(-1, keepdims=True) for side in (y, p))
    return (one * other).sum(-1) / np.sqrt((one**2).sum(-1) * (other**2).sum(-1))


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("r2", lambda y, p: 1 - ((p - y) ** 2).mean(-1) / y.var(-1)),
        ("mean_absolute_error", lambda y, p: np.abs(p - y).mean(-1)),
        ("median_absolute_error", lambda y, p: np.median(np.abs(p - y), axis=-1)),
        ("pearson", correlations),
        ("spearman", lambda y, p: correlations(stats.rankdata(y, axis=-1), stats.rankdata(p, axis=-1))),
    ],
)
def test_a_bootstrap_gives_about_the_same_limits(name, metric):
    batch = sample(99, 400)
    drawn = stats.bootstrap(
        (batch.truth, batch.predicted),
        lambda y, p, axis: metric(y, p),  # noqa: ARG005 - always the last one
        paired=True,
        vectorized=True,
        n_resamples=3000,
        method="percentile" if name == "median_absolute_error" else "BCa",
        rng=np.random.default_rng(1),
    ).confidence_interval
    low, high = limits_of(whole("regression", batch), name)
    width = drawn.high - drawn.low
    assert abs(low - drawn.low) < 0.2 * width
    assert abs(high - drawn.high) < 0.2 * width


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_a_perfect_correlation_has_the_error_of_normal_rows_below_1(name, sign):
    truth = np.arange(12.0)
    low, high = sorted(sign * limit for limit in limits_of(whole("regression", regression(truth, sign * truth)), name))
    error = math.sqrt({"pearson": 1, "spearman": 1.5}[name] / 9)
    carried = 11
    if name == "pearson":
        spread = (truth - truth.mean()) ** 2
        carried = math.floor(spread.sum() ** 2 / (spread**2).sum() + 1e-9) - 1
    expected = math.tanh(math.atanh(1 - 0.5 / 13**1.5) - stats.t.ppf((1 + LEVEL) / 2, carried) * error)
    assert (low, high) == pytest.approx((expected, 1), rel=1e-9)


def degenerate() -> list[tuple[str, Batch, dict[str, str]]]:
    """Rows that show too little, and the reasons of some metrics."""
    rng = np.random.default_rng(3)
    truth = rng.gamma(3, 2, 20) + 1
    losses = [name for name in LOSSES if name in {metric.name for metric in metrics_of("regression")}]
    unbounded = [name for name in losses if not name.startswith("symmetric")]
    few = dict.fromkeys([*losses, "mean_error", "median_absolute_error"], "too_few_rows")
    perfect = dict.fromkeys([*unbounded, "mean_error", "r2", "explained_variance", "d2_absolute_error"], "no_variation")
    return [
        ("one row", regression([2], [3]), few),
        ("one heavy row", regression([2, 3, 4], [3, 5, 3], [1e9, 1, 1]), few),
        (
            "two rows",
            regression([2, 4], [3, 4.5]),
            {"pearson": "too_few_rows", "median_absolute_error": "too_few_rows"},
        ),
        ("three rows", regression([2, 4, 5], [3, 4.5, 7]), {"spearman": "too_few_rows"}),
        ("five rows", regression([2, 4, 5, 7, 8], [3, 4, 7, 2, 1]), {"median_absolute_error": "too_few_rows"}),
        ("perfect", regression(truth, truth), perfect | {"median_absolute_error": "no_variation"}),
        ("perfect with weights", regression(truth, truth, rng.random(20) + 0.1), perfect),
        (
            "a constant error",
            regression(np.arange(1.0, 21), np.arange(20) + 1.5),
            dict.fromkeys(
                ["mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "mean_error"], "no_variation"
            ),
        ),
        (
            "a constant error but for rounding",
            regression(truth, truth + 0.1),
            dict.fromkeys(
                ["mean_squared_error", "mean_absolute_error", "mean_pinball_loss", "mean_error"], "no_variation"
            ),
        ),
        (
            "a constant ratio",
            regression(truth, 1.5 * truth),
            dict.fromkeys(["mean_absolute_percentage_error", "mean_gamma_deviance"], "no_variation"),
        ),
        ("errors like the labels", regression(truth, 2 * truth + 1), {"explained_variance": "no_variation"}),
        ("errors that left float64", regression([-HUGE, HUGE] * 9, [HUGE, -HUGE] * 9), {}),
        ("squares that left float64", regression(truth * 1e200, truth[::-1] * 1e200), {}),
        ("squares below float64", regression(truth * 1e-200, truth[::-1] * 1e-200), {}),
        ("all scales", regression(10.0 ** np.arange(-150, 150, 20), 10.0 ** np.arange(150, -150, -20)), {}),
        ("far from 0", regression(1e15 + np.round(truth), 1e15 + np.round(truth[::-1])), {}),
        ("light and heavy", regression(truth, truth[::-1], 10.0 ** np.linspace(-150, 150, 20)), {}),
        ("one label at the end of float64", regression([0, 0, 0, 0, HUGE / 4], [0] * 5), {}),
        ("one label apart", regression([0] * 19 + [1], truth), {}),
        ("uncorrelated", regression([1, -1, 0, 0], [0, 0, 1, -1]), {}),
    ]


@pytest.mark.parametrize(("batch", "reasons"), [pytest.param(*rest, id=name) for name, *rest in degenerate()])
def test_degenerate_rows_leave_null_or_limits_and_no_exception(batch, reasons):
    scaled = replace(batch, weight=weights_of(batch) * 2.0**40)
    assert text(whole("regression", scaled)["intervals"]) == text(whole("regression", batch)["intervals"])
    for weighted in (batch, scaled):
        answer = whole("regression", weighted)
        text(answer)
        for name, value in answer["metrics"].items():
            if name != "max_error" and answer["intervals"][name] is not None:
                low, high = limits_of(answer, name)
                assert low <= value <= high
                assert low < high
            elif value is not None:
                allowed = {"extreme_value"} if name == "max_error" else {"too_few_rows", "no_variation", "overflow"}
                assert reason_of(answer, name) in allowed
        assert {name: reason_of(answer, name) for name in reasons} == reasons


def test_numbers_that_differ_in_the_last_digits_alone_have_limits():
    truth = np.array([3.0, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    near = regression(1e12 + truth, 1e12 + truth[::-1])
    far, plain = whole("regression", near), whole("regression", regression(truth, truth[::-1]))
    for name in ("r2", "explained_variance", "pearson", "spearman", "mean_squared_error", "mean_error"):
        assert limits_of(far, name) == pytest.approx(limits_of(plain, name), rel=1e-3)


@pytest.mark.parametrize("name", [metric.name for metric in metrics_of("regression") if metric.name != "max_error"])
def test_more_confidence_needs_wider_limits(name):
    batch, question = SAMPLES[6], KNOWN["regression"].question
    answers = []
    for level in (0.5, 0.95, 0.999):
        reading = Reading((name,), confidence_level=level)
        answers.append(report(states_of(batch, question, kinds_of(question, reading)), question, reading))
    (low, high), *wider = (limits_of(answer, name) for answer in answers)
    for lower, higher in wider:
        assert lower < low < high < higher
        low, high = lower, higher


@pytest.mark.parametrize("known", ["regression", QUANTILES])
@SETTINGS
@given(st.data())
def test_counts_are_repetitions_to_the_last_digits(known, data):
    batch = data.draw(KNOWN[known].tame(weights=[WHOLE]))
    repeated = whole(known, KNOWN[known].repeated(batch))
    assert close(whole(known, batch, counts=True), repeated, 1e-12)


@SETTINGS
@given(regression_batches(weights=[REAL], outputs=(1, 2)), st.sampled_from([3.0, 0.1, 1e-5, 7e8]))
def test_a_factor_on_all_weights_changes_no_limit(batch, factor):
    ours, theirs = (whole("regression", replace(batch, weight=batch.weight * by), curves=False) for by in (factor, 1.0))
    for name, found in theirs["intervals"].items():
        if found is None or ours["intervals"][name] is None:  # the fewest rows may be reached or missed by a last digit
            whole_rows = abs(theirs["effective_samples"] - round(theirs["effective_samples"])) < 1e-6
            assert found is ours["intervals"][name] or whole_rows
        elif found["high"] - found["low"] < 1e6 * (1 + abs(theirs["metrics"][name])):  # others hang on a last digit
            assert limits_of(ours, name) == pytest.approx(limits_of(theirs, name), rel=1e-6, abs=1e-300)


@SETTINGS
@given(regression_batches(weights=[None, WHOLE], outputs=(2,)))
def test_limits_of_several_outputs_are_the_means_of_theirs(batch):
    answer = whole("regression", batch, curves=False)
    for name, found in answer["intervals"].items():
        parts = [limits_of(output, name) for output in answer["per_output"]]
        if found and all(parts) and not name.startswith("symmetric"):  # whose limits are cut at the range
            means = [math.fsum(side) / 2 for side in zip(*parts, strict=True)]
            assert limits_of(answer, name) == pytest.approx(means, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("known", ["regression", QUANTILES])
def test_no_order_and_no_split_of_many_rows_shows_in_the_limits(known):
    rows, rng = 100_000, np.random.default_rng(5)
    batch = sample(5, rows, "reals", decimals=2)
    if known == QUANTILES:
        batch = around(batch)
    expected = text(whole(known, batch, curves=False))
    for parts in (1, 3):
        mixed = take(batch, rng.permutation(rows))
        assert text(in_parts(known, cut(mixed, rng.integers(1, rows, parts - 1)), curves=False)) == expected


@pytest.mark.parametrize("known", ["regression", QUANTILES])
def test_no_order_of_few_rows_shows_in_limits_that_hang_on_every_digit(known):
    rng = np.random.default_rng(6)
    truth = rng.lognormal(0, 2, 9)
    batch = around(regression(truth, truth * rng.lognormal(0, 1, 9), rng.uniform(0.2, 3, 9)))
    orders = [rng.permutation(9) for _ in range(50)]
    squares = batch.weight**2 * (np.abs(batch.predicted - batch.truth) / 3 - 1) ** 2
    assert len({float(np.cumsum(squares[order])[-1]) for order in orders}) > 1, "the data would not tell a plain sum"
    assert len({text(whole(known, take(batch, order), curves=False)) for order in orders}) == 1


def test_max_error_says_why_it_has_none():
    (row,) = (metric for metric in TASKS["regression"].metrics if metric.name == "max_error")
    answer = whole("regression", SAMPLES[6])
    assert answer["intervals"][row.name] is None
    assert reason_of(answer, row.name) == "extreme_value"


def test_one_row_tells_nothing_of_a_median_at_any_level():
    answer = whole("regression", regression([1.0], [2.0]), confidence_level=1e-300)
    assert reason_of(answer, "median_absolute_error") == "too_few_rows"
