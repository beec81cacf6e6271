"""The figures as Markdown: what was aimed at, then every contest with median, least, most and ratio."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.benchmarks.figures import Contest, Figures, budgets
from tests.benchmarks.peers import PEERS

MARKS = ("<!-- benchmark -->", "<!-- /benchmark -->")
WORKS = {
    "time": "{task}, {rows:,} rows",
    "requests": "{rows:,} rows each, 2 workers",
    "memory": "peak memory above idle, {task}, {rows:,} rows",
    "start": "start to ready",
}


def text_of(figures: Figures) -> str:
    """The whole page."""
    machine = figures.machine
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    where = f"{machine['processor']}, {machine['cores']} cores; {versions}; commit {machine['commit']}"
    lists = "; ".join(f"{task}: " + ", ".join(metrics) for task, metrics in PEERS.items())
    return "\n".join(
        [
            f"Measured on {where}. One worker or thread each, a new body each time.",
            "",
            *table(
                ("aim", "goal", "measured", "kept"),
                ((each.work, each.aim, each.measured, "yes" if each.kept else "no") for each in budgets(figures)),
            ),
            "",
            *table(
                ("work", "who", "median", "least", "most", "times Assay's"),
                (row for contest in figures.contests for row in rows_of(contest)),
            ),
            "",
            f"Peers compute the report's own list, torchmetrics what it has of it. {lists}.",
            "",
        ]
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def rows_of(contest: Contest) -> Iterator[Sequence[str]]:
    """A row for each who took part, and for each who did not."""
    work = work_of(contest)
    for who, values in contest.values.items():
        spread = sorted((min(values), max(values)), reverse=contest.kind == "requests")
        shown = (shown_as(contest.kind, value) for value in (statistics.median(values), *spread))
        yield work, who, *shown, f"{contest.ratio(who):.2f}"
        work = ""
    for who, reason in contest.missing.items():
        yield "", who, reason, "", "", ""


def work_of(contest: Contest) -> str:
    return WORKS[contest.kind].format(task=contest.task, rows=contest.rows)


def shown_as(kind: str, value: float) -> str:
    """A value with its unit, as a reader wants it."""
    if kind == "requests":
        return f"{1 / value:,.0f}/s"
    return f"{value / 1e6:,.1f} MB" if kind == "memory" else f"{value * 1e3:,.1f} ms"


def put(figures: Figures, page: Path) -> None:
    """Put the tables between the marks of a page."""
    before, rest = page.read_text().split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    page.write_text(f"{before}{MARKS[0]}\n{text_of(figures)}{MARKS[1]}{after}")
