"""Intervals of areas under curves of several classes, from what each row does to the areas of all of them together."""

import math
from collections.abc import Callable, Sequence
from inspect import cleandoc
from typing import Any, NamedTuple

import numpy as np

from service.metrics.area_intervals import Estimate, precision_estimate, roc_estimate
from service.metrics.class_area_states import ClassInfluences, LabelInfluences
from service.metrics.class_states import Areas
from service.metrics.exact import Floats, exact_sums
from service.metrics.influences import Influence
from service.metrics.intervals import FEWEST, Case, Interval, Strategy, documented
from service.metrics.multilabel_states import SetMatches
from service.metrics.undefined import Undefined

# A smaller variance, beside the least that is believed, is that of rounding.
ROUNDING = 1e-9


def of_class_roc_auc(case: Case, areas: Areas) -> Interval:
    """Student's t on the logit scale with DeLong's variance, at least half of that of Hanley and McNeil."""
    return Interval(*known(areas.roc_estimate).limits(case.level), "delong_logit")


def of_class_average_precision(case: Case, areas: Areas) -> Interval:
    """Student's t on the logit scale with the variance of the influences of the rows."""
    return Interval(*known(areas.precision_estimate).limits(case.level), "influence_logit")


def known(estimate: Any) -> Estimate:
    """The estimate; raises the reason where there is none."""
    if isinstance(estimate, Undefined):
        raise estimate.again()
    found: Estimate = estimate
    return found


def joint(estimates: Sequence[Any], by: Floats, plain: float) -> Estimate:
    """The mean of areas by these shares, of its variance as the influences of the rows give it.

    That is corrected for few rows as those of the areas are; the least that is believed is that of independent areas.
    """
    missing = sorted(part.reason for part in estimates if isinstance(part, Undefined))
    if missing:  # the same reason in any order of the classes
        raise Undefined(missing[0])
    parts = [*map(known, estimates)]
    area, centre, alone, corrected, floor = (
        math.fsum(share * value for share, value in zip(weights, values, strict=True))
        for weights, values in (
            (by, [part.area for part in parts]),
            (by, [part.centre for part in parts]),
            (by * by, [part.plain for part in parts]),
            (by * by, [part.variance for part in parts]),
            (by * by, [part.floor for part in parts]),
        )
    )
    variances = [share * share * part.believed for share, part in zip(by.tolist(), parts, strict=True)]
    freedom = math.fsum(variances) ** 2 / math.fsum(
        variance * variance / part.freedom for variance, part in zip(variances, parts, strict=True)
    )
    correction = max(1.0, corrected / alone) if alone else 1.0
    rows = min(part.rows for part in parts)
    return Estimate(area, rows, centre, plain, plain * correction, floor, freedom)


class AreaMean(NamedTuple):
    """A mean of areas by shares: their estimates, and what more weight of a row does to it.

    `influence` is a function of columns, block by block. `size` is the effective number of rows that make the mean up,
    where these are not all.
    """

    estimates: Sequence[Any]
    by: Floats
    influence: Callable[..., Floats]
    columns: tuple[Any, ...]
    size: float | None = None


Mean = Callable[[Case, ClassInfluences], AreaMean]


def over_classes(mean: Mean) -> Strategy:
    """Of a mean over classes, from the influence of each row on it."""

    def strategy(case: Case, scores: ClassInfluences) -> Interval:
        estimates, by, influence, columns, _ = mean(case, scores)
        weights = None if scores.weights is None else scores.relative_squares
        plain = exact_sums(lambda *block: {"sum": (np.square(influence(*block)),)}, *columns, weights=weights)["sum"]
        return Interval(*joint(estimates, by, float(plain)).limits(case.level), "influence_logit")

    return documented(strategy, cleandoc(mean.__doc__ or ""))


def influence_over_classes(mean: Mean) -> Callable[..., Influence]:
    """By what the row does to a mean over classes."""

    def influence(case: Case, scores: ClassInfluences) -> Influence:
        found = mean(case, scores)
        values = math.fsum(scores.moves.weight) * found.influence(*found.columns)
        return Influence(values, size=found.size)

    return influence


def ovr(_: Case, scores: ClassInfluences) -> AreaMean:
    """Student's t on the logit scale with the variance of what each row does to the areas of all classes."""
    return plain_mean([area.roc_estimate for area in scores.areas], scores.moves.both[:, 0])


def precision_macro(_: Case, scores: ClassInfluences) -> AreaMean:
    """As for roc_auc_ovr, with what each row does to the average precision of all classes."""
    mean = plain_mean([area.precision_estimate for area in scores.areas], scores.moves.both[:, 1])
    return mean._replace(size=min((part.sizes[0] for part in scores.moves.found), default=None))


def plain_mean(estimates: Sequence[Any], moves: Floats) -> AreaMean:
    """Of the mean over all classes, from what each row does to the sum."""
    by = np.full(len(estimates), 1 / len(estimates))
    return AreaMean(estimates, by, lambda moves: moves / len(estimates), (moves,))


def ovr_weighted(case: Case, scores: ClassInfluences) -> AreaMean:
    """As for roc_auc_ovr, with class weights that are as uncertain as the rows."""
    moves, estimates = scores.moves, [area.roc_estimate for area in scores.areas]
    whole = math.fsum(moves.weight)
    drift = values_of(scores) - case.value

    def influence(truth: Any, by_weight: Floats) -> Floats:
        return np.asarray((by_weight + drift.take(truth)) / whole)

    return AreaMean(estimates, moves.weight / whole, influence, (scores.truth, moves.by_weight))


def ovo(_: Case, scores: ClassInfluences) -> AreaMean:
    """As for roc_auc_ovr, with what each row does to the areas of all pairs of classes."""
    weight, share = scores.moves.weight, scores.moves.share
    pairs = np.outer(weight > 0, weight > 0).astype(np.float64)

    def influence(truth: Any, met: Floats) -> Floats:
        return np.asarray(met * share.take(truth))

    return of_pairs(scores, pairs, np.zeros(len(pairs)), influence, scores.moves.met)


def ovo_weighted(case: Case, scores: ClassInfluences) -> AreaMean:
    """As for roc_auc_ovo, with weights of pairs that are as uncertain as the rows."""
    moves, versus = scores.moves, scores.judged.versus
    weight, share = moves.weight, moves.share
    pairs = np.where(np.outer(weight, weight) > 0, weight[:, None] + weight, 0.0)
    apart = off_diagonal(pairs) > 0
    drift = np.where(apart, versus + versus.T - 2 * case.value, 0.0).sum(axis=1)
    drift += (math.fsum(weight) - weight) * share * values_of(scores)

    def influence(truth: Any, met: Floats, by_sides: Floats) -> Floats:
        return np.asarray(met + by_sides * share.take(truth))

    return of_pairs(scores, pairs, drift, influence, moves.met, moves.by_sides)


def of_pairs(
    scores: ClassInfluences, pairs: Floats, drift: Floats, influence: Callable[..., Floats], *columns: Floats
) -> AreaMean:
    """Of the mean over pairs of classes by their weights.

    `influence` gives, from the class of a row and the columns, what more weight of it does to the sum over pairs of
    their weight times their areas, but for what all rows of its class share; `drift` is what it does to that beyond.
    """
    weights, moves = off_diagonal(pairs), scores.moves
    seen = moves.weight > 0
    versus = np.where(weights > 0, scores.judged.versus, 0.0)
    values = np.where(seen, values_of(scores), 0.0)
    expected = (weights * versus).sum(axis=1) - (weights * (values[:, None] - versus)).sum(axis=0)
    whole, rest = math.fsum(weights.ravel()), drift - moves.share * expected

    def of_mean(truth: Any, *moved: Floats) -> Floats:
        return np.asarray((influence(truth, *moved) + rest.take(truth)) / whole)

    by = weights.sum(axis=1)[seen]
    areas = (weights * versus).sum(axis=1)[seen] / by
    estimates = [
        roc_estimate(part.sizes, area, part.of_rows) for part, area in zip(moves.found, areas.tolist(), strict=True)
    ]
    return AreaMean(estimates, by / whole, of_mean, (scores.truth, *columns))


def off_diagonal(table: Floats) -> Floats:
    """The table with zeros where a class meets itself."""
    return np.where(np.eye(len(table), dtype=np.bool_), 0.0, table)


def values_of(scores: ClassInfluences) -> Floats:
    """The ROC area of each class against all others, not a number where there is none."""
    return np.array([math.nan if isinstance(area.roc_auc, Undefined) else area.roc_auc for area in scores.areas])


def of_roc_auc_macro(case: Case, scores: LabelInfluences) -> Interval:
    """Student's t on the logit scale with the variance of what each row does with all its labels."""
    return over_labels(case, [area.roc_estimate for area in scores.areas], scores, scores.moves.roc)


def of_average_precision_over_labels(case: Case, scores: LabelInfluences) -> Interval:
    """Student's t on the logit scale with the variance of what each row does with all its labels."""
    return over_labels(case, [area.precision_estimate for area in scores.areas], scores, scores.moves.precision)


def over_labels(case: Case, estimates: Sequence[Any], scores: LabelInfluences, moves: Floats) -> Interval:
    """Of the mean over labels, from what the rows do to the sum."""
    by = np.full(len(estimates), 1 / len(estimates))
    estimate = joint(estimates, by, scores.variance(moves / len(estimates)))
    return Interval(*estimate.limits(case.level), "influence_logit")


def of_roc_auc_micro(case: Case, scores: LabelInfluences, matches: SetMatches) -> Interval:
    """Student's t on the logit scale with the variance of what each row does with all its labels."""
    return of_pool(case, roc_estimate, scores.variance(scores.moves.pooled_roc), matches)


def of_average_precision_micro(case: Case, scores: LabelInfluences, matches: SetMatches) -> Interval:
    """Student's t on the logit scale with the variance of what each row does with all its labels."""
    return of_pool(case, precision_estimate, scores.variance(scores.moves.pooled_precision), matches)


def of_pool(case: Case, estimate: Callable[..., Estimate], plain: float, matches: SetMatches) -> Interval:
    """Of an area of all pairs, with the degrees of freedom of the rows that have positives, or negatives.

    The least variance that is believed is that of independent pairs; of as many rows, where the rows show none at all.
    """
    _, truth, _ = matches.numbers
    sides = (truth, matches.labels - truth)
    wholes = [matches.sum(side) ** 2 for side in sides]
    rows = [whole / (matches.square_sum(side, side) or 1.0) for whole, side in zip(wholes, sides, strict=True)]
    pairs = [whole / (matches.square_sum(side) or 1.0) for whole, side in zip(wholes, sides, strict=True)]
    of_rows = estimate(rows, case.value, (plain, 0.0))
    found = estimate(pairs, case.value, (plain, 0.0)) if plain > ROUNDING * of_rows.floor else of_rows
    fewest = min(rows)
    correction = fewest / (fewest - 1) if fewest >= FEWEST else 1.0
    found = found._replace(rows=of_rows.rows, variance=plain * correction, freedom=of_rows.freedom)
    return Interval(*found.limits(case.level), "influence_logit")


of_ovr, of_ovr_weighted = over_classes(ovr), over_classes(ovr_weighted)
of_ovo, of_ovo_weighted = over_classes(ovo), over_classes(ovo_weighted)
of_average_precision_macro = over_classes(precision_macro)
