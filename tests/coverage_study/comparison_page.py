"""The page that says how often comparisons find a difference: COMPARISONS.md beside this module."""

from itertools import groupby
from pathlib import Path

from tests.coverage_study import comparisons, groups
from tests.coverage_study.comparisons import ERROR, SAMPLES, Design, Found, Power
from tests.coverage_study.groups import Seen
from tests.coverage_study.tables import table

PAGE = Path(__file__).with_name("COMPARISONS.md")
DESIGNS: tuple[Design, ...] = (*comparisons.DESIGNS, *groups.DESIGNS)

INTRODUCTION = """\
# Comparisons

How often a comparison finds a difference at the 5 % level. `make coverage-study` draws the samples, asks the core, and
writes this page; `make test` runs a few of the cells.

Where there is none, both candidates' predictions have one law, on the same rows with a correlation of 0.5 (0.8 where
the AUC is 0.75): no metric differs. *n* is the number of rows of the rarest class, in a ranking of queries, and half of
the rows of a regression or a multilabel task. Demanded are at most 6.5 % errors from 10 rows a class on; 4 to 6 % of
the AUC and of mean losses from 50 rows on, but for weights, heavy tails and an AUC of 0.97; and at most 5 % of
McNemar's exact test; each but for three standard errors. *conservative* tests err in less than 2.5 %.

Groups have rows of their own, of one law where no gap is; *n* is that of a group, times its share. `homogeneity` errs
where it finds a gap, at most in 6.5 %; a `mover` interval, of more than two groups with Bonferroni's limits, where it
does not hold the true gap, at most in 7 %. Samples count in which two groups at least have ten units of the metric.
"""


def row(cells: list[Found], sizes: list[int]) -> tuple[str, ...]:
    """A row of the table: of each size the percentage."""
    by_size = {cell.size: cell for cell in cells}
    shown = [f"{100 * by_size[size].rate:.1f}" if size in by_size else "" for size in sizes]
    largest = cells[-1]
    said = ["conservative"] if all(cell.rate < ERROR / 2 for cell in cells) else []
    said += ["not met"] if not all(cell.met for cell in cells) else []
    return (cells[0].metric, largest.test, *shown, ", ".join(said))


def page(found: list[Found], powers: list[Power], seen: list[Seen]) -> str:
    """The whole page."""
    met = sum(cell.met for cell in found)
    lines = [INTRODUCTION, f"Demanded in {len(found):,} cells, met in {met:,}, of {SAMPLES:,} samples each.", ""]
    lines += ["## True differences", "", *table(map(power_row, powers), POWER_HEADER)]
    lines += ["## Groups of which one is apart", "", *table(map(seen_row, seen), SEEN_HEADER)]
    for title, members in groupby(found, lambda cell: cell.design.title):
        cells = list(members)
        sizes = list(dict.fromkeys(cell.size for cell in cells))
        keys = dict.fromkeys((cell.metric, cell.test) for cell in cells)
        rows = [row([cell for cell in cells if (cell.metric, cell.test) == key], sizes) for key in keys]
        header = ("metric", "test", *(f"n {size}" for size in sizes), "")
        lines += [f"## {title}", "", *table(rows, header)]
    return "\n".join(lines).rstrip() + "\n"


POWER_HEADER = ("law", "metric", "difference", "samples_to_settle", "found, %", "not inferior at the margin, %", "met")


def power_row(power: Power) -> tuple[str, ...]:
    """A row of the table."""
    return (
        power.real.design.title,
        power.real.metric,
        f"{power.difference:.4f}",
        str(power.samples),
        f"{100 * power.rate:.1f}",
        f"{100 * power.not_inferior:.1f}",
        "yes" if power.met else "no",
    )


SEEN_HEADER = ("law", "metric", "n", "gap", "found, %", "at best, %", "missed by the interval, %", "met")


def seen_row(seen: Seen) -> tuple[str, ...]:
    """A row of the table."""
    shares = (f"{100 * share:.1f}" for share in (seen.found, seen.best, seen.missed))
    said = (seen.of.design.title, seen.of.metric, str(seen.of.size), f"{seen.difference:.4f}")
    return (*said, *shares, "yes" if seen.met else "no")
