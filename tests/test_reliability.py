"""What `make reliability` measures, for seconds: what depends on no clock."""

from tests.proxy import needs_nginx
from tests.reliability.promises import NOT_RUN, Scale, memory, overload, restarts

FEW = Scale(restarts=3, requests=600, seconds=2.0, repeated=200)


@needs_nginx
def test_no_request_is_lost_behind_nginx(tmp_path):
    rows = list(restarts(tmp_path, FEW))
    assert len(rows) == 2
    assert all(row.kept for row in rows), rows


def test_what_is_too_much_is_refused_at_once_and_health_is_answered(tmp_path):
    rows = list(overload(tmp_path, FEW))
    assert NOT_RUN not in {row.measured for row in rows}
    assert all(row.kept for row in rows if "503" in row.promise), rows


def test_memory_is_measured(tmp_path):
    assert [row.measured for row in memory(tmp_path, FEW)] != [NOT_RUN]
