"""Measures how often the intervals of reports hold the true value, and prints the page that says so.

The samples are the same in every run. `--write` puts the page into README.md beside this module. Ends with status 1
where something is demanded and does not hold.
"""

import argparse
import sys
from multiprocessing import Pool

from tests.coverage_study.designs import DESIGNS, FAST
from tests.coverage_study.study import Cell, run
from tests.coverage_study.tables import README, broken, page

Work = tuple[int, int, int]


def fast() -> list[Work]:
    """The positions of designs, sizes and numbers of samples of the fast sample."""
    positions = {design.title: i for i, design in enumerate(DESIGNS)}
    return [(positions[title], size, times) for title, size, times in FAST]


def whole() -> list[Work]:
    """The same of the whole grid."""
    return [(i, size, design.times(size)) for i, design in enumerate(DESIGNS) for size in design.sizes]


def done(work: Work) -> list[Cell]:
    position, size, times = work
    return run(DESIGNS[position], size, times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true", help="only the cells that the tests run")
    parser.add_argument("--only", default="", help="only designs with this in their task or name")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.write and (options.fast or options.only):
        parser.error("only the whole page is written")
    chosen = [work for work in (fast() if options.fast else whole()) if options.only in DESIGNS[work[0]].title]
    cells: list[Cell] = []
    with Pool(options.processes) as pool:
        for (position, size, times), found in zip(chosen, pool.imap(done, chosen), strict=True):
            sys.stderr.write(f"{DESIGNS[position].title}, n {size}, {times} samples\n")
            cells += found
    text = page(cells)
    sys.stdout.write(text)
    if options.write:
        README.write_text(text)
    lines = broken(cells)
    sys.stderr.write("\n".join(["", *lines, f"{len(lines)} demands are not met."]) + "\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
