"""What must be so after whatever happened, worked out apart from the code that is judged."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import golden
import pyarrow.parquet as pq
from reference.records import usage_records
from simulation.ledger import BrokenPromiseError

from ioledger.lake import journal, layout, settings
from reports.charges.stored import month_of, path_of
from reports.closing import archive
from reports.closing.verification import wrong_with

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from simulation.world import World

    from ioledger.model.records import Run

_HOUR = timedelta(hours=1)
_DERIVED = ("usage_record", "usage_day", "usage_month", "quarantine")
_EARLY = datetime(2000, 1, 1, tzinfo=UTC)


def closed_month(lake: Path, period: str) -> dict[str, str] | None:
    """Return the digests of a closed month's files; None if it is open. Raises BrokenPromiseError if not whole."""
    directory = archive.directory_of(lake, period)
    if not directory.exists():
        return None
    found = archive.closed(lake, period)
    if found is None:
        raise BrokenPromiseError(f"{directory} has no manifest")
    if wrong := list(wrong_with(lake, found)):
        raise BrokenPromiseError(f"{period} is closed and not whole: {wrong}")
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def see_that_nothing_is_left_over(lake: Path) -> None:
    """See that a compaction without faults ended every swap that crashed."""
    left = [*lake.rglob(f".*{journal.HIDDEN_SUFFIX}"), *(lake / journal.DIRECTORY).glob("*.json")]
    if left:
        raise BrokenPromiseError(f"a compaction without faults leaves {sorted(map(str, left))}")


def see_truth(runs: Sequence[Run], world: World, max_gap_seconds: int) -> None:
    """See that no guest is metered for more than it truly did."""
    metered: Counter[str] = Counter()
    for record in _expected(runs, world.clock.now() + 24 * _HOUR, max_gap_seconds):
        if record["kind"] == "io":
            metered[record["vm_id"]] += record["read_ops"]
    for guests in world.hosts.values():
        for guest in guests:
            truly = guest.truly_read(world.scheduler.now_us)
            if metered[guest.vm_id] > truly:
                raise BrokenPromiseError(f"{guest.vm_id} read {truly} times and is metered for {metered[guest.vm_id]}")


def _expected(runs: Sequence[Run], end: datetime, max_gap_seconds: int) -> list[dict[str, Any]]:
    tables = golden.tables_of_runs(runs)
    moments = [run.started_at for run in runs]
    if not moments:
        return []
    start = min(moments).replace(minute=0, second=0, microsecond=0) - _HOUR
    return usage_records(tables, [{"valid_from": _EARLY, "max_gap_seconds": max_gap_seconds}], start, end)


def see_usage(lake: Path, runs: Sequence[Run], now: datetime, max_gap_seconds: int) -> None:
    """See that the usage records are those that the reference makes of the runs."""
    files = layout.files(lake, "usage_record")
    stored = [row for path in files for row in pq.read_table(path, partitioning=None).to_pylist()]
    end = now.replace(minute=0, second=0, microsecond=0) + _HOUR
    expected = _expected(runs, end, max_gap_seconds)
    difference = golden.difference(sorted(expected, key=lambda record: record["window_start"].date()), stored)
    if difference:
        raise BrokenPromiseError(f"usage is not what was collected: {difference[:3000]}")


def see_bills(lake: Path, period: str, open_period: str) -> None:
    """See that all that was read in a closed month is on its bill and the corrections of the next, once."""
    line = settings.load(lake)
    month = month_of(period, line)
    closed = archive.closed(lake, period)
    assert closed is not None
    lines = [
        row
        for path in (closed.bill, path_of(lake, month_of(open_period, line)))
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]
    billed = [row for row in lines if row["meter"] == "read_ops" and row["charge_period_start"] < month.end]
    used = [
        row["read_ops"]
        for path in layout.files(lake, "usage_record")
        for row in pq.read_table(path, partitioning=None).to_pylist()
        if row["kind"] == "io" and row["window_start"] < month.end
    ]
    total = sum(row["usage_quantity"] for row in billed)
    if total != sum(used):
        raise BrokenPromiseError(
            f"{sum(used)} reads of {period}, and {total} on its bill and the corrections of the next"
        )


def see_rebuilt(lake: Path, build: Callable[[], object]) -> None:
    """See that usage made anew from the facts has the same bytes as what grew bit by bit."""
    before = _derived(lake)
    for name in (*_DERIVED, ".usage"):
        shutil.rmtree(lake / name, ignore_errors=True)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        build()
    after = _derived(lake)
    differing = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if differing:
        raise BrokenPromiseError(f"usage that is made anew differs in {differing}")


def _derived(lake: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(lake)): path.read_bytes() for name in _DERIVED for path in (lake / name).rglob("*.parquet")
    }
