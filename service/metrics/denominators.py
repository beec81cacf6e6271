"""How many effective rows or queries a metric is a mean of: those whose absence would leave it undefined."""

from service.metrics.binary_states import Cells, ClassTotals
from service.metrics.exact import Total
from service.metrics.multiclass_states import Support
from service.metrics.ranking_states import RankedRows
from service.metrics.states import effective


def size(weight: Total, weight2: Total) -> float:
    """The effective number of some rows, 0 where there are none."""
    return effective(weight, weight2) if weight else 0.0


def positive_labels(cells: Cells) -> float:
    """The rows of the positive class."""
    return size(cells.tp + cells.fn, cells.tp2 + cells.fn2)


def negative_labels(cells: Cells) -> float:
    """The rows of the negative class."""
    return size(cells.tn + cells.fp, cells.tn2 + cells.fp2)


def predicted_positives(cells: Cells) -> float:
    """The rows that are predicted positive."""
    return size(cells.tp + cells.fp, cells.tp2 + cells.fp2)


def predicted_negatives(cells: Cells) -> float:
    """The rows that are predicted negative."""
    return size(cells.tn + cells.fn, cells.tn2 + cells.fn2)


def positives(cells: Cells) -> float:
    """The rows that are positive in labels or predictions."""
    return size(cells.tp + cells.fp + cells.fn, cells.tp2 + cells.fp2 + cells.fn2)


def smaller_class(labels: ClassTotals) -> float:
    """The rows of the class that has fewer."""
    return min(size(labels.negative, labels.negative2), size(labels.positive, labels.positive2))


def smallest_class(labels: Support) -> float:
    """The rows of the class that has fewest."""
    return min(map(size, labels.classes.exact, labels.squares.exact))


def outside_the_largest_class(labels: Support) -> float:
    """The rows of all classes but the one that has most."""
    weights, squares = labels.classes.exact, labels.squares.exact
    most = weights.index(max(weights))
    return size(labels.weight - weights[most], labels.weight2 - squares[most])


def judged_queries(ranked: RankedRows) -> float:
    """The queries that have a relevant document."""
    return ranked.size
