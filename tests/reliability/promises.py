"""What the service promises under stress, each measured on a real one."""

import tempfile
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.reliability.damage import damaged_bodies, faults
from tests.reliability.memory import after_bad_inputs, growth
from tests.reliability.mutation import mutants
from tests.reliability.overload import overload
from tests.reliability.promise import Row, Scale
from tests.reliability.restarts import behind_nginx, orphans, recovery, stopping

# Measures some promises, with a folder for its files.
Part = Callable[[Path, Scale], Iterator[Row]]

PROMISES: tuple[Part, ...] = (
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


def measured(measure: Part, scale: Scale) -> list[Row]:
    """The promises of a part, from a process of its own, which faults may end. Where it fails nothing was measured."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        try:
            return pool.submit(in_folder, measure, scale).result()
        except Exception:  # noqa: BLE001  # whatever it is, the other parts are measured
            traceback.print_exc()
            return [Row(f"{measure.__name__}: measured")]


def in_folder(measure: Part, scale: Scale) -> list[Row]:
    """The promises of a part, which keeps its files in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return list(measure(Path(folder), scale))
