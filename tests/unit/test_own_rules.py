"""`--rules DIR`: rules of a user's own run beside the shipped ones, and neither can silence the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import own_rules
import pyarrow.parquet as pq
import pytest
from lakes import content
from own_rules import FIRST_LINE, GRACE, select
from policy_lake import ioledger, new_lake

from ioledger.lake import layout
from policies import cli
from policies.rule import load_rules

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = ("QOS102", "QOS101")
"""What the shipped rules find in the lake."""


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return new_lake(tmp_path)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "house-rules"


def checked(
    capsys: pytest.CaptureFixture[str], lake: Path, directory: Path
) -> tuple[int, list[dict[str, str | None]], str]:
    capsys.readouterr()
    code = ioledger(lake, "check", "--format", "json", "--rules", str(directory))
    shown = capsys.readouterr()
    return code, json.loads(shown.out), shown.err


def stored(lake: Path) -> list[str]:
    return [
        code
        for path in layout.files(lake, "finding")
        for code in pq.read_table(path, partitioning=None).column("code").to_pylist()
    ]


def test_own_rules_run_beside_the_shipped_ones_over_the_same_lake(
    lake: Path, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "vm_id || ' at ' || ($period_start)::VARCHAR || ' after ' || $grace_seconds"
    one_disk = "FROM disk_state WHERE vm_id = 'shop'"
    own_rules.write(directory, select(reason, one_disk), "ACME001", "critical", GRACE)
    (lake.parent / "ioledger.toml").write_text("[rules.ACME001]\ngrace_seconds = 7\n", encoding="utf-8")

    code, findings, told = checked(capsys, lake, directory)

    assert code == 1
    assert [f["code"] for f in findings] == ["ACME001", *SHIPPED]
    assert findings[0]["reason"] == "shop at 2026-11-05 12:00:00+00 after 7"
    assert findings[0]["severity"] == "critical"
    assert sorted(stored(lake)) == ["ACME001", "QOS101", "QOS102"]
    assert "2 critical, 1 high" in told


def test_a_parameter_has_its_default_where_the_configuration_says_nothing(
    lake: Path, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_rules.write(directory, select("$grace_seconds::VARCHAR"), more=GRACE)

    _, findings, _ = checked(capsys, lake, directory)

    assert [f["reason"] for f in findings if f["code"] == "ACME001"] == ["60"]


def test_a_threshold_of_a_rule_that_was_not_named_is_told_with_where_such_rules_are(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (lake.parent / "ioledger.toml").write_text("[rules.ACME001]\ngrace_seconds = 7\n", encoding="utf-8")

    assert ioledger(lake, "check") == 2
    assert "there is no such rule" in (told := capsys.readouterr().err)
    assert told.endswith("; a rule of your own is there with --rules DIR\n")


FAILING = {
    "ACME001": (select("nothing", "FROM disk_io_stat"), 'Binder Error: Referenced column "nothing" not found'),
    "ACME002": (select("vm_id::INTEGER::VARCHAR", "FROM disk_io_stat"), "Conversion Error"),
    "ACME003": (select("1"), "the column 'reason' is of type INTEGER; cast it to VARCHAR"),
    "ACME004": (select("NULL::VARCHAR"), "a finding has no reason"),
    "ACME005": (select("strptime('x', '%Y')::VARCHAR"), "the rule cannot be run: Invalid Input Error"),
    "ACME006": (select(rest="FROM no_table"), "Catalog Error: Table with name no_table does not exist"),
}


def test_a_rule_that_fails_is_a_row_and_the_others_are_not_concerned(
    lake: Path, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {code: own_rules.write(directory, statement, code, "low") for code, (statement, _) in FAILING.items()}
    own_rules.write(directory, select(), "ACME900", "low")

    code, findings, told = checked(capsys, lake, directory)

    assert code == 2
    assert [f["code"] for f in findings] == [*FAILING, *SHIPPED, "ACME900"]
    assert sorted(stored(lake)) == sorted(str(f["code"]) for f in findings)
    for name, finding in zip(FAILING, findings, strict=False):
        assert (finding["status"], finding["resource_kind"], finding["resource_id"]) == ("error", "rule", name)
        reason = str(finding["reason"])
        assert reason.startswith(f"{paths[name]}: ")
        assert FAILING[name][1] in reason
        assert "\n" not in reason
    assert f"{', '.join(FAILING)} could not be run" in told
    assert "Traceback" not in told


def test_a_defect_in_a_shipped_rule_silences_no_other(
    lake: Path, directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [
        rule.model_copy(update={"statement": rule.statement.replace("disk_on_volume", "disc_on_volume")})
        if rule.code == "QOS101"
        else rule
        for rule in load_rules()
    ]
    monkeypatch.setattr(cli, "shipped_rules", lambda: broken)
    own_rules.write(directory, select(), severity="low")

    code, findings, _ = checked(capsys, lake, directory)

    assert code == 2
    assert [(f["code"], f["status"]) for f in findings] == [
        ("QOS101", "error"), ("QOS102", "violation"), ("ACME001", "violation"),
    ]  # fmt: skip
    assert len(stored(lake)) == 3


def test_a_file_of_the_lake_that_is_broken_is_not_the_rule_s_fault(
    lake: Path, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = layout.files(lake, "entitlement")
    whole = path.read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    path.write_bytes(b"PAR1" + b"\xff" * (len(whole) - footer - 4) + whole[-footer:])
    own_rules.write(directory, select("volume_id", "FROM entitlement"))

    assert ioledger(lake, "check", "--rules", str(directory)) == 2
    assert f"{path} cannot be read" in capsys.readouterr().err
    assert stored(lake) == []


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "there is no .sql file in it"),
        ({"QOS901": select()}, "the code QOS901 begins with QOS, as those of ioledger's own rules do"),
        ({"ACME001": f"{select()};\nSELECT 2"}, f"ACME001_any_disk.sql: line {FIRST_LINE + 15}: after the comment a"),
        ({"ACME001": select(), "ACME002": "DELETE FROM finding"}, f"ACME002_any_disk.sql: line {FIRST_LINE}: after"),
    ],
)
def test_a_directory_that_is_not_in_order_is_told_and_nothing_is_done(
    lake: Path, directory: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], sentence: str
) -> None:
    directory.mkdir()
    for code, statement in files.items():
        own_rules.write(directory, statement, code)
    before = content(lake)

    for command in (["check"], ["rules"], ["rules", "test"], ["rules", "explain", "QOS101"]):
        assert ioledger(lake, *command, "--rules", str(directory)) == 2

        shown = capsys.readouterr()
        assert shown.out == ""
        assert sentence in shown.err
        assert str(directory) in shown.err
        assert shown.err.count("\n") == 1
    assert content(lake) == before


def test_a_directory_that_is_not_there_is_told(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ioledger(lake, "check", "--rules", "nowhere") == 2
    assert capsys.readouterr().err.startswith("ioledger: --rules nowhere: there is no such directory")


def test_rules_lists_and_explains_own_rules(lake: Path, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own_rules.write(directory, select("$grace_seconds::VARCHAR"), more=GRACE)

    assert ioledger(lake, "rules", "--format", "json", "--rules", str(directory)) == 0
    assert json.loads(capsys.readouterr().out)[-1] == {
        "code": "ACME001", "severity": "high", "title": "A disk", "parameters": "grace_seconds = 60",
    }  # fmt: skip

    assert ioledger(lake, "rules", "explain", "acme001", "--rules", str(directory)) == 0
    assert "- `grace_seconds` (seconds, default 60): how long" in capsys.readouterr().out


def test_the_option_before_a_sub_command_is_told_to_stand_after_it(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ioledger(lake, "rules", "--rules", "house-rules", "test") == 2
    assert "--rules stands before 'test'; write it after" in capsys.readouterr().err


def test_the_cases_of_own_rules_are_run(
    lake: Path, directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "shipped_rules", list)
    own_rules.write(directory, select())

    assert ioledger(lake, "rules", "test", "--rules", str(directory)) == 2

    told = capsys.readouterr().err.splitlines()
    assert told[0] == "ACME001: never: expected 0 findings, found 1: Too few."
    assert told[1].startswith("ioledger: 1 of 2 cases of the rules came out differently")
