"""The writes whose crashes are tested, and the runs they write."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from lakes import MINUTE, NOON, a_run, sample

from ioledger.lake.compaction import compact
from ioledger.lake.pruning import prune
from ioledger.lake.quarantine import set_aside
from ioledger.lake.verification import verify
from ioledger.lake.writer import write_run
from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ioledger.model.records import Run

MIDNIGHT = NOON + timedelta(hours=12)
"""A run that starts a second before midnight writes two dates."""

TWO_DAYS_LATER = NOON + timedelta(days=2)
"""When nothing of these runs can still be being written."""

_ALIAS = {"namespace": "serial", "alias": "s-1", "volume_id": "vol-1", "valid_from": NOON}


def first_version() -> Run:
    """Give a run over midnight with rows in two tables."""
    started_at = MIDNIGHT - timedelta(seconds=1)
    samples = [sample("vm-1", started_at), sample("vm-2", MIDNIGHT), sample("vm-3", MIDNIGHT)]
    return a_run(at=started_at, run_id="r1", tables={"disk_io_stat": samples, "volume_alias": [_ALIAS]})


def second_version() -> Run:
    """Give the same run with other rows, some of which moved to another date, and none of one table."""
    started_at = MIDNIGHT - timedelta(seconds=1)
    samples = [sample("vm-2", MIDNIGHT + timedelta(days=1), read_ops=7), sample("vm-4", MIDNIGHT)]
    return a_run(at=started_at, run_id="r1", tables={"disk_io_stat": samples})


def samples_until(last_minute: int) -> list[Run]:
    """Give a run every ten minutes from noon on, up to a minute."""
    return [a_run(sample(at=at), at=at) for at in (NOON + MINUTE * count for count in range(0, last_minute + 1, 10))]


def build_the_day(lake: Path) -> None:
    """Build the usage records of two hours."""
    build(lake, NOON, NOON + timedelta(hours=2))


def compact_days(lake: Path) -> None:
    """Merge all that lies under the dates of ``first_version``, which are over."""
    compact(lake, MIDNIGHT + timedelta(days=2))


def set_broken_aside(lake: Path) -> None:
    """Verify a lake two days later, and set aside what is broken."""
    set_aside(lake, verify(lake, TWO_DAYS_LATER), TWO_DAYS_LATER)


OPERATIONS: Mapping[str, Callable[[Path], object]] = {
    "first version": lambda lake: write_run(lake, first_version()),
    "second version": lambda lake: write_run(lake, second_version()),
    "build": build_the_day,
    "compact": compact_days,
    "quarantine": set_broken_aside,
    "prune": lambda lake: prune(lake, MIDNIGHT.date(), is_dry_run=False),
}
