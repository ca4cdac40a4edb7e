"""Counters that no record can hold: the disk is withheld and listed, hour by hour, until its source is mended."""

from __future__ import annotations

import json
from shutil import copytree
from typing import TYPE_CHECKING

import pytest
from lakes import MINUTE, NOON, a_run, content, new_lake, read, sample, sort_partitions

from ioledger.cli import run
from ioledger.lake import layout
from ioledger.lake.writer import write_run
from reports.usage import quarantine
from reports.usage.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.records import Run

HOUR = 60 * MINUTE
END = NOON + 3 * HOUR
PERIOD = ("--from", NOON.isoformat(), "--to", END.isoformat())
MOST = 2**63 - 1
SUBJECTS = "SELECT DISTINCT vm_id, epoch_us(window_start) FROM {} WHERE kind = 'io' ORDER BY ALL"


def samples_at(minute: int, broken_ops: int) -> Run:
    """Give a run that reads two good disks, and one whose source is broken."""
    at = NOON + minute * MINUTE
    broken = {"read_ops": broken_ops, "write_ops": 0, "volume_id": "vol-2"}
    rows = (sample("vm-1", at, volume_id="vol-1"), sample("vm-2", at, **broken), sample("vm-3", at))
    return a_run(*rows, at=at, run_id=f"r{minute:03}")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Three hours, in the second of which vm-2's reads go up and down between 0 and 2^63 - 1."""
    sold = [{"volume_id": f"vol-{number}", "account_id": f"account-{number}"} for number in (1, 2)]
    return new_lake(
        tmp_path,
        a_run(source="shop", kind="controlplane", at=NOON - HOUR, tables={"entitlement": sold}),
        *(samples_at(minute, MOST if 60 < minute < 120 and minute % 20 == 10 else 0) for minute in range(0, 181, 10)),
    )


def mend(lake: Path) -> None:
    for minute in range(70, 120, 20):
        write_run(lake, samples_at(minute, 0))


def made_of(lake: Path) -> dict[str, bytes]:
    return {name: held for name, held in content(lake).items() if name.startswith(("usage_record", "quarantine"))}


def hour(number: int) -> int:
    return int((NOON + number * HOUR).timestamp()) * 1_000_000


def test_the_disk_is_withheld_in_that_hour_alone(lake: Path) -> None:
    built = build(lake, NOON, END)
    assert [(row["vm_id"], row["device"], row["volume_id"], row["account_id"]) for row in built.quarantined] == [
        ("vm-2", "vda", "vol-2", "account-2")
    ]
    row = built.quarantined[0]
    assert (row["window_start"], row["window_end"]) == (NOON + HOUR, NOON + 2 * HOUR)
    assert (row["invariant"], row["observed"]) == ("range", str(3 * MOST))
    assert read(lake, SUBJECTS.format("quarantine")) == [("vm-2", hour(1))]
    every = [(vm_id, hour(number)) for vm_id in ("vm-1", "vm-2", "vm-3") for number in range(3)]
    assert read(lake, SUBJECTS.format("usage_record")) == [each for each in every if each != ("vm-2", hour(1))]


@pytest.mark.parametrize("is_sorted", [False, True])
def test_hour_by_hour_gives_the_same_bytes(lake: Path, tmp_path: Path, *, is_sorted: bool) -> None:
    other = copytree(lake, tmp_path / "other")
    if is_sorted:
        sort_partitions({path.parent for path in layout.files(other, "disk_io_stat")})
    build(lake, NOON, END)
    for number in (2, 1, 0, 1):
        build(other, NOON + number * HOUR, NOON + number * HOUR + MINUTE)
    assert made_of(other) == made_of(lake)
    assert [name for name in made_of(lake) if name.startswith("quarantine")]


def test_an_unchanged_day_is_still_told_of_and_not_made_again(lake: Path) -> None:
    first = build(lake, NOON, END)
    before = made_of(lake)
    again = build(lake, NOON, END)
    assert again.made == []
    assert again.quarantined == first.quarantined
    assert build(lake, NOON, NOON + HOUR).quarantined == []
    assert made_of(lake) == before


def test_a_mended_source_clears_the_hour_and_leaves_what_a_whole_build_gives(lake: Path, tmp_path: Path) -> None:
    build(lake, NOON, END)
    mend(lake)
    built = build(lake, NOON, END)
    assert built.quarantined == []
    whole = copytree(lake, tmp_path / "whole")
    for path in (*layout.files(whole, "usage_record"), *layout.files(whole, "quarantine")):
        path.unlink()
    build(whole, NOON, END)
    assert made_of(lake) == made_of(whole)
    assert not [name for name in made_of(lake) if name.startswith("quarantine")]


def test_a_list_that_is_gone_is_made_again(lake: Path) -> None:
    first = build(lake, NOON, END)
    before = made_of(lake)
    for path in layout.files(lake, "quarantine"):
        path.unlink()
    assert build(lake, NOON, END).quarantined == first.quarantined
    assert made_of(lake) == before


def test_only_the_accounts_of_that_hour_cannot_be_closed(lake: Path) -> None:
    build(lake, NOON, END)
    assert quarantine.accounts(lake, NOON, END) == {"account-2"}
    assert quarantine.accounts(lake, NOON, NOON + HOUR) == set()
    assert quarantine.accounts(lake, NOON + 2 * HOUR, END) == set()


def test_the_command_ends_with_3_and_tells_of_each(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert run(["--lake", str(lake), "usage", "build", *PERIOD]) == 3
        told = capsys.readouterr()
        assert told.out == ""
        assert (
            "disk vda of vm-2 is quarantined in 1 hour from 2025-11-22T13:00:00Z to 2025-11-22T14:00:00Z: its counters "
            "rose by more than a record can hold" in told.err
        )
        assert "1 disk or volume is quarantined and missing from this usage" in told.err
    mend(lake)
    assert run(["--lake", str(lake), "usage", "build", *PERIOD]) == 0
    assert "quarantine" not in capsys.readouterr().err


def test_show_warns_when_something_is_missing_from_its_period(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(lake, NOON, END)
    assert run(["--lake", str(lake), "usage", "show", "--by", "vm", "--format", "json", *PERIOD]) == 0
    told = capsys.readouterr()
    assert {row["vm_id"] for row in json.loads(told.out)} == {"vm-1", "vm-2", "vm-3"}
    assert "1 disk or volume is quarantined and missing from this usage" in told.err
    first_hour = ("--from", NOON.isoformat(), "--to", (NOON + HOUR).isoformat())
    assert run(["--lake", str(lake), "usage", "show", *first_hour]) == 0
    assert "quarantined" not in capsys.readouterr().err


def test_sums_over_hours_may_be_greater_than_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counted = {"read_ops": MOST, "write_ops": 0, "read_bytes": 0, "write_bytes": 0}
    nothing = dict.fromkeys(counted, 0)
    moments = [(NOON, nothing), (NOON + 10 * MINUTE, counted), (NOON + HOUR, nothing), (NOON + 70 * MINUTE, counted)]
    lake = new_lake(tmp_path, *(a_run(sample(at=at, **counters), at=at) for at, counters in moments))
    assert run(["--lake", str(lake), "usage", "build", *PERIOD]) == 0
    capsys.readouterr()
    assert run(["--lake", str(lake), "usage", "show", "--format", "json", *PERIOD]) == 0
    assert [row["best_effort_ops"] for row in json.loads(capsys.readouterr().out)] == [2 * MOST]
