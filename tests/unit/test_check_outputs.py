"""The formats of `check`: each whole, sorted, the same every time, and with what its readers need."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from command import SCRIPT
from markdown_it import MarkdownIt
from policy_lake import NOON, ioledger, new_lake
from prometheus_client.parser import text_string_to_metric_families

import ioledger as library
from ioledger.delivery import deliver
from ioledger.errors import ConfigurationError
from ioledger.lake import layout
from ioledger.model.tables import FINDING
from policies import outputs
from policies.exemptions import Exemption, Leftover
from policies.finding import Finding
from policies.outputs import FORMATS, Report
from policies.rule import load_rules

if TYPE_CHECKING:
    from pathlib import Path

    from policies.finding import Status

RULES = {rule.code: rule for rule in load_rules() if rule.code in {"QOS101", "QOS102", "QOS201", "QOS402"}}

GONE = Exemption("QOS2*", "*gone*", "sold", "ops", date(2026, 12, 31), "exemptions.toml: line 8")
OVER = replace(GONE, resource="shop/vda", expires=date(2026, 11, 4), where="exemptions.toml: line 15")


def finding(code: str, resource: str, status: Status = "violation", by: str | None = None) -> Finding:
    return Finding(
        code=code, severity=RULES[code].severity, status=status, resource_kind="disk", resource_id=resource,
        vm_id=resource.partition("/")[0], volume_id=None, account_id=None, interval_start=NOON, interval_end=None,
        observed="500", expected="2000", unit="IOPS", reason=f"Disk {resource} | *it* is <so>.", first_seen_at=NOON,
        last_seen_at=NOON + timedelta(minutes=1), exempted_by=by, checked_at=NOON + timedelta(minutes=1),
    )  # fmt: skip


def new(code: str, resource: str, status: Status, by: str | None = None) -> Finding:
    return replace(finding(code, resource, status, by), first_seen_at=NOON + timedelta(minutes=1))


def resolved(code: str, resource: str, by: str | None = None) -> Finding:
    return replace(finding(code, resource, by=by), last_seen_at=NOON, resolved_at=NOON + timedelta(minutes=1))


REPORT = Report(
    moment=NOON + timedelta(minutes=1),
    rules=list(RULES.values()),
    findings=[
        finding("QOS102", "shop/vda"),
        new("QOS102", "web/vda", "unknown"),
        new("QOS101", "shop/vda", "unknown", by="ops, until 2026-12-31: moves"),
        replace(finding("QOS101", "web/vda", "unknown"), returns=1),
        finding("QOS402", "[stray]/v_d_a"),
    ],
    leftovers=[Leftover(GONE, "unmatched", 0), Leftover(OVER, "expired", 2), Leftover(OVER, "expired", 0)],
    resolved=[resolved("QOS201", "vol-1"), resolved("QOS402", "gone/vda"), resolved("QOS402", "a/vda", by="ops")],
)
TALLY = "4 rules found 2 critical, 1 high, 1 medium (2 of them unknown); 1 new, 2 resolved; exempted: 1"
NOTHING = Report(moment=NOON, rules=REPORT.rules, findings=[], leftovers=[])


def written(output_format: str, report: Report = REPORT) -> str:
    text = io.StringIO(newline="")
    outputs.write(report, output_format, text)
    return text.getvalue()


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return new_lake(tmp_path)


def test_programs_get_every_finding_and_column_in_the_order_of_the_report() -> None:
    as_json = json.loads(written("json"))
    as_lines = [json.loads(line) for line in written("ndjson").split("\n")[:-1]]
    as_csv = list(csv.DictReader(io.StringIO(written("csv"))))

    assert [(f["code"], f["resource_id"], f["exempted_by"]) for f in as_json] == [
        (f.code, f.resource_id, f.exempted_by) for f in [*REPORT.findings, *REPORT.resolved]
    ]
    assert [f["resource_id"] for f in as_json if f["resolved_at"]] == ["vol-1", "gone/vda", "a/vda"]
    assert [f["resource_id"] for f in as_json if f["returns"]] == ["web/vda"]
    assert {tuple(f) for f in as_json} == {FINDING.names}
    assert as_lines == as_json
    assert as_csv == [{name: "" if value is None else str(value) for name, value in f.items()} for f in as_json]


def test_people_get_a_table_of_what_counts_and_a_tally_of_everything() -> None:
    table = written("table").splitlines()

    assert [line.split()[1] for line in table[2:]] == ["QOS102", "QOS102", "QOS101", "QOS402"]
    assert "shop/vda" in table[2]
    assert outputs.tally(REPORT) == TALLY


@pytest.mark.parametrize(
    ("output_format", "text"),
    [("json", "[]\n"), ("ndjson", ""), ("csv", ",".join(FINDING.names) + "\r\n"), ("table", "")],
)
def test_without_findings_every_format_is_still_whole(output_format: str, text: str) -> None:
    assert written(output_format, NOTHING) == text


def test_markdown_is_a_page_with_the_tally_the_findings_that_count_and_leftover_exemptions() -> None:
    page = written("markdown")

    assert page.startswith(f"# Policy findings at 2026-11-05T12:01:00Z\n\n{TALLY}.\n\n| severity | code |")
    html = MarkdownIt("commonmark").enable("table").render(page)
    assert html.count("<tr>") == 1 + len(REPORT.counted)
    for counted in REPORT.counted:
        assert f"<td>{counted.resource_id}</td>" in html
        assert f"<td>{counted.reason.replace('<', '&lt;').replace('>', '&gt;')}</td>" in html
    assert html.count("<li>exemptions.toml: line ") == 3
    assert "the exemption of QOS2* on *gone* by ops matches nothing; remove it if its problem is mended" in html


def test_markdown_without_findings_has_no_table() -> None:
    assert written("markdown", NOTHING) == "# Policy findings at 2026-11-05T12:00:00Z\n\n4 rules found nothing.\n"


def test_monitoring_gets_numbers_by_rule_and_severity_and_nothing_that_grows_with_the_fleet() -> None:
    families = {family.name: family for family in text_string_to_metric_families(written("prometheus"))}

    def numbers(kind: str) -> dict[str, float]:
        samples = families[f"ioledger_findings_{kind}"].samples
        assert [sample.labels for sample in samples] == [
            {"rule": rule.code, "severity": rule.severity} for rule in REPORT.rules
        ]
        return {sample.labels["rule"]: sample.value for sample in samples}

    none = dict.fromkeys(RULES, 0.0)
    assert numbers("violation") == none | {"QOS102": 1.0, "QOS402": 1.0}
    assert numbers("unknown") == none | {"QOS101": 1.0, "QOS102": 1.0}
    assert numbers("exempted") == none | {"QOS101": 1.0}
    assert numbers("new") == none | {"QOS102": 1.0}
    assert numbers("resolved") == none | {"QOS201": 1.0, "QOS402": 1.0}
    assert {s.labels["rule"]: s.value for s in families.pop("ioledger_rule_failed").samples} == none
    others = {name: family.samples for name, family in families.items() if "findings" not in name}
    assert {name: [(s.labels, s.value) for s in samples] for name, samples in others.items()} == {
        "ioledger_exemptions_expired": [({}, 2.0)],
        "ioledger_exemptions_unmatched": [({}, 1.0)],
        "ioledger_check_timestamp_seconds": [({}, REPORT.moment.timestamp())],
    }


def test_a_rule_that_failed_is_told_and_monitoring_gets_no_numbers_that_nobody_knows() -> None:
    failed = replace(finding("QOS201", "QOS201"), status="error", resource_kind="rule", reason="Out of memory.")
    report = replace(REPORT, findings=[failed, *REPORT.findings])

    assert outputs.tally(report) == f"{TALLY}; QOS201 could not be run, and what they would have found is not known"
    assert "Out of memory." in written("table", report)
    lines = written("prometheus", report).splitlines()
    assert [line for line in lines if 'rule="QOS201"' in line] == [
        'ioledger_rule_failed{rule="QOS201",severity="critical"} 1.0'
    ]


def test_on_demand_only_what_is_new_is_given_and_the_tally_is_still_of_everything() -> None:
    report = replace(REPORT, only_new=True)

    assert [line.split()[1:4] for line in written("table", report).splitlines()[2:]] == [
        ["QOS102", "unknown", "web/vda"]
    ]
    for output_format in ("json", "ndjson", "csv"):
        assert written(output_format, report) == written(output_format, replace(NOTHING, findings=REPORT.new))
    assert [finding.resource_id for finding in REPORT.new] == ["web/vda", "shop/vda"]
    page = written("markdown", report)
    assert page.startswith(f"# New policy findings at 2026-11-05T12:01:00Z\n\n{TALLY}.\n\n| severity | code |")
    assert (page.count("| QOS102 | unknown |"), page.count("| QOS")) == (1, 1)
    assert written("prometheus", report) == written("prometheus")


def test_what_is_resolved_is_tallied_where_nothing_is_left() -> None:
    report = replace(NOTHING, resolved=REPORT.resolved)

    assert outputs.tally(report) == "4 rules found nothing; 0 new, 2 resolved"


def test_a_rule_that_fails_or_runs_again_is_neither_new_nor_resolved() -> None:
    failed = replace(new("QOS201", "QOS201", "error"), resource_kind="rule")
    runs_again = replace(failed, code="QOS101", resource_id="QOS101", first_seen_at=NOON, resolved_at=REPORT.moment)
    report = replace(NOTHING, moment=REPORT.moment, findings=[failed], resolved=[runs_again])

    assert outputs.tally(report).startswith("4 rules found nothing; QOS201 could not be run")
    assert 'resolved{rule="QOS101",severity="high"} 0.0' in written("prometheus", report)


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_file_gets_what_a_pipe_gets_and_no_colour_even_where_jobs_force_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, output_format: str
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    target = tmp_path / "findings"
    target.write_text("what was there before", encoding="utf-8")

    deliver(partial(outputs.write, REPORT, output_format), target)
    assert capsys.readouterr().out == ""
    deliver(partial(outputs.write, REPORT, output_format), None)

    assert target.read_bytes().decode() == capsys.readouterr().out == written(output_format)
    assert "\x1b" not in written(output_format)
    assert list(tmp_path.iterdir()) == [target]


def test_the_command_writes_its_file_and_sql_finds_the_same_in_the_lake(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = lake.parent / "findings.ndjson"

    assert ioledger(lake, "check", "--format", "ndjson", "--to", str(target)) == 1

    out, err = capsys.readouterr()
    told = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    with library.open(lake) as opened:
        stored = opened.findings().project("code, resource_id, reason").fetchall()
    assert out == ""
    assert " rules found " in err
    assert sorted(stored) == sorted((f["code"], f["resource_id"], f["reason"]) for f in told)


@pytest.mark.parametrize("target", ["nowhere/findings", "a-directory", "a-pipe"])
def test_a_place_where_no_file_can_be_put_is_told_before_anything_is_done(
    lake: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    (lake.parent / "a-directory").mkdir()
    os.mkfifo(lake.parent / "a-pipe")

    assert ioledger(lake, "check", "--to", str(lake.parent / target)) == 2

    assert f"{lake.parent / target} cannot be " in capsys.readouterr().err
    assert layout.files(lake, "finding") == []


def test_a_file_that_cannot_be_written_keeps_what_it_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "findings.prom"
    target.write_text("before\n", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ioledger.lake.files.os.fsync", full)
    with pytest.raises(ConfigurationError, match=f"{target} cannot be written: No space left on device"):
        deliver(partial(outputs.write, REPORT, "prometheus"), target)

    assert target.read_text(encoding="utf-8") == "before\n"
    assert list(tmp_path.iterdir()) == [target]


def test_findings_are_kept_also_if_the_reader_of_stdout_leaves(lake: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words = ["--lake", str(lake), "check", "--at", NOON.isoformat(), "--format", "json"]
    subprocess.run([SCRIPT, *words], cwd=lake.parent, stdout=writing, stderr=subprocess.DEVNULL, check=False)
    os.close(writing)

    assert len(layout.files(lake, "finding")) == 1
