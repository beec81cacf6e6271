"""Intervals of metrics of a ranking: means over queries."""

from collections.abc import Callable

from service.metrics.distributions import t_critical
from service.metrics.exact import Floats
from service.metrics.intervals import (
    LOGIT,
    SMALLEST_ERROR,
    Case,
    Interval,
    Strategy,
    documented,
    enough,
    on_scale,
    wilson_limits,
)
from service.metrics.ranking_states import RankedRows

Values = Callable[..., Floats]


def of_queries(values: Values) -> Strategy:
    """Of the mean of the values of the queries: Student's t on the logit; Wilson's where they do not vary."""

    def strategy(case: Case, ranked: RankedRows) -> Interval:
        size = enough(ranked.size)
        variance = ranked.variance(values(ranked, **case.options), case.value) * size / (size - 1)
        if variance <= (SMALLEST_ERROR * case.value) ** 2:
            return Interval(*wilson_limits(case.value, size, case.level), "wilson")
        critical = t_critical(case.level, size - 1)
        return Interval(*on_scale(LOGIT, case.value, variance, critical), "t_logit")

    return documented(strategy, "Student's t of the queries on the logit scale.")
