"""What a corpus is made of: payloads with what is true of them, in families."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Rng = np.random.Generator
Array = np.ndarray[Any, Any]
# By code whether the finding is true of a payload; None where it may be said or not.
Truth = Mapping[str, bool | None]


@dataclass(frozen=True)
class Payload:
    """A request, what is true of it, and its shape in words by aspect."""

    request: Mapping[str, Any]
    truth: Truth
    shape: Mapping[str, str] = field(default_factory=dict)


Draw = Callable[[Rng, int], Payload]


@dataclass(frozen=True)
class Family:
    """Payloads of one kind, `times` of each size.

    `code` is the finding that a corruption calls for, empty where payloads are clean, and `strength` says how strong it
    is. The finding is demanded in the `sizes` from `least` on; what a size counts is said by `counts`.
    """

    task: str
    name: str
    draw: Draw
    sizes: tuple[int, ...]
    times: int
    code: str = ""
    strength: str = ""
    least: int = 0
    counts: str = "rows"
    verb: str = "report"

    @property
    def title(self) -> str:
        return ", ".join(filter(None, (self.name, self.strength)))

    def payload(self, size: int, number: int) -> Payload:
        """A payload, the same in every run."""
        seed = zlib.crc32(f"{self.task} {self.code} {self.title} {size} {number}".encode())
        made = self.draw(np.random.default_rng(seed), size)
        if self.code and made.truth[self.code] is not True:
            raise AssertionError(f"{self.task}, {self.code}, {self.title}, size {size}: not true of payload {number}")
        return made


def corruption(
    task: str, code: str, *grades: tuple[str, int, Draw], sizes: tuple[int, ...] = (), times: int = 32, **others: str
) -> Iterator[Family]:
    """A corruption in several strengths, each from its least size on; without sizes a quarter and four times of it."""
    for strength, least, draw in grades:
        named = {"name": code, **others}
        own = sizes or (max(2, least // 4), least, 4 * least)
        yield Family(task, draw=draw, sizes=own, times=times, code=code, strength=strength, least=least, **named)


def exact(
    task: str, code: str, draw: Draw, sizes: tuple[int, ...] = (20, 200, 2000), **others: str
) -> Iterator[Family]:
    """A corruption that is there or not: its strengths are numbers of rows."""
    for size in sizes:
        strength = f"{size} {others.get('counts', 'rows')}"
        yield from corruption(task, code, (strength, size, draw), sizes=(size,), times=40, **others)


def one_of(rng: Rng, choices: Sequence[Any]) -> Any:
    """One of the choices, each as probable."""
    return choices[rng.integers(len(choices))]


def weights(rng: Rng, kind: str, rows: int) -> Array | None:
    """Weights that are independent of the rows, so that what is true of the population stays true."""
    made = {"none": None, "uniform": rng.uniform(0.2, 3, rows), "lognormal": rng.lognormal(sigma=0.7, size=rows)}
    return made[kind]


def effective(weight: Array | None, chosen: Array) -> float:
    """How many equal rows the weights of some are worth."""
    if weight is None:
        return float(np.count_nonzero(chosen))
    kept = weight[chosen]
    return float(kept.sum() ** 2 / np.square(kept).sum()) if len(kept) else 0.0


def drawn(rng: Rng, chance: Array) -> Array:
    """The class of each row, drawn with the probabilities in its row."""
    return (rng.random((len(chance), 1)) > chance.cumsum(axis=1)[:, :-1]).sum(axis=1)


# Fewer rows say nothing of what all of them have in common.
FEW = 20
# Fewer rows of a class, or queries, are a small sample.
FEW_OF_A_CLASS = 10


def beyond(value: float, bounds: tuple[float, float]) -> bool | None:
    """Whether a value reaches the upper bound; None where only the lower one."""
    low, high = bounds
    return None if low <= value < high else value >= high


def only(code: str, truth: Truth) -> dict[str, bool | None]:
    """The truth where nothing but one finding is judged."""
    return {**dict.fromkeys(truth), code: True}


def either(truths: Sequence[Truth]) -> dict[str, bool | None]:
    """What is true of any of several parts; None where it is true of none for certain, and untrue of not all."""

    def of(code: str) -> bool | None:
        own = [truth[code] for truth in truths]
        return True if True in own else None if None in own else False

    return {code: of(code) for code in truths[0]}


def copies(rng: Rng, payload: Payload, times: int) -> Payload:
    """The same rows again and again, in any order; what is found beside is not judged, for rows are dependent."""
    rows = len(payload.request["labels"])
    order = rng.permutation(np.tile(np.arange(rows), times))
    columns = {"labels", "scores", "predictions", "sample_weight", "queries"}

    def again(column: Any) -> Any:
        return column[order] if isinstance(column, np.ndarray) else [column[row] for row in order.tolist()]

    request = {name: again(value) if name in columns else value for name, value in payload.request.items()}
    return Payload(request, only("duplicated_rows", payload.truth))
