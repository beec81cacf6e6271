"""Asks the service about every payload of the corpus, and prints the page that says what it found.

The payloads are the same in every run. `--write` puts the page into README.md beside this module. Ends with status 1
where something is demanded and does not hold.
"""

import argparse
import sys
from collections.abc import Iterator
from multiprocessing import Pool

from tests.findings_corpus.corpus import Family
from tests.findings_corpus.families import FAMILIES
from tests.findings_corpus.study import Cell, run
from tests.findings_corpus.tables import README, broken, page

# The position of a family, a size, and how many payloads of it are asked about.
Work = tuple[int, int, int]
# What a sample of the corpus holds: so many payloads of a family, each of so many rows at most where it is clean.
FEW, MOST_ROWS = 2, 1000


def fast(family: Family) -> Iterator[Work]:
    """A family's part of the sample: a corruption where it is hardest to find of what is demanded."""
    sizes = [family.least] if family.code else [size for size in family.sizes if size <= MOST_ROWS]
    return ((FAMILIES.index(family), size, FEW) for size in sizes)


def whole(family: Family) -> Iterator[Work]:
    return ((FAMILIES.index(family), size, family.times) for size in family.sizes)


def done(work: Work) -> Cell:
    position, size, times = work
    return run(FAMILIES[position], size, range(times))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only the payloads that are corrupted so, and the clean ones")
    parser.add_argument("--task", default="", help="only this task")
    parser.add_argument("--fast", action="store_true", help="only the payloads that the tests run")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.write and (options.only or options.task or options.fast):
        parser.error("only the whole page is written")
    chosen = [
        work
        for family in FAMILIES
        if options.task in {"", family.task} and (not family.code or options.only in {"", family.code})
        for work in (fast if options.fast else whole)(family)
    ]
    with Pool(options.processes) as pool:
        cells = pool.map(done, chosen, 4)
    text = page(cells)
    sys.stdout.write(text)
    if options.write:
        README.write_text(text)
    lines = [line for line in broken(cells, whole=not (options.only or options.fast)) if options.only in line]
    sys.stderr.write("\n".join(["", *lines, f"{len(lines)} demands are not met."]) + "\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
