"""The dashboard and the alerts ask for series that there are, in words that Grafana and Prometheus know."""

import hashlib
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from service.settings import Settings
from tests.data.bad_inputs import JSON
from tests.prometheus import FOLDER, Prometheus, needs_prometheus, promtool, rules, scraping
from tests.serving import ROOT, Server
from tests.wire import request

KEY = "assay_of_prometheus"
KNOWN = JSON | {"Authorization": f"Bearer {KEY}"}
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
UNIT_TESTS = "tests/data/alerts_test.yml"
SELECTOR = re.compile(r"(\w+)\{([^}]*)\}")
MATCHER = re.compile(r"(\w+)\s*(=~|!~|!=|=)\s*(\"[^\"]*\")")
SERIES = re.compile(r"\b(?:assay_\w+|up)\b")
# Of what the service or Prometheus writes, this alone is as the reader chooses.
CHOSEN = {"$job": "assay", "$instance": ".*", "$__rate_interval": "1m"}


def targets() -> list[dict]:
    return [target for panel in DASHBOARD["panels"] for target in panel["targets"]]


def query_of(target: dict) -> str:
    """The query of a panel, its variables chosen."""
    query = target["expr"]
    for name, value in CHOSEN.items():
        query = query.replace(name, value)
    assert "$" not in query
    return query


def queries() -> list[str]:
    """All queries of panels and alerts."""
    return [*map(query_of, targets()), *(rule["expr"] for rule in rules())]


def selected(query: str) -> list[str]:
    """What a query selects, without what it leaves out of that."""
    found = SELECTOR.findall(query)
    assert [name for name, _ in found] == SERIES.findall(re.sub(r'"[^"]*"', "", query)), "a name without braces"
    return [
        f"{name}{{{','.join(f'{label}{how}{value}' for label, how, value in MATCHER.findall(inner) if how[0] == '=')}}}"
        for name, inner in found
    ]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, start_server) -> Server:
    """A service that has answered each kind of request and sent one away."""
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(f"prometheus {hashlib.sha256(KEY.encode()).hexdigest()}\n")
    server: Server = start_server(ASSAY_API_KEYS_FILE=str(keys), ASSAY_WAIT_SECONDS="0.01")
    large = json.dumps({"labels": [0, 1] * 10**5, "scores": [0.25, 0.75] * 10**5}).encode()
    pair = (ROOT / "tests/data/breast_cancer_candidates.json").read_bytes()
    statuses = {
        request(server.port, headers=KNOWN, target="/v1/binary/compare", body=pair).status,
        request(server.port, headers=KNOWN, body=b"{").status,
        request(server.port, "GET", "/nowhere", headers={}).status,
    }
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            if 503 in statuses:
                break
            statuses |= set(pool.map(lambda _: request(server.port, headers=KNOWN, body=large).status, range(4)))
    assert statuses == {200, 400, 401, 503}
    return server


@pytest.fixture(scope="module")
def prometheus(service: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with scraping(service.port, tmp_path_factory.mktemp("prometheus"), KEY) as started:
        yield started


def test_panels_are_told_apart_and_their_units_and_source_are_named() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    (source,) = (each for each in DASHBOARD["templating"]["list"] if each["type"] == "datasource")
    named = {"type": source["query"], "uid": f"${{{source['name']}}}"}
    for panel in panels:
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert all(each["datasource"] == named for each in [*panels, *targets()])
    placed = [panel["gridPos"] for panel in panels]
    cells = [
        (x, y) for at in placed for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_grafana_knows_every_word_of_the_dashboard() -> None:
    """Its own library reads it and writes it back; what it does not know is lost on the way."""
    register_default_plugins()
    assert_within(DASHBOARD, json.loads(JSONEncoder().encode(Dashboard.from_json(DASHBOARD))))


def assert_within(ours: object, known: object, place: str = "") -> None:
    """Every value of ours is there, too."""
    if isinstance(ours, dict):
        assert isinstance(known, dict)
        assert ours.keys() <= known.keys(), f"{place}: {ours.keys() - known.keys()}"
        for name, value in ours.items():
            assert_within(value, known[name], f"{place}/{name}")
    elif isinstance(ours, list):
        assert isinstance(known, list)
        assert len(ours) == len(known), place
        for number, (value, other) in enumerate(zip(ours, known, strict=True)):
            assert_within(value, other, f"{place}/{number}")
    else:
        assert ours == known, place


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}
        settings = set(re.findall(r"ASSAY_\w+", json.dumps(rule)))
        assert settings <= Settings.variables().keys()


@needs_prometheus
def test_promtool_finds_nothing_wrong_with_the_rules_and_the_configuration() -> None:
    promtool("check", "rules", "deploy/grafana/alerts.yml")
    promtool("check", "config", "deploy/grafana/prometheus.yml")


@needs_prometheus
def test_each_alert_fires_when_it_should_and_only_then() -> None:
    promtool("test", "rules", UNIT_TESTS)
    tests = yaml.safe_load((ROOT / UNIT_TESTS).read_text())["tests"]
    times = [one for test in tests for one in test["promql_expr_test"]]
    firing = [re.findall(r'alertname="(\w+)"', str(one.get("exp_samples"))) for one in times]
    for rule in rules():
        assert 0 < sum(rule["alert"] in names for names in firing) < len(times), rule["alert"]


@needs_prometheus
def test_promtool_finds_nothing_wrong_with_the_series(service: Server) -> None:
    promtool("check", "metrics", given=request(service.port, "GET", "/metrics", headers=KNOWN).body)


@needs_prometheus
def test_every_panel_has_something_to_show(prometheus: Prometheus) -> None:
    for target in targets():
        assert prometheus.ask("query", query=query_of(target)), target
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]).groups()
            assert prometheus.ask(f"label/{label}/values", **{"match[]": series.replace("$job", "assay")})


@needs_prometheus
def test_everything_that_a_query_selects_or_groups_by_is_there(prometheus: Prometheus) -> None:
    for query in queries():
        labels = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", ")}
        for selector in selected(query):
            found = prometheus.ask("series", **{"match[]": selector})
            assert found, selector
            assert all(labels <= one.keys() for one in found), (labels, found)


@needs_prometheus
def test_the_series_that_alerts_are_tested_with_are_those_of_the_service(prometheus: Prometheus) -> None:
    """But for statuses, as nothing makes the service answer 500, and instances."""
    tests = yaml.safe_load((ROOT / UNIT_TESTS).read_text())["tests"]
    invented = {one["series"] for test in tests for one in test["input_series"]}
    assert invented
    for series in invented:
        if 'job="other"' not in series:
            like = re.sub(r'(status|instance)="\w+"', r'\1=~".+"', series)
            assert prometheus.ask("series", **{"match[]": like}), series


@needs_prometheus
def test_prometheus_evaluates_every_alert(prometheus: Prometheus) -> None:
    (group,) = prometheus.ask("rules")["groups"]
    assert [(rule["name"], rule["health"]) for rule in group["rules"]] == [(rule["alert"], "ok") for rule in rules()]
