"""Measures the service over HTTP against its peers, in one run, and prints the tables and figures of the README.

Every request has a new body. Compare the ratios, not the times of different machines.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import page, plot
from tests.benchmarks.figures import Contest, Figures, machine
from tests.benchmarks.measuring import all_services, peaks, served, timed
from tests.serving import ROOT

COMMITTED = ROOT / "tests/benchmarks/figures.json"
PLOT = ROOT / "tests/benchmarks/speed.svg"


@dataclass(frozen=True)
class Plan:
    """What a run measures."""

    # Of reports and comparisons: task, rows, rounds.
    times: tuple[tuple[str, int, int], ...]
    # Of several clients: rows, requests a round; then how many rounds.
    requests: tuple[tuple[int, int], ...]
    rounds: int
    # Tasks, rows, rounds.
    memory: tuple[tuple[str, ...], int, int]


TASKS = ("binary", "multiclass", "regression", "ranking", "compare")
FULL = Plan(
    times=(
        ("binary", 100, 100),
        ("binary", 10**4, 20),
        ("binary", 10**5, 15),
        ("binary", 10**6, 5),
        ("binary", 10**7, 3),
        *((task, rows, rounds) for task in TASKS[1:] for rows, rounds in ((10**4, 5), (10**5, 1))),
        ("regression", 10**6, 3),
        ("multiclass", 10**6, 1),
        ("ranking", 10**6, 1),
        ("compare", 10**6, 1),
    ),
    requests=((100, 200), (10**4, 60)),
    rounds=5,
    memory=(TASKS, 10**6, 1),
)
QUICK = Plan(
    times=(
        ("binary", 100, 30),
        ("binary", 10**4, 5),
        ("binary", 10**5, 1),
        *((task, 10**4, 2) for task in TASKS[1:]),
    ),
    requests=((100, 50), (10**4, 8)),
    rounds=2,
    memory=(TASKS, 10**5, 1),
)


def measured(plan: Plan, folder: Path) -> Figures:
    """Hold every contest of a plan."""
    contests: list[Contest] = []
    with all_services(folder) as services:
        clients = {who: several[0] for who, several in services.items()}
        contests += [timed(task, rows, rounds, clients) for task, rows, rounds in told(plan.times)]
    with all_services(folder, workers=2) as services:
        contests += [served(rows, count, plan.rounds, services) for rows, count in told(plan.requests)]
    contests += peaks(*plan.memory, folder / "memory")
    return Figures(machine(), contests)


def told(works: Sequence[tuple[object, ...]]) -> Sequence[tuple[object, ...]]:
    """Each work in turn, said on the way."""
    for work in works:
        sys.stderr.write(f"{time.strftime('%X')} {', '.join(map(str, work))} ...\n")
        yield work


def main(arguments: Sequence[str] | None = None, plan: Plan = FULL) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller, under a minute")
    parser.add_argument("--json", type=Path, help="put all that was measured there")
    parser.add_argument("--read", type=Path, help="measure nothing, take what a run put there")
    parser.add_argument("--write", type=Path, help="put the tables between the marks of this page, and the plot beside")
    parser.add_argument("--plot", type=Path, default=PLOT, help="where --write draws the plot")
    options = parser.parse_args(arguments)
    if options.read:
        figures = Figures.from_json(options.read.read_text())
    else:
        with tempfile.TemporaryDirectory() as folder:
            figures = measured(QUICK if options.quick else plan, Path(folder))
    if options.json:
        options.json.write_text(figures.to_json())
    sys.stdout.write(page.text_of(figures))
    if options.write:
        page.put(figures, options.write)
        options.plot.write_text(plot.drawn(figures))
