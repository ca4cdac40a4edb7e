"""The metrics as a real Prometheus gets them from a real node exporter, the alert rules and the dashboard over them."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from components import lacking, shared
from live_guests import wait_until
from policy_lake import NOON, collect_all, ioledger, new_lake
from prometheus_server import ALERTS, Prometheus
from told_metrics import parsed

import ioledger as library
from ioledger.metrics.family import parts

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

DASHBOARD = ALERTS.with_name("dashboard.json")
CASES = Path(__file__).with_name("alerts_test.yml")

OTHERS = {"node_textfile_mtime_seconds", "node_textfile_scrape_error"}
"""What rules and panels may name besides: it comes with the textfile collector."""

VARIABLES = {"$instance": ".*", "$source": ".*"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that was read every ten minutes for two hours, with a gap, built, and checked."""
    lake = new_lake(tmp_path_factory.mktemp("monitored"))
    for minute in [*range(-120, -50, 10), *range(-30, 1, 10)]:
        collect_all(lake, NOON + minute * MINUTE)
    assert ioledger(lake, "usage", "build") == 0
    assert ioledger(lake, "check") == 1
    return lake


@pytest.fixture(scope="module")
def prometheus(lake: Path) -> Prometheus:
    """A Prometheus that has scraped the lake's metrics."""
    told = shared("prometheus_server:running")
    server = Prometheus(told["url"], Path(told["textfiles"]))
    assert ioledger(lake, "metrics", "--to", str(server.textfiles / "ioledger.prom")) == 0
    wait_until(lambda: server.ask("ioledger_build_info") != {}, "a scrape")
    return server


def promtool(*arguments: str | Path, given: str | None = None) -> str:
    try:
        done = subprocess.run(["promtool", *arguments], input=given, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        lacking("there is no promtool; install it with `.ci/system-packages test`")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_what_prometheus_answers_is_what_the_lake_has(lake: Path, prometheus: Prometheus) -> None:
    with library.open(lake) as opened:
        runs = opened.connection.execute("""
            SELECT source, max(epoch(started_at)), arg_max(row_count, run_id), max(epoch(last_row_at)),
                count(*) FILTER (status = 'ok')
            FROM collection_run GROUP BY source ORDER BY source
        """).fetchall()
        found = opened.connection.execute("""
            SELECT code, severity, count(*) FILTER (status = 'violation'), count(*) FILTER (status = 'unknown')
            FROM open_finding GROUP BY ALL
        """).fetchall()
        ((observed, gap),) = opened.connection.execute(
            "SELECT sum(observed_seconds), sum(gap_seconds) FROM usage_record WHERE kind = 'io' AND window_end <= $1",
            [NOON],
        ).fetchall()

    assert prometheus.ask("node_textfile_scrape_error") == {(): 0}
    assert len(runs) == 3
    assert prometheus.ask("ioledger_source_last_success_timestamp_seconds") == {(run[0],): run[1] for run in runs}
    assert prometheus.ask("ioledger_source_last_run_rows") == {(run[0],): run[2] for run in runs}
    assert prometheus.ask("ioledger_source_newest_row_timestamp_seconds") == {(run[0],): run[3] for run in runs}
    assert prometheus.ask('ioledger_source_runs{status="ok"}') == {(run[0], "ok"): run[4] for run in runs}
    assert prometheus.ask("ioledger_source_beat_seconds") == {(run[0],): 600 for run in runs}
    assert prometheus.ask("ioledger_source_last_run_guests > 0") == {("the-hypervisor",): 2}
    assert found
    assert prometheus.ask("ioledger_findings_violation > 0") == {(row[0], row[1]): row[2] for row in found if row[2]}
    assert prometheus.ask("ioledger_findings_unknown > 0") == {(row[0], row[1]): row[3] for row in found if row[3]}
    assert prometheus.ask("count(ioledger_findings_violation == 0) > 20") != {}
    assert gap > 0
    assert prometheus.ask("ioledger_usage_coverage_ratio") == {(): pytest.approx(float(observed / (observed + gap)))}
    assert prometheus.ask("ioledger_usage_built_until_timestamp_seconds") == {(): NOON.timestamp()}
    assert prometheus.ask("ioledger_check_timestamp_seconds") == {(): NOON.timestamp()}
    assert prometheus.ask("sum(ioledger_lake_files)") == {(): sum(1 for path in lake.rglob("*") if path.is_file())}


def test_every_alert_rule_is_evaluated_on_these_metrics_and_some_fire(prometheus: Prometheus) -> None:
    def rules() -> list[dict[str, Any]]:
        (group,) = prometheus.api("rules")["groups"]
        listed: list[dict[str, Any]] = group["rules"]
        return listed

    def alerting() -> set[str]:
        return {rule["name"] for rule in rules() if rule["alerts"]}

    # The lake is of a day long past, its file of now; before the first scrape the metrics are missing.
    expected = {"IoledgerSourceSilent", "IoledgerUsageBehind", "IoledgerCheckOld", "IoledgerCriticalFindings"}
    wait_until(lambda: expected <= alerting() and "IoledgerMetricsMissing" not in alerting(), "the alerts")
    assert not {"IoledgerMetricsOld", "IoledgerFilesSetAside", "IoledgerUsageQuarantined"} & alerting()
    assert {rule["name"]: rule.get("lastError") for rule in rules() if rule["health"] != "ok"} == {}


def test_metrics_and_alert_rules_pass_prometheus_own_checks(prometheus: Prometheus) -> None:
    text = (prometheus.textfiles / "ioledger.prom").read_text(encoding="utf-8")

    assert promtool("check", "metrics", given=text) == ""
    assert "SUCCESS: 18 rules found" in promtool("check", "rules", ALERTS)


def test_alerts_fire_when_they_should_and_not_before() -> None:
    assert "SUCCESS" in promtool("test", "rules", CASES)


def expressions(value: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a dashboard
    if isinstance(value, dict):
        if "expr" in value:
            yield value["expr"]
        for each in value.values():
            yield from expressions(each)
    elif isinstance(value, list):
        for each in value:
            yield from expressions(each)


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\b(?:ioledger|node)_[a-z0-9_]+\b", text))


def test_every_panel_of_the_dashboard_asks_what_prometheus_can_answer(prometheus: Prometheus) -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    empty, asked = [], list(expressions(dashboard["panels"]))
    for expression in asked:
        for name, value in VARIABLES.items():
            expression = expression.replace(name, value)  # noqa: PLW2901 - as Grafana does it
        assert "$" not in expression
        if not prometheus.ask(expression):
            empty.append(expression)

    assert len(asked) > 30
    # Nothing was closed, and what was scraped once predicts nothing yet.
    assert [text for text in empty if "closed_until" not in text and "predict_linear" not in text] == []


def test_rules_and_panels_ask_only_for_metrics_that_there_are(prometheus: Prometheus) -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    known = {family.name for part in parts() for family in part.families}
    told = parsed((prometheus.textfiles / "ioledger.prom").read_text(encoding="utf-8")).keys()

    asked = names_in(DASHBOARD.read_text(encoding="utf-8")) | names_in(ALERTS.read_text(encoding="utf-8"))
    assert asked - OTHERS <= known
    assert told == known
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
