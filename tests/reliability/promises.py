"""What the service promises under stress, each measured on a real one."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.reliability.damage import damaged_bodies, faults
from tests.reliability.memory import after_bad_inputs, growth
from tests.reliability.mutation import mutants
from tests.reliability.overload import overload
from tests.reliability.promise import Row, Scale
from tests.reliability.restarts import behind_nginx, orphans, recovery, stopping

PROMISES: tuple[Callable[[Path, Scale], Iterator[Row]], ...] = (
    behind_nginx,
    recovery,
    stopping,
    orphans,
    overload,
    after_bad_inputs,
    damaged_bodies,
    faults,
    growth,
    mutants,
)
