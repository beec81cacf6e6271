"""The figures as a drawing: bars of the largest binary contest that every peer took part in, and of requests."""

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment

from tests.benchmarks.figures import Contest, Figures
from tests.benchmarks.page import shown_as, work_of

TEMPLATE = Path(__file__).with_name("plot.svg.jinja")
WIDTH = 400


@dataclass(frozen=True)
class Bar:
    """Who, how long the bar is in pixels, and what it says."""

    who: str
    width: float
    text: str


def drawn(figures: Figures) -> str:
    """The SVG. Its colours suit light and dark backgrounds."""
    times = [each for each in figures.contests if (each.kind, each.task) == ("time", "binary")]
    whole = [each for each in times if "not run" not in each.missing.values()]
    chosen = [whole[-1], *(each for each in figures.contests if each.kind == "requests")]
    panels = [(work_of(each), bars(each)) for each in chosen]
    return (
        Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        .from_string(TEMPLATE.read_text())
        .render(panels=panels)
    )


def bars(contest: Contest) -> list[Bar]:
    """A bar for each, as long as its median time, or as it answers requests."""
    medians = {who: contest.median(who) for who in contest.values}
    lengths = {who: 1 / value if contest.kind == "requests" else value for who, value in medians.items()}
    longest = max(lengths.values())
    return [
        Bar(who, round(WIDTH * length / longest, 1), shown_as(contest.kind, medians[who]))
        for who, length in lengths.items()
    ]
