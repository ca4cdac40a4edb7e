"""How long requests took and how many waited: small enough to work out with a pencil."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from lakes import MINUTE, NOON, a_run, new_lake, sample

import ioledger

if TYPE_CHECKING:
    from pathlib import Path

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND

FIRST = {"read_ops": 1000, "write_ops": 500, "read_time_ns": 90 * SECOND, "write_time_ns": 80 * SECOND}
"""What the disk had done, and how long that took, when it was first seen."""


def later(minute: int = 1, **columns: object) -> dict[str, Any]:
    """Give a sample by which reads took 30 s more than the first, and writes 60 s more."""
    later = {"read_ops": 4000, "write_ops": 500, "read_time_ns": 120 * SECOND, "write_time_ns": 140 * SECOND}
    return {"at": NOON + minute * MINUTE, **later, **columns}


def latencies(directory: Path, *samples: dict[str, Any]) -> list[dict[str, Any]]:
    """Store the samples of one disk, each in a run of its own, and give its intervals in order."""
    runs = [a_run(sample(**{"read_bytes": 0, "write_bytes": 0, **s}), at=s.get("at", NOON)) for s in samples]
    with ioledger.open(new_lake(directory, *runs)) as lake:
        found = lake.latency().order("interval_end")
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def test_times_are_shared_among_operations_and_seconds(tmp_path: Path) -> None:
    (found,) = latencies(tmp_path, FIRST, later(write_ops=2500, flush_time_ns=SECOND))
    assert (found["read_ops"], found["read_time_ns"]) == (3000, 30 * SECOND)
    assert found["read_latency_us"] == Decimal("10000.000"), "30 s for 3000 reads"
    assert found["write_latency_us"] == Decimal("30000.000"), "60 s for 2000 writes"
    assert found["queue_depth"] == Decimal("1.500000"), "30 s and 60 s in 60 s"
    assert found["flush_time_ns"] is None


def test_figures_are_exact_and_rounded_down(tmp_path: Path) -> None:
    (found,) = latencies(
        tmp_path, FIRST, later(read_ops=1007, read_time_ns=90 * SECOND + 20 * MILLISECOND, write_time_ns=80 * SECOND)
    )
    assert found["read_latency_us"] == Decimal("2857.142"), "20 000 000 ns for 7 reads"
    assert found["queue_depth"] == Decimal("0.000333"), "20 ms in 60 s"
    assert isinstance(found["queue_depth"], Decimal)


def test_waiting_is_told_from_idling(tmp_path: Path) -> None:
    waiting, idle = latencies(
        tmp_path,
        FIRST,
        later(read_ops=1001, write_time_ns=80 * SECOND),
        later(2, read_ops=1001, write_time_ns=80 * SECOND),
    )
    assert (waiting["read_ops"], waiting["queue_depth"]) == (1, Decimal("0.5"))
    assert (waiting["read_latency_us"], waiting["write_latency_us"]) == (Decimal(30_000_000), None)
    assert (idle["read_ops"], idle["queue_depth"]) == (0, Decimal(0))
    assert (idle["read_latency_us"], idle["write_latency_us"]) == (None, None), "nothing was asked, so nothing is known"


def test_after_a_reset_only_what_was_counted_since_is_told(tmp_path: Path) -> None:
    (found,) = latencies(tmp_path, FIRST, later(read_ops=100, read_time_ns=3 * SECOND, write_ops=0, write_time_ns=0))
    assert found["resets"] == 1
    assert (found["read_ops"], found["read_latency_us"]) == (100, Decimal("30000.000"))
    assert found["queue_depth"] == Decimal("0.050000")


def test_a_fall_of_the_time_alone_is_a_reset(tmp_path: Path) -> None:
    (found,) = latencies(tmp_path, FIRST, later(read_time_ns=8 * SECOND))
    assert (found["resets"], found["read_ops"], found["read_latency_us"]) == (1, 4000, Decimal("2000.000"))


def test_a_gap_is_told_over_its_whole_length(tmp_path: Path) -> None:
    (found,) = latencies(tmp_path, FIRST, later(60))
    assert found["is_gap"]
    assert (found["read_latency_us"], found["queue_depth"]) == (Decimal("10000.000"), Decimal("0.025000"))


@pytest.mark.parametrize("lacking", ["opening", "closing", "both"])
def test_without_times_nothing_is_known_though_operations_are(tmp_path: Path, lacking: str) -> None:
    nothing = {"read_time_ns": None, "write_time_ns": None}
    opening = FIRST | (nothing if lacking != "closing" else {})
    closing = later(**(nothing if lacking != "opening" else {}))
    (found,) = latencies(tmp_path, opening, closing)
    assert found["read_ops"] == 3000
    assert found["read_time_ns"] is found["read_latency_us"] is found["queue_depth"] is None


def test_a_time_that_is_known_is_told_without_the_other(tmp_path: Path) -> None:
    (found,) = latencies(tmp_path, FIRST, later(write_time_ns=None, write_ops=600))
    assert found["read_latency_us"] == Decimal("10000.000")
    assert found["write_latency_us"] is found["queue_depth"] is None, "a queue of reads alone would look shorter"


def test_rates_are_told_as_they_stand(tmp_path: Path) -> None:
    (found,) = latencies(tmp_path, {**later(read_time_ns=8 * SECOND, write_time_ns=0), "window_start": NOON})
    assert (found["read_latency_us"], found["queue_depth"]) == (Decimal("2000.000"), Decimal("0.133333"))


def test_the_longest_times_and_the_shortest_interval_do_not_overflow(tmp_path: Path) -> None:
    most = 2**63 - 1
    closing = {"read_ops": 1, "write_ops": 1, "read_time_ns": most, "write_time_ns": most}
    at = NOON + timedelta(microseconds=1)
    (found,) = latencies(tmp_path, {**closing, "window_start": NOON, "at": at})
    assert found["read_latency_us"] == Decimal(most) / 1000
    assert found["queue_depth"] == Decimal(2 * most) / 1000
