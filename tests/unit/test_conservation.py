"""Mistakes in the SQL of a build are noticed by the build itself: it withholds what they spoil, and nothing else."""

from __future__ import annotations

from shutil import copytree
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lakes import MINUTE, NOON, a_run, new_lake, sample, sort_partitions

from ioledger.lake import layout, writer
from ioledger.model.tables import USAGE_RECORD
from reports.usage import day, quarantine, statement
from reports.usage.build import build

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from reports.usage.build import Built

HOUR = 60 * MINUTE
DISK = ("io", "vm-2", "vda")
VOLUME = ("allocation", "vol-2")


class Mistake(NamedTuple):
    """In the statement ``name``, ``wrong`` stands where ``right`` should."""

    name: str
    right: str
    wrong: str


ONE_BY_ONE = {
    "an interval is lost": Mistake(
        "piece",
        "FROM metered_interval AS interval",
        "FROM (FROM metered_interval WHERE vm_id <> 'vm-2' OR minute(interval_end) <> 5) AS interval",
    ),
    "a join finds an interval twice": Mistake(
        "metered_interval",
        "FROM crossing_interval",
        "FROM (FROM crossing_interval UNION ALL FROM crossing_interval WHERE vm_id = 'vm-2')",
    ),
    "bytes are counted as of another disk": Mistake(
        "piece",
        "part_of(interval.read_bytes,",
        "part_of(CASE WHEN interval.vm_id = 'vm-2' THEN interval.write_bytes ELSE interval.read_bytes END,",
    ),
    "the end of the hours is cut as if it were not": Mistake(
        "piece",
        "epoch_us(piece_end) - epoch_us(interval.interval_start) AS to_us",
        "epoch_us(CASE WHEN vm_id = 'vm-2' THEN interval_end ELSE piece_end END) - epoch_us(interval_start) AS to_us",
    ),
    "records are lost": Mistake("usage_record", "kind = 'io'\n", "kind = 'io' AND vm_id <> 'vm-2'\n"),
    "resets are forgotten": Mistake(
        "io", "sum(resets) AS resets", "sum(CASE WHEN vm_id = 'vm-2' THEN 0 ELSE resets END) AS resets"
    ),
    "an operation is in two classes": Mistake(
        "piece",
        "ops - under_guarantee_ops - over_ceiling_ops AS other_ops",
        "ops - under_guarantee_ops - over_ceiling_ops + (vm_id = 'vm-2')::BIGINT AS other_ops",
    ),
    "the cap counts twice": Mistake(
        "io",
        "sum(cap_iops::HUGEINT * lasted_us)",
        "sum(cap_iops::HUGEINT * lasted_us * (1 + (vm_id = 'vm-2')::BIGINT))",
    ),
    "longer at the cap than observed": Mistake(
        "io", "sum(at_cap_us) AS at_cap_us", "sum(at_cap_us * (1 + (vm_id = 'vm-2')::BIGINT)) AS at_cap_us"
    ),
}

STREAMED = {
    "a streamed sum ends too early": Mistake(
        "stream_group",
        "max(read_ops) AS last_read_ops",
        "CASE WHEN stretch = 4 THEN min(read_ops) ELSE max(read_ops) END AS last_read_ops",
    ),
    "a streamed hour is lost": Mistake(
        "streamed_piece",
        "streamed.last_us > streamed.first_us",
        "streamed.last_us > streamed.first_us AND (day_stretch.vm_id <> 'vm-2' OR judged.hour <> 13)",
    ),
    "a streamed hour is found twice": Mistake(
        "streamed_piece",
        "FROM stream_group AS streamed",
        "FROM (FROM stream_group UNION ALL FROM stream_group WHERE stretch = 4 AND hour = 13) AS streamed",
    ),
    "the intervals between streamed hours are lost": Mistake(
        "metered_interval",
        "JOIN day_stretch USING (file_number, stretch)",
        "JOIN (FROM day_stretch WHERE vm_id <> 'vm-2') AS day_stretch USING (file_number, stretch)",
    ),
    "a streamed operation is in no class": Mistake(
        "streamed_piece",
        "- streamed.guaranteed_ops - streamed.burst_ops AS other_ops",
        "- streamed.guaranteed_ops - streamed.burst_ops - (day_stretch.vm_id = 'vm-2')::BIGINT AS other_ops",
    ),
}

OF_VOLUMES = {
    "a join finds what was held twice": Mistake(
        "allocation",
        "FROM stretch\n    JOIN usage_window",
        "FROM (FROM stretch UNION ALL FROM stretch WHERE volume_id = 'vol-2') AS stretch\n    JOIN usage_window",
    ),
    "a minimum that is not enforced counts as deliverable": Mistake(
        "allocation", "deliverable_iops_of(enforced,", "deliverable_iops_of(enforced OR volume_id = 'vol-2',"
    ),
}


OF_DISKS_ALONE = {
    "an operation is in two classes",
    "the cap counts twice",
    "longer at the cap than observed",
    "a streamed operation is in no class",
}
"""What leaves it in no doubt what was counted, and when which cap was set."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two guests that do three operations a second, on volumes of two accounts, sampled across the ends of three hours.

    Both restart between the second and the third sample. vol-2 has no minimum that is enforced.
    """
    moments = [NOON + 5 * MINUTE + 10 * MINUTE * count for count in range(-1, 19)]
    limits = {"cap_total_iops": 3}
    samples = [
        a_run(*(_sample(f"vm-{number}", f"vol-{number}", count, at) | limits for number in (1, 2)), at=at)
        for count, at in enumerate(moments)
    ]
    levels = {"min_iops": 1, "max_iops": 2, "size_bytes": 2**30}
    allocations = [{"volume_id": f"vol-{number}", "min_enforced": number == 1, **levels} for number in (1, 2)]
    sold = [{"volume_id": f"vol-{number}", "account_id": f"account-{number}", "sold_min_iops": 1} for number in (1, 2)]
    before = NOON - HOUR
    return new_lake(
        tmp_path_factory.mktemp("sound"),
        *samples,
        a_run(source="array", kind="storage", at=before, tables={"provisioned_iops": allocations}),
        a_run(source="shop", kind="controlplane", at=before, tables={"entitlement": sold}),
    )


def _sample(vm_id: str, volume_id: str, count: int, at: datetime) -> dict[str, object]:
    done = {name: 600 * count * times for name, times in (("read_ops", 1), ("write_ops", 2), ("read_bytes", 4096))}
    before = 100_000 if count < 2 else 0  # the first two samples are those of another life
    counters = {name: value + before for name, value in done.items()}
    return {**sample(vm_id, at, volume_id=volume_id), **counters, "write_bytes": 8192 * 600 * count + before}


def built(lake: Path) -> Built:
    return build(lake, NOON, NOON + 3 * HOUR)


def records(lake: Path) -> pa.Table:
    (path,) = layout.files(lake, "usage_record")
    return pq.read_table(path, partitioning=None)


def make(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    assert statement(mistake.name).count(mistake.right) == 1
    wrong = {mistake.name: statement(mistake.name).replace(mistake.right, mistake.wrong)}
    monkeypatch.setattr(day, "statement", lambda name: wrong.get(name) or statement(name))


def assert_only_withheld(subjects: set[tuple[str, ...]], sound: Path, spoilt: Path) -> None:
    """Build both lakes' hours; the second must hold, to the byte, what the first does but for what it lists."""
    with pytest.MonkeyPatch.context() as undone:
        undone.setattr(day, "statement", statement)
        assert built(sound).quarantined == []
    listed = built(spoilt).quarantined
    assert quarantine.subjects(listed) == subjects
    assert {row["account_id"] for row in listed} == {"account-2"}
    assert {row["volume_id"] for row in listed} == {"vol-2"}
    withheld = {(row["kind"], row["window_start"]) for row in listed}
    rows = records(sound).to_pylist()
    kept = [row for row in rows if row["volume_id"] != "vol-2" or (row["kind"], row["window_start"]) not in withheld]
    assert 0 < len(kept) < len(rows)
    writer.write_derived(sound, USAGE_RECORD, NOON.date(), "usage", pa.Table.from_pylist(kept, records(sound).schema))
    assert layout.files(spoilt, "usage_record")[0].read_bytes() == layout.files(sound, "usage_record")[0].read_bytes()


@pytest.mark.parametrize("name", [*ONE_BY_ONE, *OF_VOLUMES])
def test_a_mistake_withholds_what_it_spoils(
    name: str, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, spoilt = (copytree(lake, tmp_path / word) for word in ("sound", "spoilt"))
    make({**ONE_BY_ONE, **OF_VOLUMES}[name], monkeypatch)
    assert_only_withheld(
        {VOLUME} if name in OF_VOLUMES else {DISK} if name in OF_DISKS_ALONE else {DISK, VOLUME}, sound, spoilt
    )


@pytest.mark.parametrize("name", STREAMED)
def test_a_mistake_in_streamed_sums_withholds_what_it_spoils(
    name: str, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, spoilt = (copytree(lake, tmp_path / word) for word in ("sound", "spoilt"))
    for each in (sound, spoilt):
        sort_partitions({path.parent for path in layout.files(each, "disk_io_stat")})
    make(STREAMED[name], monkeypatch)
    assert_only_withheld({DISK} if name in OF_DISKS_ALONE else {DISK, VOLUME}, sound, spoilt)


def test_hours_of_sorted_files_add_up_one_by_one_as_well(lake: Path, tmp_path: Path) -> None:
    at_once, one_by_one = (copytree(lake, tmp_path / word) for word in ("at-once", "one-by-one"))
    for each in (at_once, one_by_one):
        sort_partitions({path.parent for path in layout.files(each, "disk_io_stat")})
    assert built(at_once).quarantined == []
    for hour in (1, 0, 2):
        assert build(one_by_one, NOON + hour * HOUR, NOON + hour * HOUR + MINUTE).quarantined == []
    assert records(one_by_one).equals(records(at_once))


def test_a_build_without_the_mistake_clears_what_it_withheld(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = copytree(lake, tmp_path / "spoilt")
    with monkeypatch.context() as patched:
        make(ONE_BY_ONE["records are lost"], patched)
        assert built(spoilt).quarantined
    path = layout.files(spoilt, "usage_record")[0]
    path.unlink()  # so that all is made again
    assert built(spoilt).quarantined == []
    assert layout.files(spoilt, "quarantine") == []
    assert {row["vm_id"] for row in records(spoilt).to_pylist()} >= {"vm-1", "vm-2"}
