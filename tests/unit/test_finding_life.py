"""Findings keep a life: what is new, what stays, what is resolved, what comes back, and what nobody knows of."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import own_rules
import pyarrow.parquet as pq
import pytest
from own_rules import select
from policy_lake import NOON, collect, collect_all, disk, ioledger, new_lake

import ioledger as library
from ioledger.lake import layout, reader
from ioledger.lake.files import write_parquet
from policies import cli
from policies.rule import load_rules

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ioledger.model.records import Row

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
BOTH = ["QOS101", "QOS102"]
"""What the shipped rules find on the disk of `shop`, while it is capped."""

ONE_DISK = select(rest="FROM disk_state WHERE vm_id = 'shop' AND cap_total_iops IS NOT NULL")


RULES = [rule for rule in load_rules() if rule.code in BOTH]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake that is judged by two rules alone: a life is the same under any."""
    monkeypatch.setattr(cli, "shipped_rules", lambda: RULES)
    return new_lake(tmp_path)


def told(capsys: pytest.CaptureFixture[str], lake: Path, now: datetime, *arguments: str) -> list[dict[str, Any]]:
    """Run a check and return what it gives to programs."""
    capsys.readouterr()
    ioledger(lake, "check", "--format", "json", *arguments, now=now)
    findings: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return findings


def open_codes(lake: Path) -> list[str]:
    with library.open(lake) as opened:
        return [code for (code,) in opened.connection.sql("SELECT code FROM open_finding ORDER BY code").fetchall()]


def mend(lake: Path, at: datetime) -> None:
    collect_all(lake, at, cap_iops=None)


def test_a_problem_that_is_mended_is_told_as_resolved_once(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ioledger(lake, "check")
    mend(lake, NOON + MINUTE)

    gone = told(capsys, lake, NOON + 2 * MINUTE)

    assert [(f["code"], f["first_seen_at"], f["last_seen_at"], f["resolved_at"]) for f in gone] == [
        (code, "2026-11-05T12:00:00Z", "2026-11-05T12:00:00Z", "2026-11-05T12:02:00Z") for code in reversed(BOTH)
    ]
    assert told(capsys, lake, NOON + 3 * MINUTE) == []


def test_a_check_repeated_for_its_moment_tells_the_same_again(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = [told(capsys, lake, NOON, "--new") for _ in range(2)]
    mend(lake, NOON + MINUTE)
    resolved = [told(capsys, lake, NOON + 2 * MINUTE) for _ in range(2)]

    for first, again in (new, resolved):
        assert len(first) == 2
        assert again == first


def test_the_tally_says_what_is_new_and_what_is_resolved(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ioledger(lake, "check")
    mend(lake, NOON + MINUTE)
    capped = disk("web", "vol-w", NOON + 2 * MINUTE, cap_total_iops=1)
    collect(lake, "hypervisor", NOON + 2 * MINUTE, {"disk_io_stat": [capped]})
    ioledger(lake, "check", now=NOON + 3 * MINUTE)
    mend(lake, NOON + 4 * MINUTE)
    ioledger(lake, "check", now=NOON + 5 * MINUTE)

    tallies = [line.partition(" rules found ")[2].partition("; `")[0] for line in capsys.readouterr().err.splitlines()]

    assert tallies == [
        "1 critical, 1 high; 2 new, 0 resolved",
        "1 critical, 1 high; 2 new, 2 resolved",
        "nothing; 0 new, 2 resolved",
    ]


def test_a_problem_that_comes_back_soon_is_the_same_one_and_no_alert(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ioledger(lake, "check")
    for day in (0, 1):
        mend(lake, NOON + day * DAY + MINUTE)
        ioledger(lake, "check", now=NOON + day * DAY + 2 * MINUTE)
        collect_all(lake, NOON + (day + 1) * DAY)
        now = NOON + (day + 1) * DAY + MINUTE

        assert ioledger(lake, "check", "--new", now=now) == 0
        assert ioledger(lake, "check", now=now) == 1
        back = told(capsys, lake, now)

        assert {(f["first_seen_at"], f["resolved_at"], f["returns"]) for f in back} == {
            ("2026-11-05T12:00:00Z", None, day + 1)
        }


@pytest.mark.parametrize(("damping_seconds", "is_new"), [(59, True), (60, False), (0, True)])
def test_the_damping_time_is_set_in_the_configuration(
    lake: Path, capsys: pytest.CaptureFixture[str], damping_seconds: int, is_new: bool  # noqa: FBT001 - a parameter of the test
) -> None:  # fmt: skip
    (lake.parent / "ioledger.toml").write_text(f"[check]\nflap_damping_seconds = {damping_seconds}\n", encoding="utf-8")
    ioledger(lake, "check")
    mend(lake, NOON + MINUTE)
    ioledger(lake, "check", now=NOON + 2 * MINUTE)
    collect_all(lake, NOON + 2 * MINUTE)
    now = NOON + 3 * MINUTE

    assert ioledger(lake, "check", "--new", now=now) == is_new
    begun = "2026-11-05T12:03:00Z" if is_new else "2026-11-05T12:00:00Z"
    assert {(f["first_seen_at"], f["returns"]) for f in told(capsys, lake, now)} == {(begun, int(not is_new))}


def test_a_damping_time_that_is_none_is_told(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lake.parent / "ioledger.toml").write_text("[check]\nflap_damping_seconds = -1\n", encoding="utf-8")

    assert ioledger(lake, "check") == 2
    assert "'check.flap_damping_seconds'" in capsys.readouterr().err


def test_new_gives_and_counts_only_what_the_check_before_did_not_find(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ioledger(lake, "check", "--new") == 1
    assert ioledger(lake, "check", "--new", now=NOON + MINUTE) == 0
    assert "QOS102" in capsys.readouterr().out
    capped = [disk(vm, vol, NOON + MINUTE, cap_total_iops=1) for vm, vol in (("shop", "vol-s"), ("web", "vol-w"))]
    collect(lake, "hypervisor", NOON + MINUTE, {"disk_io_stat": capped})

    assert {f["resource_id"] for f in told(capsys, lake, NOON + 2 * MINUTE, "--new")} == {"web/vda"}
    assert ioledger(lake, "check", "--new", now=NOON + 2 * MINUTE) == 1
    assert ioledger(lake, "check", "--new", now=NOON + 3 * MINUTE) == 0


def test_new_in_the_past_compares_with_the_check_before_that_moment(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ioledger(lake, "check", now=NOON + 2 * MINUTE)

    assert len(told(capsys, lake, NOON + 3 * MINUTE, "--new", "--at", "2026-11-05T12:01Z")) == 2
    assert told(capsys, lake, NOON + 3 * MINUTE, "--new") == []


def test_new_findings_that_are_exempted_are_no_alert(lake: Path) -> None:
    (lake.parent / "exemptions.toml").write_text(
        '[[exemptions]]\nrule = "*"\nresource = "*"\nreason = "r"\nowner = "o"\nexpires = 2026-12-31\n',
        encoding="utf-8",
    )

    assert ioledger(lake, "check", "--new") == 0


def test_what_cannot_be_judged_is_not_resolved(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ioledger(lake, "check")
    silent = [disk("shop", "vol-s", NOON + MINUTE, state="timeout")]
    collect(lake, "hypervisor", NOON + MINUTE, {"disk_io_stat": silent})

    unknown = told(capsys, lake, NOON + 2 * MINUTE)

    assert {(f["status"], f["resolved_at"]) for f in unknown} == {("unknown", None)}
    with library.open(lake) as opened:
        violations = opened.connection.sql("SELECT code FROM open_finding WHERE status = 'violation' ORDER BY code")
        assert violations.fetchall() == [(code,) for code in BOTH]
    collect_all(lake, NOON + 2 * MINUTE)
    judged = told(capsys, lake, NOON + 3 * MINUTE)
    assert {(f["status"], f["first_seen_at"], f["resolved_at"], f["returns"]) for f in judged} == {
        ("violation", "2026-11-05T12:00:00Z", None, 0),
        ("unknown", "2026-11-05T12:02:00Z", "2026-11-05T12:03:00Z", 0),
    }


def test_a_rule_that_fails_resolves_nothing(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = lake.parent / "house-rules"
    own_rules.write(rules, ONE_DISK)
    ioledger(lake, "check", "--rules", str(rules))
    own_rules.write(rules, select("nothing", "FROM disk_io_stat"))
    mend(lake, NOON + MINUTE)
    mend(lake, NOON + 3 * DAY)
    failing = NOON + 2 * MINUTE, NOON + 3 * DAY

    codes = [ioledger(lake, "check", "--new", "--rules", str(rules), now=now) for now in failing]

    assert codes == [2, 2]
    assert ioledger(lake, "check", "--rules", str(rules), now=failing[1]) == 2
    assert open_codes(lake) == ["ACME001", "ACME001"]
    with library.open(lake) as opened:
        kept = opened.connection.sql(
            "SELECT DISTINCT status, epoch(checked_at - last_seen_at) FROM open_finding ORDER BY status"
        )
        assert kept.fetchall() == [("error", 0.0), ("violation", 3 * 86400.0)]
    own_rules.write(rules, ONE_DISK)
    resolved = told(capsys, lake, failing[1] + MINUTE, "--rules", str(rules))
    assert [(f["status"], f["resolved_at"]) for f in resolved if f["code"] == "ACME001"] == [
        ("error", "2026-11-08T12:01:00Z"),
        ("violation", "2026-11-08T12:01:00Z"),
    ]


def test_own_rules_that_are_left_out_resolve_nothing_and_are_forgotten_after_a_time(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = lake.parent / "house-rules"
    own_rules.write(rules, ONE_DISK)
    ioledger(lake, "check", "--rules", str(rules))
    mend(lake, NOON + MINUTE)

    assert [f["code"] for f in told(capsys, lake, NOON + 2 * MINUTE)] == list(reversed(BOTH))
    assert open_codes(lake) == ["ACME001"]
    assert told(capsys, lake, NOON + DAY) == []
    assert open_codes(lake) == ["ACME001"]
    mend(lake, NOON + DAY)
    assert told(capsys, lake, NOON + DAY + MINUTE) == []
    assert open_codes(lake) == []


def test_nothing_is_open_after_a_check_that_found_nothing_whenever_earlier_moments_were_judged(
    lake: Path,
) -> None:
    mend(lake, NOON + MINUTE)
    ioledger(lake, "check", now=NOON + 2 * MINUTE)

    ioledger(lake, "check", "--at", NOON.isoformat(), now=NOON + 3 * MINUTE)

    assert len(layout.files(lake, "finding")) == 2
    assert open_codes(lake) == []


def test_nothing_is_open_where_nothing_was_ever_checked(lake: Path) -> None:
    assert open_codes(lake) == []


def test_open_findings_are_those_of_the_last_check_alone(lake: Path) -> None:
    for minute in range(3):
        ioledger(lake, "check", now=NOON + minute * MINUTE)

    assert open_codes(lake) == BOTH


def test_rows_in_memory_have_open_findings_too() -> None:
    base = {
        "severity": "high", "status": "violation", "resource_kind": "disk", "reason": "So.", "first_seen_at": NOON,
        "last_seen_at": NOON, "code": "QOS101",
    }  # fmt: skip
    rows: list[Row] = [
        {**base, "resource_id": "over", "checked_at": NOON},
        {**base, "resource_id": "gone", "checked_at": NOON + MINUTE, "resolved_at": NOON + MINUTE},
        {**base, "resource_id": "open", "checked_at": NOON + MINUTE},
    ]

    with reader.connect_tables({"finding": rows}) as connection:
        assert connection.sql("SELECT resource_id FROM open_finding").fetchall() == [("open",)]


def test_a_resolved_finding_keeps_who_answered_for_it(lake: Path) -> None:
    (lake.parent / "exemptions.toml").write_text(
        '[[exemptions]]\nrule = "*"\nresource = "shop/*"\nreason = "r"\nowner = "o"\nexpires = 2026-12-31\n',
        encoding="utf-8",
    )
    ioledger(lake, "check")
    mend(lake, NOON + MINUTE)
    for minute in (2, 3):
        ioledger(lake, "check", now=NOON + minute * MINUTE)

        rows = pq.read_table(layout.files(lake, "finding")[-1], partitioning=None).to_pylist()
        assert {(row["exempted_by"], row["resolved_at"]) for row in rows} == {
            ("o, until 2026-12-31: r", NOON + 2 * MINUTE)
        }


def test_what_is_kept_over_midnight_lies_where_a_verified_lake_has_it(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ioledger(lake, "check")
    mend(lake, NOON + MINUTE)
    ioledger(lake, "check", now=NOON + 2 * MINUTE)
    ioledger(lake, "check", now=NOON + DAY / 2)

    assert [path.parent.name for path in layout.files(lake, "finding")][-1] == "date=2026-11-06"
    assert pq.read_table(layout.files(lake, "finding")[-1], partitioning=None).num_rows == 2
    assert ioledger(lake, "lake", "verify", now=NOON + DAY) == 0, capsys.readouterr()


def test_findings_of_an_older_version_go_on(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ioledger(lake, "check")
    (path,) = layout.files(lake, "finding")
    older = pq.read_table(path, partitioning=None).drop_columns(["checked_at", "resolved_at", "returns"])
    write_parquet(path, older, sealed=True)

    assert ioledger(lake, "lake", "verify", now=NOON + MINUTE) == 0, capsys.readouterr()
    assert {(f["first_seen_at"], f["returns"]) for f in told(capsys, lake, NOON + MINUTE)} == {
        ("2026-11-05T12:00:00Z", 0)
    }
    assert open_codes(lake) == BOTH
