"""The intervals cover as often as demanded in a few cells of the study, and the study itself measures right."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from service.metrics.catalogue import TASKS
from tests.coverage_study import comparison_page, comparisons, groups, populations
from tests.coverage_study.designs import DESIGNS, FAST
from tests.coverage_study.rules import AWAITED, WITHOUT
from tests.coverage_study.study import Population, class_metrics, run
from tests.coverage_study.tables import README, broken

BY_TITLE = {design.title: design for design in DESIGNS}
ONE = replace(BY_TITLE["binary: AUC 0.9, prevalence 0.3"], metrics=("accuracy",))


def rows_of_page() -> dict[str, list[list[str]]]:
    """The rows of the committed table of each task, and of the summary before them."""
    first, *parts = README.read_text().split("\n## ")
    tables = {"": first} | {part.partition("\n")[0]: part for part in parts}
    lines = {name: [line for line in text.splitlines() if line.startswith("|")][2:] for name, text in tables.items()}
    return {name: [line[1:-1].split("|") for line in found] for name, found in lines.items()}


def wilson(hits: int, rows: int) -> dict[str, float | str]:
    limits = stats.binomtest(hits, rows).proportion_ci(method="wilson")
    return {"low": limits.low, "high": limits.high, "method": "wilson"}


def of_accuracy(interval, undefined=()):
    """Reports that hold the accuracy, with an interval made of the hits and the rows."""

    def answer(batch, _, __):
        hits = np.count_nonzero(batch.truth == batch.predicted)
        limits = interval(hits, len(batch.truth))
        return {
            "metrics": {"accuracy": hits / len(batch.truth)},
            "intervals": {"accuracy": limits},
            "undefined": dict(undefined),
        }

    return answer


@pytest.mark.parametrize("size", [20, 100])
def test_the_study_measures_the_coverage_that_wilson_limits_have_exactly(size):
    limits = [wilson(hits, size) for hits in range(size + 1)]
    (cell,) = run(ONE, size, 4000, of_accuracy(lambda hits, _: limits[hits]))
    held = [low["low"] <= cell.true <= low["high"] for low in limits]
    exact = stats.binom.pmf(np.arange(size + 1), size, cell.true) @ held
    assert 0.9 < exact < 0.99
    assert cell.coverage == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 4000))
    above = stats.binom.pmf(np.arange(size + 1), size, cell.true) @ [cell.true < low["low"] for low in limits]
    assert cell.missed_low / 4000 == pytest.approx(above, abs=4 * np.sqrt(above / 4000))
    assert cell.covered + cell.missed_low + cell.missed_high == cell.intervals == cell.samples
    assert not broken([cell])


@pytest.mark.parametrize(
    ("interval", "undefined", "what"),
    [
        (lambda hits, rows: wilson(hits, rows) | {"high": 1.01}, {}, "out of range"),
        (lambda hits, rows: wilson(hits, rows) | {"high": float("nan")}, {}, "out of range"),
        (lambda hits, rows: {"low": hits / rows, "high": hits / rows, "method": ""}, {}, "zero width"),
        (lambda hits, rows: {"low": 0.0, "high": hits / rows - 0.01, "method": ""}, {}, "not holding the value"),
        (lambda *_: None, {}, "null without a reason"),
        (lambda *_: None, {"intervals.accuracy": {"reason": "overflow"}}, "overflow of ordinary numbers"),
        (lambda *_: None, {"intervals.accuracy": {"reason": "some"}}, "of 0 intervals, 50 values"),
        (lambda hits, rows: wilson(hits, rows) | {"high": min(1.0, hits / rows + 0.02)}, {}, "intervals, 50 values"),
    ],
)
def test_the_study_notices_what_is_wrong_with_intervals(interval, undefined, what):
    lines = broken(run(ONE, 100, 50, of_accuracy(interval, undefined)))
    assert any(what in line for line in lines), lines


def test_plain_delong_limits_are_found_to_fail_near_1():
    """As statistics says of them: on the logit scale 36 to 89 %."""
    design = replace(BY_TITLE["binary: AUC 0.99, prevalence 0.3"], metrics=("roc_auc",))
    (cell,) = run(design, 50, 300, plain_delong)
    assert 0.36 < cell.coverage < 0.89
    assert not cell.met
    (cell,) = run(replace(BY_TITLE["binary: AUC 0.75, prevalence 0.5"], metrics=("roc_auc",)), 200, 300, plain_delong)
    assert cell.met


def plain_delong(batch, _, __):
    """A report of the AUC with DeLong's interval on the logit scale, as it is often made."""
    positive, negative = batch.scores[batch.truth], batch.scores[~batch.truth]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    area = wins.mean()
    variance = wins.mean(axis=1).var(ddof=1) / len(positive) + wins.mean(axis=0).var(ddof=1) / len(negative)
    if area == 1:
        limits = np.array([1 - 1e-9, 1.0])
    else:
        reach = stats.norm.ppf(0.975) * np.sqrt(variance) / (area * (1 - area))
        limits = 1 / (1 + np.exp(-np.log(area / (1 - area)) + np.array([reach, -reach])))
    interval = {"low": limits[0], "high": limits[1], "method": "delong"}
    return {"metrics": {"roc_auc": area}, "intervals": {"roc_auc": interval}, "undefined": {}}


def truth_of(title: str) -> tuple[Population, dict[str, float]]:
    population = Population(BY_TITLE[title])
    return population, population.whole["metrics"]


@pytest.mark.parametrize("auc", [0.6, 0.99])
def test_binormal_populations_have_the_values_of_their_law(auc):
    population, values = truth_of(f"binary: AUC {auc}, prevalence 0.1")
    hit_rate = stats.norm.cdf(populations.distance(auc) / 2)
    assert values["roc_auc"] == pytest.approx(auc, abs=1e-4)
    assert values["recall"] == pytest.approx(hit_rate, abs=1e-4)
    assert values["specificity"] == pytest.approx(hit_rate, abs=1e-4)
    assert values["ks_statistic"] == pytest.approx(2 * hit_rate - 1, abs=1e-4)
    assert values["calibration_slope"] == pytest.approx(1, abs=1e-3)
    expected = population.expected("recall", 500)
    assert expected.tp == pytest.approx(50 * hit_rate, abs=0.01)
    assert expected.fp == pytest.approx(450 * (1 - hit_rate), abs=0.05)
    assert population.mean_z(1000) == pytest.approx(0, abs=0.05)


def test_overconfident_scores_have_the_slope_and_the_z_of_their_law():
    population, values = truth_of("binary: AUC 0.9, prevalence 0.3, overconfident")
    assert values["calibration_slope"] == pytest.approx(0.5, abs=1e-3)
    scores, truth = population.batch.scores, population.batch.truth
    excess = np.mean((truth - scores) * (1 - 2 * scores))
    slope = excess / np.sqrt(np.mean((1 - 2 * scores) ** 2 * scores * (1 - scores)))
    assert population.mean_z(10_000) == pytest.approx(100 * slope, rel=0.01)


@pytest.mark.parametrize(
    ("law", "kurtosis", "magnitude"), [("normal", 3, (2 / np.pi) ** 0.5), ("Laplace", 6, 0.5**0.5)]
)
def test_populations_of_errors_have_the_values_of_their_law(law, kurtosis, magnitude):
    errors = populations.errors_of(law)
    assert np.mean(errors**2) == pytest.approx(1, abs=4 * np.sqrt((kurtosis - 1) / populations.ROWS))
    assert np.mean(np.abs(errors)) == pytest.approx(magnitude, abs=4 / np.sqrt(populations.ROWS))
    _, values = truth_of(f"regression: {law} errors")
    assert values["mean_squared_error"] == pytest.approx(1.04, abs=0.03)
    assert values["mean_error"] == pytest.approx(0.2, abs=0.01)
    assert values["r2"] == pytest.approx(1 - 1.04 / 4, abs=0.01)


def test_samples_of_queries_keep_the_documents_of_each_together():
    population = Population(BY_TITLE["ranking: good order, uniform weights"])
    sample = population.sample(30, np.random.default_rng(0))
    whole = {
        tuple(zip(population.batch.truth[a:b], population.batch.scores[a:b], strict=True))
        for a, b in zip(population.starts[:-1], population.starts[1:], strict=True)
    }
    assert set(sample.query) == set(range(30))
    for query in range(30):
        rows = sample.query == query
        assert tuple(zip(sample.truth[rows], sample.scores[rows], strict=True)) in whole
        assert len(set(sample.weight[rows])) == 1


@pytest.mark.parametrize("task", TASKS)
def test_intervals_cover_as_often_as_demanded(task):
    cells = [cell for title, *cell in FAST if BY_TITLE[title].task == task for cell in run(BY_TITLE[title], *cell)]
    assert sum(cell.judged for cell in cells) >= 15
    assert broken(cells) == []


@pytest.mark.parametrize("task", TASKS)
def test_the_committed_table_holds_every_metric_that_has_an_interval(task):
    covered = {metric for metric, _, _, coverage, *_ in rows_of_page()[task] if coverage}
    for metric in TASKS[task].metrics:
        if metric.name not in AWAITED.union(WITHOUT):
            held = any(re.fullmatch(metric.pattern, name) for name in covered)
            assert held, f"{metric.name}: add it to AWAITED in tests/coverage_study/rules.py, or make coverage-study"
    assert class_metrics(task).keys() - AWAITED <= {name.partition(" of class ")[0] for name in covered}


@pytest.mark.parametrize("task", TASKS)
def test_the_committed_table_holds_every_design_and_every_demand_is_met(task):
    rows = rows_of_page()
    grid = {(design.name, str(size)) for design in DESIGNS if design.task == task for size in design.sizes}
    assert {(design, size) for _, design, size, *_ in rows[task]} == grid
    assert [row[:3] for row in rows[task] if row[-1] == "no"] == []
    assert {met for first, *_, met in rows[""] if first == task} == {"yes"}
    assert " intervals, 0 violations of what holds in every sample." in README.read_text()


FAST_COMPARISONS = [
    ("binary: AUC 0.75, 1 in 2, paired", 10, 100),
    ("binary: AUC 0.9, 1 in 10, unpaired", 50, 60),
    ("multiclass: 1 : 3 : 6, paired", 10, 40),
    ("multilabel: even, paired", 50, 40),
    ("regression: lognormal, paired", 50, 80),
    ("ranking: good order, paired", 10, 100),
    ("binary: AUC 0.75, 1 in 2, 6 groups", 15, 60),
    ("multiclass: even, 2 groups", 50, 60),
    ("regression: normal errors, 2 groups (1 : 5)", 15, 60),
]


@pytest.mark.parametrize(("title", "size", "samples"), FAST_COMPARISONS)
def test_comparisons_err_as_seldom_as_demanded(title, size, samples):
    design = next(design for design in comparison_page.DESIGNS if design.title == title)
    cells = comparisons.errors_of(design, size, samples)
    assert {cell.metric for cell in cells} == set(design.metrics)
    assert [(cell.metric, cell.test, cell.rate) for cell in cells if not cell.met] == []


def test_a_test_that_errs_too_often_is_noticed():
    design = comparisons.DESIGNS[0]
    assert comparisons.Found(design, 10, "recall", "delta", 2000, 130).met
    assert not comparisons.Found(design, 10, "recall", "delta", 2000, 170).met
    assert not comparisons.Found(design, 50, "roc_auc", "delong", 2000, 40).met
    assert not comparisons.Found(design, 10, "recall", "mcnemar_exact", 2000, 140).met
    assert comparisons.Found(groups.DESIGNS[0], 15, "recall", "mover", 2000, 140).met
    assert not comparisons.Found(groups.DESIGNS[0], 15, "recall", "mover", 2000, 180).met


def test_a_group_that_is_apart_is_found_and_its_gap_covered():
    seen = groups.seen_of(groups.APART[3], 100)
    assert len(seen.of.design.shares) == 3
    assert seen.difference == pytest.approx(0.1, abs=0.005)
    assert seen.found == pytest.approx(seen.best, abs=0.2)
    assert seen.met
    assert not replace(seen, found=seen.best - 0.2).met
    assert not replace(seen, missed=0.1).met


def test_the_committed_page_holds_every_comparison_and_every_demand_is_met():
    first, *parts = comparison_page.PAGE.read_text().split("\n## ")
    tables = {title: text for title, _, text in (part.partition("\n") for part in parts)}
    assert "not met" not in "".join(parts)
    demanded, met = re.search(r"Demanded in ([\d,]+) cells, met in ([\d,]+), of", first).groups()
    assert demanded == met
    real = {"True differences": comparisons.REAL, "Groups of which one is apart": groups.APART}
    assert tables.keys() == real.keys() | {design.title for design in comparison_page.DESIGNS}
    held: dict[str, set[str]] = {task: set() for task in TASKS}
    for design in comparison_page.DESIGNS:
        _, _, *rows = (line[1:-1].split("|") for line in tables[design.title].splitlines() if line.startswith("|"))
        assert {row[0] for row in rows} <= set(design.metrics)
        held[design.task] |= {row[0] for row in rows}
    assert held == {task: set(comparisons.metrics_of(task)) for task in TASKS}
    assert {title: tables[title].count("|yes|") for title in real} == {title: len(of) for title, of in real.items()}
