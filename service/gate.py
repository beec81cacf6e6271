"""The compute slot of a worker process: one report at a time, so that probes answer while it computes."""

from threading import Lock
from typing import Any, Self

from service.problems import Problem

# Half of the threads of a worker (deploy/gunicorn.conf.py): those who wait must leave some to refuse the others and to
# answer probes, or both would stand in a line that no time bounds.
MOST_WAITING = 16


class Gate:
    """Lets one request compute at a time; a few wait for a bounded time, all others come back later."""

    def __init__(self, wait_seconds: float) -> None:
        self.wait_seconds = wait_seconds
        self.places = [Lock() for _ in range(1 + MOST_WAITING)]
        self.slot = Lock()

    def turn(self) -> "Turn":
        """A turn of computing, to be waited for inside its `with`."""
        return Turn(self)


class Turn:
    """What a request holds of a gate, until its `with` ends.

    Where memory is short any line may fail that needs some. To take a `Lock`, to note that it is held and to give it
    back needs none, unlike a `Semaphore` or a generator, so that a slot is never lost.
    """

    __slots__ = ("computes", "gate", "place")

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.place: Any = None
        self.computes = False

    def __enter__(self) -> Self:
        return self

    def wait(self) -> None:
        """Wait for the slot. Raises `Problem` (overloaded) where none comes free in time."""
        for place in self.gate.places:
            if place.acquire(blocking=False):
                self.place = place
                break
        else:
            raise overloaded()
        if not self.gate.slot.acquire(timeout=self.gate.wait_seconds):
            raise overloaded()
        self.computes = True

    def __exit__(self, *_: object) -> None:
        if self.computes:
            self.gate.slot.release()
        if self.place is not None:
            self.place.release()


def overloaded() -> Problem:
    """The refusal of a request for which no slot came free."""
    return Problem("overloaded", "All workers are computing. Try again soon.", headers={"Retry-After": "1"})
