"""What `make reliability` measures, for seconds: what depends on no clock."""

import json
import os
import signal

import pytest

from tests.proxy import needs_nginx
from tests.reliability.__main__ import FIGURES, kept, rows_of, text_of
from tests.reliability.memory import after_bad_inputs, growth, slope
from tests.reliability.overload import overload
from tests.reliability.promise import NOT_RUN, Row, Scale
from tests.reliability.promises import measured
from tests.reliability.restarts import behind_nginx, orphans, recovery, stopping
from tests.serving import ROOT

FEW = Scale(restarts=1, requests=300, seconds=1.0, soak=1.0, every=20, times=4, examples=20, mutants=0)


@needs_nginx
@pytest.mark.parametrize("measure", [behind_nginx, stopping, orphans, after_bad_inputs], ids=lambda each: each.__name__)
def test_it_is_kept(tmp_path, measure):
    rows = list(measure(tmp_path, FEW))
    assert all(row.kept for row in rows if "memory" not in row.promise), rows


def test_what_is_too_much_is_refused_at_once_and_health_is_answered(tmp_path):
    rows = list(overload(tmp_path, FEW))
    assert all(row.kept for row in rows if "503" in row.promise), rows


@pytest.mark.parametrize("measure", [recovery, growth], ids=lambda each: each.__name__)
def test_it_is_measured(tmp_path, measure):
    assert NOT_RUN not in {row.measured for row in measure(tmp_path, FEW)}


def test_growth_is_a_slope():
    assert slope([(0, 5), (10, 25), (20, 45)]) == 2


def crash(_, __):
    """Ends the process, as a fault of the memory may."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail(_, __):
    """Fails as whatever has a defect."""
    raise ValueError


@pytest.mark.parametrize("part", [crash, fail])
def test_a_part_that_fails_did_not_run(part):
    (row,) = measured(part, FEW)
    assert kept(row) == NOT_RUN


def test_a_part_without_figures_is_not_run():
    assert {kept(row) for row in rows_of({})} == {NOT_RUN}


def test_the_readme_shows_the_figures():
    assert text_of(json.loads(FIGURES.read_text())) in (ROOT / "README.md").read_text()


def test_what_did_not_run_is_not_kept():
    assert not Row("a promise").kept
    assert kept(Row("a promise")) == NOT_RUN
