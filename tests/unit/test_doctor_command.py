"""What `ioledger doctor --volumes` tells of disks and volumes that do or do not meet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lakes import MINUTE, NOON, a_run, new_lake, read, sample
from policy_lake import ioledger

from collectors.doctor import clock
from collectors.doctor.kernel_clock import KernelClock
from collectors.doctor.volume_map import COLUMNS
from ioledger.health import lake as lake_health
from ioledger.lake.compaction import compact
from ioledger.lake.writer import write_run
from reports.usage.build import build

if TYPE_CHECKING:
    from datetime import datetime

    from ioledger.model.records import Row, Run

Ask = Callable[..., tuple[int, dict[str, dict[str, Any]]]]

PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"

RULES = """
[sources.kvm-01]
type = "libvirt"
uri = "qemu:///system"

[[sources.kvm-01.volume_id]]
from = "source_path"
pattern = "rbd:(.+)"
volume_id = "{1}"

[[sources.kvm-01.volume_id]]
from = "serial"
"""


def storage(*volumes: str, at: datetime = NOON, aliases: list[Row] | None = None) -> Run:
    tables: dict[str, list[Row]] = {"provisioned_iops": [{"volume_id": name} for name in volumes]}
    if aliases is not None:
        tables["volume_alias"] = aliases
    return a_run(source="array", kind="storage", at=at, tables=tables)


def alias(namespace: str, name: str, volume_id: str, valid_from: datetime = NOON) -> Row:
    return {"namespace": namespace, "alias": name, "volume_id": volume_id, "valid_from": valid_from}


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Ask for the map of a lake of some runs, as a program would; gives the exit code and rows by guest and device."""

    def asked(*runs: Run, configuration: str = RULES, now: datetime = NOON) -> tuple[int, dict[str, dict[str, Any]]]:
        (tmp_path / "ioledger.toml").write_text(configuration, encoding="utf-8")
        lake = new_lake(tmp_path, *runs)
        capsys.readouterr()
        code = ioledger(lake, "doctor", "--volumes", "--format", "json", now=now)
        rows = json.loads(capsys.readouterr().out)
        return code, {f"{row['vm_id'] or ''}/{row['device'] or row['volume_id']}": row for row in rows}

    return asked


def test_each_disk_is_told_with_its_volume_and_what_named_it(ask: Ask) -> None:
    code, rows = ask(
        a_run(
            sample("a", source_path="rbd:gold/a", disk_serial="x"),
            sample("b", disk_serial="vol-b"),
            sample("c", disk_serial="vol-c", disk_wwn="5000c50015ea71aa"),
        ),
        storage("gold/a", "vol-b", "vol-z", aliases=[alias("wwn", "5000c50015ea71aa", "vol-z")]),
    )

    assert code == 0
    told = {name: (row["volume_id"], row["mapped_by"], row["finding"]) for name, row in rows.items()}
    assert told == {
        "a/vda": ("gold/a", "rule 1 (source_path)", "ok"),
        "b/vda": ("vol-b", "rule 2 (serial)", "ok"),
        "c/vda": ("vol-z", "alias (wwn)", "ok"),
    }


def test_what_does_not_meet_is_told_the_worst_first(ask: Ask) -> None:
    code, rows = ask(
        a_run(
            sample("a", disk_serial="vol-a"),
            sample("b", disk_serial="vol-s"),
            sample("c", source_path="/srv/scratch.img"),
            sample("d", disk_serial="vol-s"),
            sample("e", disk_serial="VOL-E"),
            {"vm_id": "f", "device": None, "state": "error", "sampled_at": NOON},
            status="partial",
        ),
        storage("vol-a", "vol-s", "vol-e"),
        a_run(source="shop", kind="controlplane", tables={"entitlement": [{"volume_id": "vol-a"}]}),
    )

    assert code == 3
    assert [(name, row["finding"], row["disk_count"], row["known_to"]) for name, row in rows.items()] == [
        ("f/None", "not_read", None, None),
        ("c/vda", "no_volume", None, None),
        ("e/vda", "unknown_volume", 1, None),
        ("b/vda", "shared", 2, "array"),
        ("d/vda", "shared", 2, "array"),
        ("/vol-e", "no_disk", 0, "array"),
        ("a/vda", "ok", 1, "array, shop"),
    ]


def test_a_rule_can_be_tried_without_collecting(ask: Ask) -> None:
    run = a_run(sample("a", source_path="/srv/vol-a.img", volume_id="old"))
    assert ask(run, storage("vol-a"))[1]["a/vda"]["volume_id"] is None

    edited = (
        RULES + '[[sources.kvm-01.volume_id]]\nfrom = "source_path"\npattern = "/srv/(.+).img"\nvolume_id = "{1}"\n'
    )
    code, rows = ask(configuration=edited)

    assert code == 0
    assert (rows["a/vda"]["volume_id"], rows["a/vda"]["stored_volume_id"]) == ("vol-a", "old")


@pytest.mark.parametrize(
    "finding", [{}, {"disk_serial": "vol-s"}, {"disk_serial": "vol-x"}], ids=["none", "shared", "unknown"]
)
def test_the_exit_code_tells_that_something_is_to_be_mended(ask: Ask, finding: dict[str, str]) -> None:
    runs = (a_run(sample("a", disk_serial="vol-s"), sample("b", **finding)), storage("vol-s", "detached"))
    assert ask(*runs)[0] == 3
    assert ask(a_run(sample("a", disk_serial="vol-s"), at=NOON + MINUTE))[0] == 0


def test_without_storage_and_control_plane_no_volume_counts_as_unknown(
    ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, rows = ask(a_run(sample("a", disk_serial="vol-a")))
    assert (code, rows["a/vda"]["finding"]) == (0, "ok")

    ioledger(tmp_path / "lake", "doctor", now=NOON)
    assert "no storage or control plane has been read" in capsys.readouterr().out


def test_only_the_latest_run_counts_and_a_failed_one_lists_nothing(ask: Ask) -> None:
    _, rows = ask(
        a_run(sample("gone", disk_serial="vol-g"), sample("a", disk_serial="vol-a")),
        a_run(sample("a", NOON + MINUTE, disk_serial="vol-a"), at=NOON + MINUTE),
        a_run(at=NOON + 2 * MINUTE, status="failed"),
        storage("vol-g", "vol-a"),
        storage("vol-a", at=NOON + MINUTE),
    )
    assert list(rows) == ["a/vda"]


def test_the_latest_run_is_found_on_earlier_days_though_it_ends_on_the_next(ask: Ask) -> None:
    late = NOON.replace(hour=23, minute=58)
    runs = [
        a_run(sample("a", late + (n + 1) * MINUTE, disk_serial=f"vol-{n}"), at=late + n * MINUTE)  # sampled in its end
        for n in range(2)
    ]
    _, rows = ask(*runs, a_run(at=NOON + timedelta(days=2), status="failed"), storage("vol-1"))
    assert {name: row["volume_id"] for name, row in rows.items()} == {"a/vda": "vol-1"}


def test_the_latest_run_is_found_in_merged_files(ask: Ask, tmp_path: Path) -> None:
    ask(
        a_run(sample("gone", disk_serial="vol-gone"), sample("a", disk_serial="vol-a")),
        a_run(sample("a", NOON + MINUTE, disk_serial="vol-a"), at=NOON + MINUTE),
        storage("vol-gone", "vol-a"),
        storage("vol-a", at=NOON + MINUTE),
    )
    compact(tmp_path / "lake", now=NOON + timedelta(days=9))
    assert list((tmp_path / "lake" / "disk_io_stat").rglob("merged~*"))

    code, rows = ask()
    assert (code, {name: row["volume_id"] for name, row in rows.items()}) == (0, {"a/vda": "vol-a"})


def test_a_source_without_rules_maps_nothing_whatever_was_stored(ask: Ask) -> None:
    without = RULES.partition("[[")[0]
    code, rows = ask(a_run(sample("a", volume_id="vol-a")), configuration=without)
    assert (code, rows["a/vda"]["finding"], rows["a/vda"]["stored_volume_id"]) == (3, "no_volume", "vol-a")


def test_disks_that_a_storage_hands_out_itself_have_the_volume_that_it_stored(ask: Ask) -> None:
    disks = [sample("i-1", device="/dev/sdf", volume_id="vol-1", window_start=NOON - MINUTE)]
    volumes: list[Row] = [{"volume_id": "vol-1"}]
    run = a_run(source="aws", kind="storage", tables={"disk_io_stat": disks, "provisioned_iops": volumes})
    code, rows = ask(run, configuration='[sources.aws]\ntype = "ebs"\nregion = "eu-central-1"\n')
    told = rows["i-1//dev/sdf"]
    assert (code, told["finding"], told["volume_id"], told["mapped_by"]) == (0, "ok", "vol-1", "source")


def test_a_guest_on_two_hosts_is_told_where_it_runs(ask: Ask) -> None:
    code, rows = ask(
        a_run(sample("a", host_id="old", state="off", disk_serial="vol-a"), source="kvm-01", at=NOON + MINUTE),
        a_run(sample("a", host_id="new", volume_id="vol-a"), source="kvm-02"),
        storage("vol-a"),
    )
    assert code == 0
    assert (rows["a/vda"]["host_id"], rows["a/vda"]["mapped_by"]) == ("new", "source")


def test_retired_sources_are_left_out(ask: Ask, tmp_path: Path) -> None:
    ask(a_run(sample("a", disk_serial="vol-a")), a_run(sample("b"), source="kvm-09"))
    settings = tmp_path / "lake" / "settings.toml"
    settings.write_text('[[settings]]\nvalid_from = 2025-01-01T00:00:00Z\nretired = ["kvm-09"]\n', encoding="utf-8")
    assert list(ask()[1]) == ["a/vda"]


def test_aliases_name_the_same_volume_here_as_for_usage(ask: Ask, tmp_path: Path) -> None:
    names = {"disk_serial": "s", "disk_wwn": "w", "source_path": "p"}
    disks = [
        sample("vm", device="".join(kept.values()), **kept)
        for number in range(1, 8)
        if (kept := {column: name for bit, (column, name) in enumerate(names.items()) if number >> bit & 1})
    ]
    later = NOON + 5 * MINUTE
    _, rows = ask(
        a_run(*disks),
        storage(
            "v", aliases=[alias("path", "p", "by-path"), alias("wwn", "w", "by-wwn"), alias("serial", "s", "early")]
        ),
        storage("v", at=NOON + MINUTE, aliases=[alias("serial", "s", "corrected"), alias("wwn", "w", "later", later)]),
        configuration="",
    )
    used = dict(read(tmp_path / "lake", "SELECT device, volume_id FROM with_volume('disk_io_stat')"))
    assert {row["device"]: row["volume_id"] for row in rows.values() if row["device"]} == used
    assert set(used.values()) == {"corrected", "by-wwn", "by-path"}


def test_people_see_what_an_unmapped_disk_has_and_what_a_rule_changed(
    ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(
        a_run(
            sample("a", vm_name="web", source_path="/srv/scratch.img", disk_serial=""),
            sample("b", disk_serial="vol-b", volume_id="vol-x"),
            sample("c"),
        ),
        storage("vol-b", "vol-z"),
    )
    assert ioledger(tmp_path / "lake", "doctor", "--volumes", now=NOON) == 3
    out, err = capsys.readouterr()
    for words in (
        "no volume: path /srv/scratch.img", "stored as vol-x", "no disk; known to array",
        "no volume, and neither serial, WWN nor path to tell one by",
    ):  # fmt: skip
        assert words in out
    assert err == "3 disks: 1 fine, 2 without a volume; 1 volume without a disk\n"


@pytest.fixture
def kept_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let somebody keep the clock of this machine, whether or not somebody does."""
    monkeypatch.setattr(clock, "kernel_clock", lambda: KernelClock(is_kept=True, most_error_milliseconds=1))


@pytest.mark.usefixtures("kept_clock")
def test_without_an_option_each_check_is_told_with_how_to_mend(
    ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(a_run(sample("a")), storage("vol-a"), configuration=RULES.replace("qemu:///system", "test:///default"))
    assert ioledger(tmp_path / "lake", "doctor", "--format", "csv", now=NOON) == 3
    rows = {row["check"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    host, check = rows["connection"], rows["volumes"]
    assert host == {
        "check": "connection",
        "source": "kvm-01",
        "result": "ok",
        "found": "test:///default lists 1 guest",
        "mend": "",
    }
    assert (check["check"], check["source"], check["result"]) == ("volumes", "", "mend")
    assert check["found"] == "1 disk: 1 without a volume; 1 volume without a disk"
    assert "ioledger doctor --volumes" in check["mend"]

    write_run(tmp_path / "lake", a_run(sample("a", NOON + MINUTE, disk_serial="vol-a"), at=NOON + MINUTE))
    build(tmp_path / "lake", NOON, NOON + MINUTE)
    assert ioledger(tmp_path / "lake", "doctor", "--format", "csv", now=NOON + MINUTE) == 0
    assert "volumes,,ok,1 disk: 1 fine; 0 volumes without a disk," in capsys.readouterr().out


def test_a_source_that_does_not_answer_costs_the_others_nothing(
    ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sold.csv").write_text("volume_id\nvol-a\nvol-b\n", encoding="utf-8")
    ask(
        configuration="""
        [sources.array]
        type = "storage-inventory"
        storage_pool = "nowhere.csv"

        [sources.shop]
        type = "controlplane-inventory"
        entitlement = "sold.csv"
        """
    )
    assert ioledger(tmp_path / "lake", "doctor", "--format", "json", now=NOON) == 3
    told = json.loads(capsys.readouterr().out)
    array, shop = (row for row in told if row["source"] and row["check"] != "runs")
    assert (array["source"], array["result"]) == ("array", "mend")
    assert array["found"].endswith("nowhere.csv cannot be read: No such file or directory")
    assert array["mend"] == "put the file there, readable for who collects"
    assert (shop["source"], shop["result"], shop["found"]) == ("shop", "ok", "2 rows")


def test_programs_get_every_column(ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(a_run(sample("a", vm_name="=web")), storage("vol-a"))
    ioledger(tmp_path / "lake", "doctor", "--volumes", "--format", "csv", now=NOON)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["vm_name"] == "'=web"


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        (RULES.replace("(.+)", "("), "sources.kvm-01.*is no regular expression"),
        (RULES.replace("libvirt", "libvrt"), "did you mean 'libvirt'"),
    ],
)
def test_a_wrong_configuration_is_told(
    configuration: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ioledger.toml").write_text(configuration, encoding="utf-8")
    assert ioledger(new_lake(tmp_path), "doctor", "--volumes") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert re.search(words, err)


def test_sources_that_say_nothing_or_what_is_old_are_named(
    ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    never = RULES + '[sources.kvm-02]\ntype = "libvirt"\nuri = "qemu:///system"\n'
    ask(
        a_run(sample("a", disk_serial="vol-a")),
        a_run(at=NOON + timedelta(days=2), status="failed"),
        storage("vol-a"),
        a_run(sample("b", NOON + timedelta(days=2), volume_id="vol-a"), source="kvm-09", at=NOON + timedelta(days=2)),
        configuration=never,
    )
    ioledger(tmp_path / "lake", "doctor", now=NOON + timedelta(days=2))
    err = capsys.readouterr().err
    assert "kvm-02 has no run in this lake" in err
    assert "the latest run of kvm-01 failed" in err
    assert "what is shown of array, from 2025-11-22T12:00:00Z, and of 1 more, is older than facts may be" in err
    assert "kvm-09 is not in this ioledger.toml" in err


def test_a_lake_without_runs_has_nothing_to_mend(ask: Ask) -> None:
    assert ask(configuration="") == (0, {})


def test_without_a_lake_the_rest_is_told_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ioledger.toml").write_text('[sources.host]\ntype = "libvrt"\n', encoding="utf-8")
    assert ioledger(tmp_path / "nowhere", "doctor", "--format", "json") == 3
    out, err = capsys.readouterr()
    rows = json.loads(out)
    told = [(row["check"], row["source"], row["found"], row["mend"]) for row in rows if row["mend"]]
    assert told[0] == (
        "lake", None, f"there is no lake at {tmp_path / 'nowhere'}",
        "make one with `ioledger init`, or name another with --lake",
    )  # fmt: skip
    assert [row["check"] for row in rows if "there is no lake" in row["found"]] == ["lake"]
    (settings,) = (row for row in told if row[1] == "host")
    assert settings[0] == "settings"
    assert "did you mean 'libvirt'" in settings[2]
    assert {"Python", "packages"} <= {row["check"] for row in rows}
    assert err == f"{len(rows)} checks, {len(told)} to mend\n"


def test_what_cannot_be_read_is_told_and_the_rest_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_lake: Path) -> None:
        raise PermissionError(13, "Permission denied", "/lake/quarantine")

    monkeypatch.setattr(lake_health, "quarantine", refuse)
    assert ioledger(new_lake(tmp_path), "doctor", "--format", "json", now=NOON) == 3
    rows = json.loads(capsys.readouterr().out)
    found = "/lake/quarantine cannot be read: Permission denied"
    assert [row["result"] for row in rows if row["found"] == found] == ["mend"]
    assert {"Python", "packages", "volumes"} <= {row["check"] for row in rows}


def test_every_line_is_explained_in_the_documentation(
    ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(a_run(sample("a")), configuration=RULES.replace("qemu:///system", "test:///default"))
    ioledger(tmp_path / "lake", "doctor", "--format", "json", now=NOON)
    told = {row["check"] for row in json.loads(capsys.readouterr().out)}
    explained = set(re.findall(r"^\| (`.*?) \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert told - {name for cell in explained for name in re.findall("`([^`]+)`", cell)} == set()


def test_a_billing_zone_that_is_missing_is_told(ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(a_run(sample("a")))
    settings = tmp_path / "lake" / "settings.toml"
    settings.write_text(
        '[[settings]]\nvalid_from = 2025-01-01T00:00:00Z\nbilling_time_zone = "Mars/Base"\n', encoding="utf-8"
    )
    assert ioledger(tmp_path / "lake", "doctor", "--format", "json", now=NOON) == 3
    rows = [row for row in json.loads(capsys.readouterr().out) if "Mars/Base" in row["found"]]
    assert len(rows) == 1
    assert rows[0]["result"] == "mend"
    assert "valid are names such as UTC or Europe/Berlin" in rows[0]["mend"]
