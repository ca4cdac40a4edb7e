"""`ioledger volumes --drift` names what `ioledger check` finds on the same lake, and nothing else."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from planted import NOON, PLANTED, Fleet, add_clean
from policy_lake import ioledger
from side_lakes import store_tables

from policies.rule import shipped_rules
from policies.volumes.reading import COMPARING

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.records import Row

Capture = pytest.CaptureFixture[str]
Said = set[tuple[str, str, str]]
"""Code, status and the name of a volume or disk."""


def answer(lake: Path, capsys: Capture, *arguments: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    ioledger(lake, *arguments, "--format", "json", now=NOON)
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def found_by_check(lake: Path, capsys: Capture) -> Said:
    return {
        (finding["code"], finding["status"], finding["resource_id"])
        for finding in answer(lake, capsys, "check")
        if finding["code"] in COMPARING
    }


def named_by_volumes(rows: list[dict[str, Any]]) -> Said:
    kind_of = {rule.code: rule.cases for rule in shipped_rules() if rule.code in COMPARING}
    of_volumes = {"QOS201", "QOS202", "QOS207"}
    assert of_volumes < kind_of.keys()
    return {
        (code, status, row["volume_id"] if code in of_volumes else f"{row['vm_id']}/{row['device']}")
        for row in rows
        for column, status in (("violations", "violation"), ("unknowns", "unknown"))
        for code in (row[column] or "").split(", ")
        if code
    }


def test_on_a_fleet_with_every_defect(tmp_path: Path, capsys: Capture) -> None:
    fleet = Fleet()
    add_clean(fleet, 3)
    for plant in PLANTED.values():
        plant(fleet)
    lake = store_tables(tmp_path, fleet.tables)

    found = found_by_check(lake, capsys)
    drift = answer(lake, capsys, "volumes", "--drift")
    assert {code for code, _, _ in found} == set(COMPARING)
    assert named_by_volumes(drift) == found
    assert all(row["violations"] or row["unknowns"] for row in drift)
    whole = answer(lake, capsys, "volumes")
    assert [row for row in whole if row["violations"] or row["unknowns"]] == drift
    assert len(whole) > len(drift)


@pytest.mark.parametrize("seed", range(3))
def test_on_drawn_fleets(tmp_path: Path, capsys: Capture, seed: int) -> None:
    lake = store_tables(tmp_path, drawn(Random(seed)).tables)

    found = found_by_check(lake, capsys)
    assert {status for _, status, _ in found} == {"violation", "unknown"}
    assert named_by_volumes(answer(lake, capsys, "volumes", "--drift")) == found


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
            fleet.disk(f"vm-{number}", name, device, state=state, **caps(random, "cap_"))
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
