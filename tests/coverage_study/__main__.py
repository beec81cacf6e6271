"""Measures how often the intervals of reports hold the true value, and prints the page that says so.

The samples are the same in every run. `--write` puts the page into README.md beside this module. Ends with status 1
where something is demanded and does not hold.
"""

import argparse
import sys
from multiprocessing import Pool

from tests.coverage_study import comparison_page, comparisons, groups
from tests.coverage_study.designs import DESIGNS, FAST
from tests.coverage_study.rules import AWAITED
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


def compared(work: tuple[int, int]) -> list[comparisons.Found]:
    position, size = work
    return comparisons.errors_of(comparison_page.DESIGNS[position], size, comparisons.SAMPLES)


def compare(processes: int, *, write: bool) -> list[str]:
    """Prints, or writes, the page of comparisons; gives a line for each demand that is not met."""
    works = [(i, size) for i, design in enumerate(comparison_page.DESIGNS) for size in design.sizes]
    with Pool(processes) as pool:
        powers = pool.map(comparisons.power_of, comparisons.REAL, 1)
        seen = pool.map(groups.seen_of, groups.APART, 1)
        found = [cell for cells in pool.imap(compared, works) for cell in cells]
    text = comparison_page.page(found, powers, seen)
    sys.stdout.write(text)
    if write:
        comparison_page.PAGE.write_text(text)
    real = [power.real for power in powers if not power.met] + [each.of for each in seen if not each.met]
    return [f"{cell.design.title}, n {cell.size}: {cell.metric}, {cell.test}" for cell in found if not cell.met] + [
        f"{each.design.title}: {each.metric}" for each in real
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true", help="only the cells that the tests run")
    parser.add_argument("--only", default="", help="only designs with this in their task or name")
    parser.add_argument("--comparisons", action="store_true", help="only the errors of comparisons")
    parser.add_argument("--awaited", action="store_true", help="only say which metrics the page does not hold yet")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.awaited:
        sys.stderr.write("".join(f"The page waits for {name}: run make coverage-study.\n" for name in sorted(AWAITED)))
        return 1 if AWAITED else 0
    if options.write and (options.fast or options.only):
        parser.error("only the whole page is written")
    if options.comparisons:
        lines = compare(options.processes, write=options.write)
        sys.stderr.write("\n".join(["", *lines, f"{len(lines)} demands are not met."]) + "\n")
        return 1 if lines else 0
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
    lines += [] if options.fast or options.only else compare(options.processes, write=options.write)
    sys.stderr.write("\n".join(["", *lines, f"{len(lines)} demands are not met."]) + "\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
