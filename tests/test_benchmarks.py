"""The benchmarks run end to end, and their JSON, table and plot agree. No time is asserted."""

import re

import pytest

from tests.benchmarks import page, plot
from tests.benchmarks.command import COMMITTED, PLOT, TASKS, Plan, main
from tests.benchmarks.figures import ASSAY, Contest, Figures, budgets
from tests.benchmarks.measuring import NOT_INSTALLED, NOT_RUN
from tests.serving import ROOT

SMALLEST = Plan(
    times=(("binary", 100, 1), *((task, 100, 1) for task in TASKS[1:])),
    requests=((100, 8),),
    rounds=1,
    memory=(("regression",), 100, 1),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The figures of the smallest run, the page and the plot that it wrote."""
    folder = tmp_path_factory.mktemp("benchmarks")
    written, drawing, kept = folder / "page.md", folder / "plot.svg", folder / "figures.json"
    written.write_text(f"before\n{page.MARKS[0]}\nold\n{page.MARKS[1]}\nafter\n")
    main(["--json", str(kept), "--write", str(written), "--plot", str(drawing)], SMALLEST)
    return Figures.from_json(kept.read_text()), written.read_text(), drawing.read_text()


def test_everyone_takes_part_or_is_said_to_be_missing(run):
    figures, _, _ = run
    assert {each.kind for each in figures.contests} == set(page.WORKS)
    for contest in figures.contests:
        assert next(iter(contest.values)) == ASSAY
        assert all(value > 0 for values in contest.values.values() for value in values)
        assert set(contest.missing.values()) <= {NOT_INSTALLED, NOT_RUN}


def test_table_and_plot_are_those_of_the_json(run):
    figures, written, drawing = run
    assert written == f"before\n{page.MARKS[0]}\n{page.text_of(figures)}{page.MARKS[1]}\nafter\n"
    assert drawing == plot.drawn(figures)
    rows = [line.split(" | ") for line in written.splitlines() if line.startswith("|")]
    shown = re.findall(r'<text x="[\d.]+" y="\d+">([^<]+)</text>', drawing)
    assert shown
    assert set(shown) <= {cell for row in rows for cell in row}


def test_budgets_are_ratios_of_medians():
    values = {ASSAY: [0.1, 0.2, 0.3], "scikit-learn in-process": [4.0], "floor: parse and one sort": [0.05]}
    million = Contest("time", "binary", 10**6, values=values)
    memory = Contest("memory", "binary", 100, 10**6, {ASSAY: [50e6]}, {ASSAY: 20 * 10**6})
    found = [(each.measured, each.kept) for each in budgets(Figures({}, [million, memory]))]
    assert found == [("20.0", True), ("4.00", False), ("2.50", True), ("0.57", True)]


def test_the_readme_shows_what_was_measured():
    figures = Figures.from_json(COMMITTED.read_text())
    assert page.text_of(figures) in (ROOT / "README.md").read_text()
    assert plot.drawn(figures) == PLOT.read_text()
