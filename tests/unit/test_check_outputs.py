"""The formats of `check`: each whole, sorted, the same every time, and with what its readers need."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from command import SCRIPT
from markdown_it import MarkdownIt
from policy_lake import NOON, collect, disk, ioledger, new_lake
from prometheus_client.parser import text_string_to_metric_families

import ioledger as library
from ioledger.lake import layout
from ioledger.model.tables import FINDING
from policies.outputs import FORMATS
from policies.rule import load_rules

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = timedelta(minutes=1)

EXEMPTION = """\
[[exemptions]]
rule = "QOS101"
resource = "shop/vda"
reason = "moves to provisioned volumes"
owner = "ops"
expires = 2026-12-31
"""


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Of `shop` one finding counts and one is exempted; of `web` two could not be judged; nobody owns `stray`."""
    lake = new_lake(tmp_path)
    samples = [
        disk("stray", None, NOON),
        disk("shop", "vol-s", NOON, cap_total_iops=500),
        disk("web", "vol-w", NOON, state="timeout"),
    ]
    collect(lake, "hypervisor", NOON, {"disk_io_stat": samples})
    (tmp_path / "exemptions.toml").write_text(EXEMPTION, encoding="utf-8")
    return lake


ALL = [
    ("QOS102", "shop/vda", "violation"),
    ("QOS102", "web/vda", "unknown"),
    ("QOS101", "shop/vda", "violation"),
    ("QOS101", "web/vda", "unknown"),
    ("QOS402", "stray/vda", "violation"),
]
COUNTED = [finding for finding in ALL if finding[:2] != ("QOS101", "shop/vda")]


def printed(capsys: pytest.CaptureFixture[str], lake: Path, output_format: str) -> str:
    capsys.readouterr()
    ioledger(lake, "check", "--format", output_format, now=NOON + MINUTE)
    return capsys.readouterr().out


def test_programs_get_every_finding_and_column_in_the_same_order(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_json = json.loads(printed(capsys, lake, "json"))
    as_lines = [json.loads(line) for line in printed(capsys, lake, "ndjson").split("\n")[:-1]]
    as_csv = list(csv.DictReader(io.StringIO(printed(capsys, lake, "csv"))))

    assert [(f["code"], f["resource_id"], f["status"]) for f in as_json] == ALL
    assert as_lines == as_json
    assert as_csv == [{name: value or "" for name, value in finding.items()} for finding in as_json]
    assert {tuple(finding) for finding in as_json} == {FINDING.names}


def test_sql_finds_in_the_lake_what_programs_get(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    as_json = json.loads(printed(capsys, lake, "json"))

    with library.open(lake) as opened:
        rows = opened.findings().project("code, resource_id, exempted_by").fetchall()

    assert sorted(rows, key=str) == sorted(
        ((f["code"], f["resource_id"], f["exempted_by"]) for f in as_json), key=str
    )


def test_markdown_is_a_page_with_the_tally_and_a_table_of_what_counts(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = printed(capsys, lake, "markdown")

    rules = len(load_rules())
    assert page.splitlines()[:3] == [
        "# Policy findings at 2026-11-05T12:01:00Z",
        "",
        f"{rules} rules found 2 critical, 1 high, 1 medium (2 of them unknown); exempted: 1.",
    ]
    rows = table_of(page)
    assert rows[0] == ["severity", "code", "status", "resource id", "reason", "first seen at"]
    assert [(row[1], row[3], row[2]) for row in rows[1:]] == COUNTED


def test_markdown_tells_which_exemptions_cover_nothing(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = lake.parent / "exemptions.toml"
    path.write_text(EXEMPTION.replace("shop/vda", "*gone*"), encoding="utf-8")

    last = printed(capsys, lake, "markdown").splitlines()[-1]

    assert MarkdownIt().render(last).startswith("<ul>")
    assert "the exemption of QOS101 on *gone* by ops matches nothing; remove it" in MarkdownIt().render(last)


def test_markdown_without_findings_has_no_table(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ioledger(lake, "check", "--format", "markdown", "--at", "2026-11-01")

    rules = len(load_rules())
    assert capsys.readouterr().out.startswith(
        f"# Policy findings at 2026-11-01T00:00:00Z\n\n{rules} rules found nothing.\n\n- "
    )


def table_of(page: str) -> list[list[str]]:
    """Read the cells of the one table as a reader of the rendered page sees them."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(page):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level > 2:
            rows[-1].append("".join(child.content for child in token.children or ()))
    return rows


def test_monitoring_gets_numbers_by_rule_and_severity_and_nothing_that_grows_with_the_fleet(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    families = {family.name: family for family in text_string_to_metric_families(printed(capsys, lake, "prometheus"))}

    def numbers(kind: str) -> dict[str, float]:
        samples = families[f"ioledger_findings_{kind}"].samples
        assert {tuple(sample.labels) for sample in samples} == {("rule", "severity")}
        return {sample.labels["rule"]: sample.value for sample in samples}

    none = dict.fromkeys((rule.code for rule in load_rules()), 0.0)
    assert numbers("violation") == none | {"QOS102": 1.0, "QOS402": 1.0}
    assert numbers("unknown") == none | {"QOS101": 1.0, "QOS102": 1.0}
    assert numbers("exempted") == none | {"QOS101": 1.0}
    assert {family.type for family in families.values()} == {"gauge"}
    severities = {s.labels["rule"]: s.labels["severity"] for s in families["ioledger_findings_unknown"].samples}
    assert severities == {rule.code: rule.severity for rule in load_rules()}
    moment = families["ioledger_check_timestamp_seconds"].samples[0].value
    assert moment == (NOON + MINUTE).timestamp()


@pytest.mark.parametrize(
    ("expires", "resource", "expired", "unmatched"),
    [("2026-12-31", "shop/vda", 0, 0), ("2026-11-04", "shop/vda", 1, 0), ("2026-12-31", "gone/vda", 0, 1)],
)
def test_monitoring_is_told_of_exemptions_that_cover_nothing(  # noqa: PLR0913, PLR0917 - a table of cases
    lake: Path, capsys: pytest.CaptureFixture[str], expires: str, resource: str, expired: int, unmatched: int
) -> None:
    text = EXEMPTION.replace("2026-12-31", expires).replace("shop/vda", resource)
    (lake.parent / "exemptions.toml").write_text(text, encoding="utf-8")

    lines = printed(capsys, lake, "prometheus").splitlines()

    assert f"ioledger_exemptions_expired {expired}.0" in lines
    assert f"ioledger_exemptions_unmatched {unmatched}.0" in lines


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_file_gets_what_stdout_would_get_and_stdout_nothing(
    lake: Path, capsys: pytest.CaptureFixture[str], output_format: str
) -> None:
    text = printed(capsys, lake, output_format)
    assert text
    target = lake.parent / "out" / "findings"
    target.parent.mkdir()
    target.write_text("what was there before", encoding="utf-8")

    assert ioledger(lake, "check", "--format", output_format, "--to", str(target), now=NOON + MINUTE) == 1

    assert target.read_bytes().decode() == text
    assert list(target.parent.iterdir()) == [target]
    assert capsys.readouterr().out == ""


def test_no_format_has_colour_in_a_pipe_even_where_jobs_force_it(
    lake: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")

    for output_format in FORMATS:
        assert "\x1b" not in printed(capsys, lake, output_format)


@pytest.mark.parametrize("target", ["nowhere/findings", "a-directory", "a-pipe"])
def test_a_place_where_no_file_can_be_put_is_told_before_anything_is_done(
    lake: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    (lake.parent / "a-directory").mkdir()
    os.mkfifo(lake.parent / "a-pipe")

    assert ioledger(lake, "check", "--to", str(lake.parent / target)) == 2

    assert f"{lake.parent / target} cannot be " in capsys.readouterr().err
    assert layout.files(lake, "finding") == []


def test_a_file_that_cannot_be_written_keeps_what_it_held(
    lake: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = lake.parent / "findings.prom"
    target.write_text("before\n", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("policies.outputs.write_whole", full)

    assert ioledger(lake, "check", "--format", "prometheus", "--to", str(target)) == 2
    assert f"{target} cannot be written: No space left on device" in capsys.readouterr().err
    assert target.read_text(encoding="utf-8") == "before\n"


def test_findings_are_kept_also_if_the_reader_of_stdout_leaves(lake: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words = ["--lake", str(lake), "check", "--at", NOON.isoformat(), "--format", "json"]
    subprocess.run([SCRIPT, *words], cwd=lake.parent, stdout=writing, stderr=subprocess.DEVNULL, check=False)
    os.close(writing)

    assert len(layout.files(lake, "finding")) == 1
