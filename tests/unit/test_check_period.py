from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from policy_lake import NOON, collect, disk, ioledger, new_lake

from ioledger.lake import layout
from policies import rule as rules

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from ioledger.model.records import Row

MINUTE = timedelta(minutes=1)
TEN = 10 * MINUTE
CAPPED_FROM, CAPPED_TO = NOON + 70 * MINUTE, NOON + 130 * MINUTE
END = NOON + 4 * 60 * MINUTE


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a lake of four hours, read every ten minutes: `shop` had a cap for one of them, below its minimum."""
    lake = tmp_path_factory.mktemp("period") / "lake"
    layout.create(lake)
    sold: list[Row] = [{"volume_id": name, "account_id": "acme", "sold_min_iops": 2000} for name in ("vol-s", "vol-w")]
    allocated: list[Row] = [{"volume_id": name, "min_iops": 2000, "min_enforced": True} for name in ("vol-s", "vol-w")]
    for number in range(25):
        at = NOON + number * TEN
        collect(lake, "storage", at, {"provisioned_iops": allocated})
        collect(lake, "controlplane", at, {"entitlement": sold})
        collect(lake, "hypervisor", at, {"disk_io_stat": samples(at)})
    assert ioledger(lake, "usage", "build", now=END + MINUTE) == 0
    return lake


def samples(at: datetime) -> Sequence[Row]:
    """Give the samples of both guests, which have done six reads a second since noon."""
    done = int((at - NOON).total_seconds()) * 6
    cap = 500 if CAPPED_FROM <= at < CAPPED_TO else None
    return [
        disk("shop", "vol-s", at, read_ops=done, cap_total_iops=cap),
        disk("web", "vol-w", at, read_ops=done),
    ]


def check(lake: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = ioledger(lake, "check", "--period", "2026-11", *arguments, now=END + MINUTE)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def intervals(lake: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(check(lake, capsys, "--format", "json")[1])
    return found


def test_a_finding_has_the_interval_in_which_it_held(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = intervals(lake, capsys)

    an_hour = ("2026-11-05T13:10:00Z", "2026-11-05T14:10:00Z")
    assert [(f["code"], f["resource_id"], (f["interval_start"], f["interval_end"])) for f in found] == [
        ("QOS102", "shop/vda", an_hour),
        ("QOS101", "shop/vda", an_hour),
    ]
    assert {(f["period_start"], f["period_end"]) for f in found} == {("2026-11-01T00:00:00Z", "2026-11-05T16:01:00Z")}


def test_a_finding_says_what_of_the_bill_it_touches(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    an_hour, *_ = intervals(lake, capsys)

    # 13:10 to 14:10 lies in two hours, each with a record of operations and, of three states, of what was held
    assert an_hour["touched_ops"] == 2 * 6 * 3600
    assert an_hour["touched_sold_iops_seconds"] == "14400000.000000"
    assert an_hour["touched_deliverable_iops_seconds"] == str(2000 * 3600 + 500 * 3600) + ".000000"


def test_people_read_hours_and_a_line_that_counts_each_record_once(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = check(lake, capsys)

    assert code == 1
    assert "not deliverable iops hours" in out.splitlines()[0]
    assert "4000" in out.replace(" ", "").replace(",", "")
    assert "1500" in out.replace(" ", "").replace(",", "")
    line = err.splitlines()[-1]
    assert (
        f"{len(rules.load_rules())} rules found 1 critical, 1 high in 2 intervals; all of them touch 43200 operations "
        "and 4000 IOPS-hours sold, of which 1500 could not be delivered" in line
    )
    assert "usage records" not in err


def test_the_findings_of_a_period_are_kept_until_it_is_checked_again(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(lake, capsys)
    check(lake, capsys)

    (path,) = layout.files(lake, "finding_interval")
    assert pq.read_table(path, partitioning=None).num_rows == 2
    assert layout.files(lake, "finding") == []


def test_the_hour_is_all_that_a_check_of_its_day_at_its_moments_says(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moments = [at + number * TEN + 5 * MINUTE for at in (CAPPED_FROM, CAPPED_TO) for number in (-1, 0)]
    with_findings = []
    for moment in moments:
        capsys.readouterr()
        ioledger(lake, "check", "--format", "json", "--at", moment.isoformat(), now=END + MINUTE)
        if any(f["resolved_at"] is None for f in json.loads(capsys.readouterr().out)):
            with_findings.append(moment)
    for path in layout.files(lake, "finding"):
        path.unlink()

    assert with_findings == [moment for moment in moments if CAPPED_FROM <= moment < CAPPED_TO]


def test_an_exempted_finding_counts_for_nothing(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exemptions = lake.parent / "exemptions.toml"
    entry = '[[exemptions]]\nrule = "QOS10*"\nresource = "*"\nreason = "agreed"\nowner = "Ada"\nexpires = 2026-12-31\n'
    exemptions.write_text(entry, encoding="utf-8")

    code, out, err = check(lake, capsys, "--format", "json")

    exemptions.unlink()
    assert code == 0
    assert {f["exempted_by"] for f in json.loads(out)} == {"Ada, until 2026-12-31: agreed"}
    assert all(f["touched_ops"] for f in json.loads(out))
    assert "rules found nothing; exempted: 2" in err


def test_usage_that_is_not_built_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = check(new_lake(tmp_path), capsys, "--format", "json")

    assert code == 1
    assert {f["touched_ops"] for f in json.loads(out)} == {None}
    assert "the usage records of 2026-11 are not there" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--period", "2026-12"), "the period 2026-12 has not begun"),
        (("--period", "November"), "'November' is no period; write a month as 2026-11"),
        (("--period", "2026-11", "--at", "2026-11-05"), "--at is about one moment and --period about many"),
        (("--period", "2026-11", "--new"), "--new is about one moment and --period about many"),
        (("--period", "2026-11", "--format", "prometheus"), "--format prometheus is about one moment"),
    ],
)
def test_what_cannot_be_asked_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    lake = new_lake(tmp_path)

    assert ioledger(lake, "check", *arguments) == 2

    assert says in capsys.readouterr().err
    assert layout.files(lake, "finding_interval") == []


def test_what_is_sold_by_the_gib_offsets_nothing_that_could_not_be_delivered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    layout.create(lake)
    sold: list[Row] = [{"volume_id": "vol-s", "account_id": "acme", "sold_min_iops_per_gib": Decimal(20)}]
    allocated: list[Row] = [{"volume_id": "vol-s", "min_iops": 2000, "min_enforced": True, "size_bytes": 100 * 2**30}]
    for number in range(13):
        at = NOON + 60 * MINUTE + number * TEN
        collect(lake, "storage", at, {"provisioned_iops": allocated})
        collect(lake, "controlplane", at, {"entitlement": sold})
        collect(lake, "hypervisor", at, {"disk_io_stat": samples(at)[:1]})
    assert ioledger(lake, "usage", "build", now=END + MINUTE) == 0

    found = [f for f in intervals(lake, capsys) if f["volume_id"]]

    assert {f["code"] for f in found} == {"QOS101", "QOS102"}
    assert {f["touched_sold_iops_seconds"] for f in found} == {"0.000000"}
    assert {f["touched_deliverable_iops_seconds"] for f in found} == {"0.000000"}
