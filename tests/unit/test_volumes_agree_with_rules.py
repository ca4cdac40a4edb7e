"""`ioledger volumes --drift` names what `ioledger check` finds on the same lake, and nothing else."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from planted import NOON, PLANTED, Fleet, add_clean
from policy_lake import ioledger
from side_lakes import store_tables

from policies.volumes.reading import COMPARING

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.records import Row

Capture = pytest.CaptureFixture[str]


def answer(lake: Path, capsys: Capture, *arguments: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    ioledger(lake, *arguments, "--format", "json", now=NOON)
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def assert_agrees(lake: Path, capsys: Capture) -> set[tuple[str, str]]:
    """Compare every row with the findings about its volume and disk; return all codes and statuses found."""
    findings = [finding for finding in answer(lake, capsys, "check") if finding["code"] in COMPARING]
    rows = answer(lake, capsys, "volumes")
    placed = []
    for row in rows:
        own = [
            finding
            for finding in findings
            if finding["volume_id"] == row["volume_id"]
            and finding["resource_id"] in (row["volume_id"], f"{row['vm_id']}/{row['device']}")
        ]
        placed += own
        for column, status in (("violations", "violation"), ("unknowns", "unknown")):
            expected = sorted(finding["code"] for finding in own if finding["status"] == status)
            assert (row[column] or "") == ", ".join(expected), row
        assert (row["reasons"] or "").count("QOS") == len(own), row
    assert all(finding in placed for finding in findings)
    assert answer(lake, capsys, "volumes", "--drift") == [row for row in rows if row["reasons"]]
    return {(finding["code"], finding["status"]) for finding in findings}


def test_on_a_fleet_with_every_defect(tmp_path: Path, capsys: Capture) -> None:
    fleet = Fleet()
    add_clean(fleet, 3)
    for plant in PLANTED.values():
        plant(fleet)
    lake = store_tables(tmp_path, fleet.tables)

    assert {code for code, _ in assert_agrees(lake, capsys)} == set(COMPARING)


@pytest.mark.parametrize("seed", range(3))
def test_on_drawn_fleets(tmp_path: Path, capsys: Capture, seed: int) -> None:
    lake = store_tables(tmp_path, drawn(Random(seed)).tables)  # noqa: S311 - the same fleet every time

    assert {status for _, status in assert_agrees(lake, capsys)} == {"violation", "unknown"}


def drawn(random: Random) -> Fleet:
    """Draw volumes of which any side may be missing, and any number may be one of two."""
    fleet = Fleet()
    for number in range(40):
        name = f"vol-{number}"
        if random.random() < 0.8:
            fleet.sold(name, **limits(random, "sold_"), **caps(random, "sold_cap_"))
        if random.random() < 0.8:
            fleet.allocated(name, **limits(random, ""), attached_count=random.choice((None, 1, 2)))
        for device in ("vda", "vdb")[: random.choice((0, 1, 1, 2))]:
            state = random.choice(("ok", "ok", "ok", "off", "timeout"))
            read = {} if state == "timeout" and random.random() < 0.5 else caps(random, "cap_")
            fleet.disk(f"vm-{number}", name, device, state=state, **read)
    return fleet


def limits(random: Random, prefix: str) -> Row:
    names = ("min_iops", "max_iops", "burst_iops")
    return {prefix + name: random.choice((100, 200)) for name in names if random.random() < 0.5}


def caps(random: Random, prefix: str) -> Row:
    names = random.choice((("total_iops",), ("read_iops", "write_iops"), ("total_bps",), ()))
    drawn_caps: Row = {prefix + name: random.choice((100, 200)) for name in names}
    if names and random.random() < 0.4:
        drawn_caps[f"{prefix}{names[0]}_burst"] = 400
        drawn_caps[f"{prefix}{names[0]}_burst_seconds"] = random.choice((None, 9, 10))
    return drawn_caps
