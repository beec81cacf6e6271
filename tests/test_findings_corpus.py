"""The findings tell of a sample of the corpus what is true of it; and the corpus itself measures right."""

import re
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_score, r2_score, recall_score, roc_auc_score

from service.metrics.batch import Question
from service.metrics.catalogue import TASKS
from service.metrics.findings import FINDINGS
from tests.findings_corpus import binary_laws, class_laws, regression
from tests.findings_corpus.__main__ import done, fast
from tests.findings_corpus.families import FAMILIES
from tests.findings_corpus.introduction import MEANINGS
from tests.findings_corpus.models import BINARY, model
from tests.findings_corpus.study import INFO, run, said
from tests.findings_corpus.tables import README, broken

QUESTIONS = {task: Question(task) for task in TASKS}
CORRUPTED = [family for family in FAMILIES if family.code]


def rows_of_page():
    """The rows of the tables of the committed page, by title, without those that say what the columns are."""
    tables = defaultdict(list)
    title = ""
    for line in README.read_text().splitlines():
        title = line.lstrip("# ") if line.startswith("##") else title
        if line.startswith("|"):
            tables[title].append(line[1:-1].split("|"))
    return {title: rows[2:] for title, rows in tables.items()}


@pytest.mark.parametrize("task", TASKS)
def test_findings_are_told_of_what_has_them_and_of_nothing_else(task):
    cells = [done(work) for family in FAMILIES if family.task == task for work in fast(family)]
    assert broken(cells, whole=False) == []


def test_every_finding_has_a_corruption_and_the_corpus_has_no_other():
    told = {(task, rule.name) for rule in FINDINGS["report"] for task in rule.tasks}
    others = {rule.name for part in ("groups", "compare") for rule in FINDINGS[part]}
    made = {(family.task, family.code) for family in CORRUPTED}
    assert {pair for pair in made if pair[1] not in others} == told
    assert {code for _, code in made} == others | {code for _, code in told} == MEANINGS.keys()


def test_every_corruption_has_three_strengths():
    strengths = defaultdict(set)
    for family in CORRUPTED:
        strengths[family.task, family.code].add(family.strength)
    assert all(len(own) >= 3 for own in strengths.values())


def silent(_, __):
    return {}


def deaf(_, payload):
    """All findings that are not true, and those that are."""
    return {code: "warning" for code, true in payload.truth.items() if true is not None}


def some(*names):
    return [family for family in FAMILIES if {family.name, family.code} & set(names)]


def test_what_is_never_found_is_noticed():
    cells = [run(family, family.least, range(4), silent) for family in some("logits", "biased")]
    assert len([line for line in broken(cells, whole=False) if ": found in 0 of" in line]) == 9


def test_false_alarms_are_noticed():
    (family,) = some("rounded scores")[:1]
    lines = broken([run(family, 100, range(8), deaf)], whole=False)
    assert "binary, inverted_scores: 8 false alarms in 8" in lines
    assert "binary, rounded scores: any false alarm in 8 of 8" in lines
    assert "binary, rows, 100: any false alarm in 8 of 8" in lines


def test_information_is_no_alarm_but_counts_as_false():
    (family,) = some("rounded scores")[:1]
    cell = run(family, 100, range(8), lambda *_: {"inverted_scores": INFO})
    assert cell.alarmed == 0
    assert cell.false_alarms == {"inverted_scores": 8}


def test_a_finding_that_the_corpus_does_not_know_is_a_false_alarm():
    (family,) = some("rounded scores")[:1]
    cell = run(family, 100, range(3), lambda *_: {"another": "warning"})
    assert cell.false_alarms == {"another": 3}
    assert cell.alarmed == 3


@pytest.mark.parametrize("task", TASKS)
def test_findings_do_not_depend_on_the_metrics_and_intervals_that_are_asked_for(task):
    for family in [family for family in FAMILIES if family.task == task and family.verb == "report"][::6]:
        payload = family.payload(family.sizes[0], 0)
        everything = {"intervals": True, "metrics": list(TASKS[task].names(QUESTIONS[task])), **payload.request}
        assert said(family, payload) == said(family, replace(payload, request=everything))


def test_payloads_are_the_same_in_every_run():
    for family in FAMILIES[:3]:
        one, other = (family.payload(50, 1) for _ in range(2))
        assert one.truth == other.truth
        np.testing.assert_equal(dict(one.request), dict(other.request))


@pytest.mark.parametrize("name", BINARY)
def test_populations_of_real_labels_have_the_values_of_scikit_learn(name):
    labels, scores = model("binary", name)
    law = binary_laws.as_found(name)
    assert law.auc == pytest.approx(roc_auc_score(labels, scores))
    assert law.recall == pytest.approx(recall_score(labels, scores >= 0.5))
    assert law.precision == pytest.approx(precision_score(labels, scores >= 0.5))
    costs = [np.mean((scores >= cut) != labels) for cut in [*np.unique(scores), 2.0]]
    assert law.gain == pytest.approx(1 - min(costs) / np.mean((scores >= 0.5) != labels))


@pytest.mark.parametrize("prevalence", [None, 0.5, 0.03])
def test_right_scores_are_calibrated_and_have_the_values_of_large_samples(prevalence):
    law = binary_laws.calibrated("votes, random forest", prevalence)
    assert law.miscalibration == pytest.approx(0)
    assert law.gain == pytest.approx(0, abs=1e-9)
    drawn = binary_laws.sample(np.random.default_rng(0), law, 400_000)
    assert roc_auc_score(drawn.labels, drawn.scores) == pytest.approx(law.auc, abs=0.005)
    assert recall_score(drawn.labels, drawn.scores >= 0.5) == pytest.approx(law.recall, abs=0.01)
    assert drawn.labels.mean() == pytest.approx(law.prevalence if prevalence is None else prevalence, abs=0.003)


def test_classes_have_the_shares_of_scikit_learn():
    labels, said = model("multiclass", "travel, logistic regression")
    law = class_laws.as_found("travel, logistic regression")
    expected = confusion_matrix(labels, said.argmax(axis=1)) / len(labels)
    np.testing.assert_allclose(law.shares, expected)
    assert law.accuracy == pytest.approx(np.mean(said.argmax(axis=1) == labels))


def test_regressions_have_the_r2_of_scikit_learn():
    labels, said = model("regression", regression.RIDGE)
    assert regression.law_of(regression.RIDGE).r2 == pytest.approx(r2_score(labels, said))


def test_the_committed_page_holds_every_family_and_every_demand_is_met():
    tables = rows_of_page()
    summaries = {title: rows for title, rows in tables.items() if ":" not in title}
    assert {row[-1] for rows in summaries.values() for row in rows} == {"yes"}
    strengths = {(row[0], row[2]) for title, rows in tables.items() if title.endswith("strengths") for row in rows}
    assert strengths == {(family.code, family.strength) for family in CORRUPTED}
    families = {row[0] for title, rows in tables.items() if "any false alarm" in title for row in rows}
    assert families >= {family.name for family in FAMILIES if not family.code}
    payloads = int(re.search(r"([\d,]+) payloads, of which", README.read_text())[1].replace(",", ""))
    assert payloads == sum(family.times * len(family.sizes) for family in FAMILIES) >= 1000
