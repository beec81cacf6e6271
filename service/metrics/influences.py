"""What rows tell of how sure an estimate is: their influence on it, and how many of them make it up.

The influence of a row is what a little more weight of it does to the estimate. The mean influence is 0.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.metrics.exact import Floats, root
from service.metrics.states import Rows, blocks

# So many columns of a block of rows are at work together.
BLOCK_COLUMNS = 2


class Influence(NamedTuple):
    """What a little more weight of each row does to a metric, times the total weight: its mean over the weight is 0.

    `values` are those of the rows in the order they came in, or a table of what a row of each label (rows) that is
    predicted so (columns) does. In a ranking queries stand in place of rows, in the order of `Grouping`. `positive`
    tells two samples apart where the metric compares them. `size` is the effective number of rows that make the metric
    up, where these are not all; `floor` is the least variance of it that is believed.
    """

    values: Floats
    positive: NDArray[np.bool_] | None = None
    size: float | None = None
    floor: float = 0.0


class Standard(NamedTuple):
    """A mean, and a standard deviation around it."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, total: Any, variation: Any, weight: Any) -> "Standard":
        """Of a total, and a sum of squared deviations times the weight, over the weight."""
        return cls(float(total / weight), float(root(variation) / weight))

    def scores(self, numbers: Floats) -> Floats:
        """Numbers less the mean, over the standard deviation."""
        return np.asarray((numbers - self.mean) / self.deviation)


class Spread(NamedTuple):
    """What rows tell of an estimate: its variance, the effective number of rows, and of those that make it up."""

    variance: float
    size: float
    carriers: float


class Influences(Rows):
    """Rows that are read for their influence on estimates: what a little more weight of a row does to one."""

    @cached_property
    def masses(self) -> tuple[Floats, Floats] | None:
        """The relative weights, and what they add to a variance; None where every row counts once."""
        return None if self.weights is None else (self.relative_weights, self.relative_squares)

    @cached_property
    def totals(self) -> tuple[float, float]:
        """The totals of both, the number of rows where every row counts once."""
        if self.masses is None:
            return (float(len(self.columns[0])),) * 2
        weight, weight2 = (float(self.total_of(masses)) for masses in self.masses)
        return weight, weight2

    @property
    def size(self) -> float:
        """The effective number of rows."""
        weight, weight2 = self.totals
        return weight * weight / weight2

    @staticmethod
    def total_of(terms: Floats) -> Any:
        """The sum of terms of rows, which are in an order of their own."""
        return float(np.add.reduce(terms))

    def spread(self, parts: Callable[[slice], tuple[Floats, ...]]) -> Spread:
        """The spread of an estimate. `parts` gives of a block of rows the influences, and parts with a mean of 1.

        Influences have a mean of 0. The rows that make an estimate up are those of the part that fewest rows carry,
        (sum of w part)^2 / sum of (w part)^2.
        """
        sums = []
        for block in blocks(len(self.columns[0]), BLOCK_COLUMNS):
            squares = [np.square(part) for part in parts(block)]
            if self.masses is not None:
                squares = [square * self.masses[1][block] for square in squares]
            sums.append([self.total_of(square) for square in squares])
        influence, *carried = (float(sum(column)) for column in zip(*sums, strict=True))
        weight, weight2 = self.totals
        whole = weight * weight
        return Spread(influence / whole, whole / weight2, whole / max(carried, default=weight2))
