"""Usage beside another system's: every planted fault is found with its reason, and nothing else is."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import planted_differences as planted
import pytest
from planted_differences import ALIAS, DAYS, Disk

from ioledger.app import App
from ioledger.clock import SystemClock
from reports.reconcile.command import reconcile

if TYPE_CHECKING:
    from collections.abc import Callable

FIFTH, SIXTH, SEVENTH = DAYS

DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "reconcile.md").read_text(encoding="utf-8")

Reconciled = tuple[dict[tuple[str, str], dict[str, str]], str]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted.planted_lake(tmp_path_factory.mktemp("planted"))


@pytest.fixture
def run(lake: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[..., Reconciled]:
    """Return what reconciles a file: its rows by volume and day, and the summary."""

    def reconciled(path: Path, period: str = "2026-10") -> Reconciled:
        caplog.clear()
        words = ["--period", period, "--against", str(path), "--format", "csv"]
        with caplog.at_level("INFO"):
            reconcile.main(words, obj=App(SystemClock(), lake_option=lake), standalone_mode=False)
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        found = {(row["volume_id"], row["day"]): row for row in rows}
        assert len(found) == len(rows)
        return found, caplog.messages[-1]

    return reconciled


def test_each_fault_is_found_with_its_reason_and_nothing_else_is(
    run: Callable[..., Reconciled], tmp_path: Path
) -> None:
    found, summary = run(planted.dump_of_other_system(tmp_path / "dump.json"))
    faults = {key: row for key, row in found.items() if row["reason"] != "equal"}
    assert {key: row["reason"] for key, row in faults.items()} == {
        ("reset", SIXTH): "reset",
        ("gap", SIXTH): "gap",
        ("listed-twice", SIXTH): "double count",
        ("migrated", SIXTH): "double count",
        ("window", SIXTH): "window",
        ("window", SEVENTH): "window",
        ("unexplained", SIXTH): "unexplained",
        **{("missing", day): "unmapped" for day in DAYS},
        **{("", day): "unmapped" for day in DAYS},
        ("unknown", FIFTH): "unmapped",
    }
    truth = planted.truth()
    assert {key: int(row["ours"]) for key, row in found.items() if row["ours"]} == {
        key: sum(ops) for key, ops in truth.items()
    }
    assert all(row["evidence"] for row in faults.values())
    for key, told in {
        ("reset", SIXTH): "restarts of the counters in our records: 1",
        ("gap", SIXTH): "too far apart for 14400 s, and 0 s",
        ("listed-twice", SIXTH): "lists 2 of its records again",
        ("migrated", SIXTH): "1.99 times ours, and the volume was on 2 hosts (kvm-01, kvm-02)",
        ("window", SIXTH): f"theirs has 37 more, and 37 less on {SEVENTH}",
        ("window", SEVENTH): f"theirs has 37 less, and 37 more on {SIXTH}",
        ("unknown", FIFTH): "no usage record has this volume",
        ("missing", FIFTH): "their file has nothing of this volume",
        ("", FIFTH): "our usage of vm-scratch/vda has no volume",
    }.items():
        assert told in faults[key]["evidence"]
    assert f"their name of the volume is {ALIAS}" in found["renamed", SIXTH]["evidence"]
    ours = sum(sum(ops) for ops in truth.values())
    theirs = sum(sum(ops) for ops in planted.other_system().values()) + sum(truth["listed-twice", SIXTH])
    assert summary.startswith(
        f"{len(found)} volume days of 3 of 31 days compared: {len(found) - len(faults)} equal, 1 reset, 1 gap, "
        "7 unmapped, 2 double count, 2 window, 1 unexplained; "
        f"theirs comes to {theirs} operations, ours to {ours}, a difference of {theirs - ours:+} ("
    )
    percentage = re.search(r"\(([-+][0-9]+\.[0-9]{2}) %\)$", summary)
    assert percentage is not None
    assert abs(int(percentage[1].replace(".", "")) * ours - 10_000 * (theirs - ours)) <= ours / 2


def test_of_equal_amounts_everything_is_equal(run: Callable[..., Reconciled], tmp_path: Path) -> None:
    counted = {key: ops for key, ops in planted.truth().items() if key[0]}
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"listusagerecordsresponse": {"usagerecord": planted.cloudstack_records(counted)}}))
    found, summary = run(path, SIXTH)
    assert {key[0]: row["reason"] for key, row in found.items()} == {
        volume: "equal" if volume else "unmapped" for volume, day in planted.truth() if day == SIXTH
    }
    assert "of all days compared" in summary


def test_bytes_that_differ_are_told_where_operations_agree(run: Callable[..., Reconciled], tmp_path: Path) -> None:
    counted = {key: ops for key, ops in planted.truth().items() if key[0]}
    records = planted.cloudstack_records(counted)
    wrong = next(each for each in records if each["usageid"] == "equal" and each["usagetype"] == 23)
    wrong["rawusage"] = str(int(wrong["rawusage"]) + 512)
    path = tmp_path / "dump.json"
    path.write_text(json.dumps(records))
    found, _ = run(path)
    row = found["equal", FIFTH]
    assert (row["unit"], row["difference"], row["reason"]) == ("bytes", "512", "unexplained")
    assert found["equal", SIXTH]["unit"] == "operations"


def test_a_day_of_which_we_have_no_record_is_a_gap(run: Callable[..., Reconciled], tmp_path: Path) -> None:
    path = tmp_path / "older.csv"
    path.write_text("day,volume_id,operations\n2026-10-05,equal,36000\n2026-10-09,equal,5\n")
    found, _ = run(path)
    row = found["equal", "2026-10-09"]
    assert (row["ours"], row["theirs"], row["reason"]) == ("0", "5", "gap")
    assert row["evidence"] == "we have no record of this day"


def test_a_negative_amount_of_theirs_is_a_reset(run: Callable[..., Reconciled], tmp_path: Path) -> None:
    path = tmp_path / "older.csv"
    path.write_text("start,end,volume_id,read_ops\n2026-10-06T00:00,2026-10-06T12:00,equal,-700\n")
    found, _ = run(path)
    assert found["equal", SIXTH]["reason"] == "reset"
    assert "negative amount, -700" in found["equal", SIXTH]["evidence"]


@pytest.mark.parametrize("reason", ["reset", "gap", "double count", "window", "unmapped", "unexplained", "equal"])
def test_the_documentation_says_what_each_reason_means(reason: str) -> None:
    assert re.search(rf"^\| `{reason}` \|", DOCUMENTATION, re.MULTILINE)


def test_the_example_of_the_documentation_prints_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    disks = (Disk("root", 1_000), Disk("web-data", 800, restarts=(planted.MIDDLE,)), Disk("logs", 400), Disk(None, 100))
    lake = planted.planted_lake(tmp_path, disks, hours=48)
    given, command, printed = re.findall(r"^```(?:text|sh)\n(.*?)^```", DOCUMENTATION, re.MULTILINE | re.DOTALL)[:3]
    monkeypatch.chdir(tmp_path)
    Path("older.csv").write_text(given, encoding="utf-8")
    words = command.split()[2:]
    reconcile.main(words, obj=App(SystemClock(), lake_option=lake), standalone_mode=False)
    assert capsys.readouterr().out.splitlines() == printed.splitlines()
