"""What a promise is, and how much is tried of each."""

from typing import NamedTuple

NOT_RUN = "not run"


class Row(NamedTuple):
    """A promise, what was measured, and whether it was kept."""

    promise: str
    measured: str = NOT_RUN
    kept: bool = False


class Scale(NamedTuple):
    """How much is tried.

    Restarts and requests of each kind, seconds of overload and of the look at memory, each so many-th of the bad
    inputs and how often, examples of each fuzzed decoder, mutants of each module of the metrics.
    """

    restarts: int
    requests: int
    seconds: float
    soak: float
    every: int
    times: int
    examples: int
    mutants: int


FULL = Scale(restarts=10, requests=10_000, seconds=10.0, soak=1800.0, every=1, times=40, examples=2000, mutants=2)
