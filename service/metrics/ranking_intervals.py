"""Intervals of metrics of a ranking: means over queries."""

from collections.abc import Callable

import numpy as np

from service.metrics.distributions import t_critical
from service.metrics.exact import Floats
from service.metrics.influences import Influence
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
from service.metrics.states import total

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


def influence_of_queries(values: Values) -> Callable[..., Influence]:
    """By the value of each query that has a relevant document; others do nothing."""

    def influence(case: Case, ranked: RankedRows) -> Influence:
        found = np.zeros(len(ranked.ids))
        share = float(ranked.judged_weight / total(ranked.weights, len(found)))
        found[ranked.judged] = (values(ranked, **case.options)[ranked.judged] - case.value) / share
        return Influence(found, size=ranked.size)

    return influence
