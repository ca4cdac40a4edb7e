from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from policy_lake import NOON, collect, collect_all, disk, ioledger, new_lake

from ioledger.config import CheckTable
from ioledger.errors import DataError
from ioledger.lake import layout
from ioledger.model.tables import FINDING
from policies import checking, judged
from policies.rule import load_rules

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

MINUTE = timedelta(minutes=1)
CODES = ", ".join(rule.code for rule in load_rules())


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return new_lake(tmp_path)


def found(
    capsys: pytest.CaptureFixture[str], lake: Path, *arguments: str, now: datetime = NOON
) -> list[dict[str, str | None]]:
    capsys.readouterr()
    ioledger(lake, "check", "--format", "json", *arguments, now=now)
    findings: list[dict[str, str | None]] = json.loads(capsys.readouterr().out)
    return [finding for finding in findings if finding["resolved_at"] is None]


def stored(lake: Path) -> list[pa.Table]:
    return [pq.read_table(path, partitioning=None) for path in layout.files(lake, "finding")]


def test_names_the_capped_guest_on_a_provisioned_volume_and_no_other(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = found(capsys, lake)

    assert [(f["code"], f["severity"], f["status"], f["resource_id"]) for f in findings] == [
        ("QOS102", "critical", "violation", "shop/vda"),
        ("QOS101", "high", "violation", "shop/vda"),
    ]
    assert (
        findings[0]["reason"]
        == "Disk vda of shop is capped at 500 IOPS, below the 2000 IOPS that volume vol-s guarantees it."
    )
    assert {f["account_id"] for f in findings} == {"acme"}


def test_ends_with_1_on_findings_and_with_0_without(lake: Path) -> None:
    assert ioledger(lake, "check") == 1

    collect_all(lake, NOON + MINUTE, cap_iops=None)

    assert ioledger(lake, "check", now=NOON + 2 * MINUTE) == 0


@pytest.mark.parametrize(("least", "code"), [("critical", 0), ("high", 0), ("medium", 1), ("low", 1)])
def test_fail_on_says_which_findings_count(lake: Path, least: str, code: int) -> None:
    collect_all(lake, NOON, cap_iops=None)
    collect(lake, "hypervisor", NOON + MINUTE, {"disk_io_stat": [disk("stray", None, NOON + MINUTE)]})

    assert ioledger(lake, "check", "--fail-on", least, now=NOON + 2 * MINUTE) == code


def test_what_could_not_be_judged_counts_like_a_violation(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collect(lake, "hypervisor", NOON, {"disk_io_stat": [disk("web", "vol-w", NOON, state="timeout")]})

    assert ioledger(lake, "check", now=NOON + MINUTE) == 1
    assert {f["status"] for f in found(capsys, lake, now=NOON + MINUTE)} == {"unknown"}


def test_prints_a_table_for_people_and_the_tally_beside_it(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ioledger(lake, "check")
    shown = capsys.readouterr()

    assert "QOS102" in shown.out
    assert "shop/vda" in shown.out
    assert " rules found 1 critical, 1 high; 2 new, 0 resolved; `ioledger rules explain CODE`" in shown.err


def test_prints_nothing_on_stdout_where_nothing_was_found(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collect_all(lake, NOON, cap_iops=None)

    ioledger(lake, "check", now=NOON + MINUTE)
    shown = capsys.readouterr()

    assert shown.out == ""
    assert shown.err.endswith(" rules found nothing\n")


def test_csv_has_every_column_of_a_finding_even_without_findings(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ioledger(lake, "check", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["observed"] for row in rows if row["code"] == "QOS102"] == ["500"]

    ioledger(lake, "check", "--format", "csv", "--at", "2026-11-01")
    assert capsys.readouterr().out.splitlines() == [",".join(FINDING.names)]


def test_judges_the_moment_that_was_asked_for(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collect_all(lake, NOON + MINUTE, cap_iops=None)

    assert found(capsys, lake, "--at", "2026-11-05T12:00:30Z", now=NOON + 2 * MINUTE)
    assert not found(capsys, lake, "--at", "2026-11-05T12:01:30Z", now=NOON + 2 * MINUTE)


def test_a_time_without_an_offset_is_meant_in_the_billing_time_zone(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (lake / layout.SETTINGS).write_text(
        '[[settings]]\nvalid_from = 2026-01-01T00:00:00Z\nbilling_time_zone = "Asia/Kolkata"\n', encoding="utf-8"
    )

    assert found(capsys, lake, "--at", "2026-11-05T17:30:00")[0]["last_seen_at"] == "2026-11-05T12:00:00Z"


def test_a_problem_that_stays_keeps_the_time_at_which_it_was_first_seen(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found(capsys, lake)
    collect_all(lake, NOON + MINUTE)

    again = found(capsys, lake, now=NOON + 2 * MINUTE)

    assert {(f["first_seen_at"], f["last_seen_at"]) for f in again} == {
        ("2026-11-05T12:00:00Z", "2026-11-05T12:02:00Z")
    }


def test_a_problem_that_becomes_unknown_is_another_one(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found(capsys, lake)
    collect(lake, "hypervisor", NOON + MINUTE, {"disk_io_stat": [disk("shop", "vol-s", NOON + MINUTE, state="error")]})

    unknown = found(capsys, lake, now=NOON + 2 * MINUTE)

    assert {(f["status"], f["first_seen_at"]) for f in unknown} == {("unknown", "2026-11-05T12:02:00Z")}


def test_a_check_of_the_past_looks_only_at_checks_before_it(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found(capsys, lake, now=NOON + MINUTE)

    assert {f["first_seen_at"] for f in found(capsys, lake, "--at", "2026-11-05T12:00Z")} == {"2026-11-05T12:00:00Z"}


def test_every_check_is_kept_also_one_that_found_nothing(lake: Path) -> None:
    ioledger(lake, "check", "--at", "2026-11-01")
    ioledger(lake, "check")

    assert [table.num_rows for table in stored(lake)] == [0, 2]
    assert stored(lake)[0].column_names == list(FINDING.names)


def test_a_check_repeated_for_its_moment_replaces_what_it_found(lake: Path) -> None:
    ioledger(lake, "check")
    ioledger(lake, "check")

    (table,) = stored(lake)
    assert table.column("first_seen_at").to_pylist() == [NOON.astimezone(UTC)] * 2


def test_a_check_repeated_for_its_moment_follows_the_check_before_it(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found(capsys, lake)
    collect_all(lake, NOON + MINUTE, cap_iops=None)
    assert found(capsys, lake, now=NOON + 3 * MINUTE) == []
    collect_all(lake, NOON + 2 * MINUTE)

    repeated = found(capsys, lake, now=NOON + 3 * MINUTE)

    assert {f["first_seen_at"] for f in repeated} == {"2026-11-05T12:00:00Z"}


def test_a_threshold_of_the_configuration_is_used(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collect_all(lake, NOON, cap_iops=None)
    collect(lake, "hypervisor", NOON + MINUTE, {"disk_io_stat": [disk("stray", None, NOON + MINUTE)]})
    assert len(found(capsys, lake, now=NOON + 2 * MINUTE)) == 1

    (lake.parent / "ioledger.toml").write_text("[rules.QOS402]\ngrace_seconds = 61\n", encoding="utf-8")

    assert found(capsys, lake, now=NOON + 2 * MINUTE) == []


@pytest.mark.parametrize(
    ("configuration", "sentence"),
    [
        (
            "[rules.QOS4O2]\ngrace_seconds = 1\n",
            f"[rules.QOS4O2]: there is no such rule (did you mean 'QOS402'?); valid are {CODES}",
        ),
        (
            "[rules.QOS402]\ngrace_second = 1\n",
            "[rules.QOS402]: unknown parameter 'grace_second' (did you mean 'grace_seconds'?); valid are grace_seconds",
        ),
        (
            "[rules.QOS101]\ngrace_seconds = 1\n",
            "[rules.QOS101]: unknown parameter 'grace_seconds'; it has none, so leave it out",
        ),
        (
            "[rules.QOS402]\ngrace_seconds = -1\n",
            "[rules.QOS402]: grace_seconds is -1; valid are 0 and whole numbers above it",
        ),
    ],
)
def test_a_wrong_threshold_is_told_and_nothing_is_checked(
    lake: Path, capsys: pytest.CaptureFixture[str], configuration: str, sentence: str
) -> None:
    (lake.parent / "ioledger.toml").write_text(configuration, encoding="utf-8")

    assert ioledger(lake, "check") == 2
    assert capsys.readouterr() == ("", f"ioledger: {sentence}\n")
    assert stored(lake) == []


def test_a_lake_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ioledger(tmp_path / "nowhere", "check") == 2
    assert "there is no lake at" in capsys.readouterr().err


def test_a_time_that_is_none_is_told(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ioledger(lake, "check", "--at", "yesterdy") == 2
    assert "'yesterdy' is no time (did you mean 'yesterday'?)" in capsys.readouterr().err


def test_a_file_of_facts_that_is_broken_is_named(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = layout.files(lake, "provisioned_iops")
    path.write_bytes(b"not Parquet at all")

    assert ioledger(lake, "check") == 2
    assert f"{path} cannot be read" in capsys.readouterr().err


def test_an_earlier_check_whose_file_is_broken_is_named(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ioledger(lake, "check")
    (path,) = layout.files(lake, "finding")
    path.write_bytes(b"not Parquet at all")

    assert ioledger(lake, "check", now=NOON + MINUTE) == 2
    assert f"{path} cannot be read" in capsys.readouterr().err


def test_a_lake_that_cannot_be_written_is_told_and_holds_nothing_half_written(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_the_way = lake / "finding" / "date=2026-11-05"
    in_the_way.parent.mkdir()
    in_the_way.write_text("in the way", encoding="utf-8")

    assert ioledger(lake, "check") == 2
    assert "cannot be written" in capsys.readouterr().err
    assert list(in_the_way.parent.iterdir()) == [in_the_way]


def test_findings_are_kept_under_the_utc_date_of_their_moment(lake: Path) -> None:
    ioledger(lake, "check", now=datetime(2026, 11, 6, 0, 30, tzinfo=UTC))

    assert [path.parent.name for path in layout.files(lake, "finding")] == ["date=2026-11-06"]


def test_a_check_without_memory_for_the_state_says_which_setting_gives_it_more(lake: Path) -> None:
    limits = CheckTable.model_construct(rule_timeout_seconds=60, memory_mib=1)

    with pytest.raises(DataError, match=r"1 MiB of memory are too little .*; raise memory_mib under \[check\]"):
        checking.check(lake, [], judged.at(NOON), {}, limits)
