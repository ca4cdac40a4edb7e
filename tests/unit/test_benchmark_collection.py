"""The benchmark of collection: what it reads from others' words, and what it makes of its numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from benchmarks.collection import rounds as readers
from benchmarks.collection.__main__ import main
from benchmarks.collection.contenders import reads_seconds
from benchmarks.collection.processes import (
    Footprint,
    cpu_seconds,
    descendants,
    footprint,
    footprints_of_children,
    memory_bytes,
)
from benchmarks.collection.report import Measured, holdings_table, raw, readers_table, stuck_text
from benchmarks.collection.rounds import Pair
from benchmarks.collection.service import Holdings
from benchmarks.collection.stuck import Moment, StuckRuns

COLLECTD_LOG = """\
[2026-11-25 06:46:15] Initialization complete, entering read-loop.
[2026-11-25 06:46:17] plugin_read_thread: read-function of the `virt-0' plugin took 2.166 seconds, which is above its \
read interval (0.001 seconds). You might want to adjust the `Interval' or `ReadThreads' settings.
[2026-11-25 06:46:18] plugin_read_thread: read-function of the `cpu' plugin took 0.002 seconds, which is above its \
read interval (0.001 seconds). You might want to adjust the `Interval' or `ReadThreads' settings.
[2026-11-25 06:46:19] plugin_read_thread: read-function of the `virt-0' plugin took 1.555 seconds, which is above its \
read interval (0.001 seconds). You might want to adjust the `Interval' or `ReadThreads' settings.
[2026-11-25 06:46:20] plugin_read_thread: read-function of the `virt-0' plugin took 1.6"""

ROLLUP = """\
55d0c0a00000-7ffc0a1f2000 ---p 00000000 00:00 0                          [rollup]
Rss:              101376 kB
Pss:               58205 kB
Pss_Dirty:         41984 kB
Pss_Anon:          41984 kB
Shared_Clean:      47616 kB
"""

TENTH = Pair(0.1, 0.1)
ROUNDS = {
    readers.RUN: [Pair(0.12, 0.1, 0.07, 0.04), Pair(0.24, 0.2, 0.08, 0.06), Pair(0.9, 0.1, 0.09, 0.05)],
    readers.EXPORTER: [Pair(0.36, 0.1), Pair(0.48, 0.2), Pair(0.9, 0.1)],
    readers.COLLECTD: [TENTH] * 3,
    readers.COLLECTD_LISTING: [TENTH] * 3,
    readers.ONE_SHOT: [TENTH] * 3,
}

SMALL = Footprint(process_count=1, rss_bytes=30_000_000, pss_bytes=20_000_000, handle_count=7, thread_count=2)
BIG = Footprint(process_count=1, rss_bytes=110_000_000, pss_bytes=90_000_000, handle_count=5, thread_count=3)
EARLY, LATE = Holdings(5, BIG, SMALL), Holdings(10_000, BIG, SMALL)


def stuck_runs() -> StuckRuns:
    moment = Moment(EARLY, BIG)
    return StuckRuns(
        hang_count=10,
        run_count=100,
        timeout_runs=99,
        whole_runs=98,
        median_run_seconds=0.4,
        longest_run_seconds=1.7,
        other_client_seconds=0.1,
        recovered_seconds=8.2,
        before=moment,
        while_stuck=moment,
        after=moment,
    )


def row_of(table: str, first: str) -> list[str]:
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()]
    return next(row for row in rows if row[0] == first)


def test_collectds_log_tells_how_long_the_virt_plugin_read() -> None:
    assert reads_seconds(COLLECTD_LOG) == [2.166, 1.555]


def test_times_are_compared_within_their_round() -> None:
    assert readers.ratios_to_bulk(ROUNDS)[readers.RUN] == pytest.approx(1.2)
    assert readers.ratios_to_bulk(ROUNDS)[readers.BULK] == 1
    assert readers.ratios_to_run(ROUNDS)[readers.EXPORTER] == pytest.approx(2)
    assert readers.ratios_to_run(ROUNDS)[readers.RUN] == 1
    assert readers.median_seconds(ROUNDS)[readers.RUN] == pytest.approx(0.24)
    assert readers.median_seconds(ROUNDS)[readers.BULK] == pytest.approx(0.1)


def test_the_table_has_every_reader_with_its_ratios() -> None:
    table = readers_table(ROUNDS)
    assert row_of(table, readers.RUN)[1:5] == ["1.20", "1.00", "240", "80"]
    assert row_of(table, readers.EXPORTER)[1:5] == ["3.60", "2.00", "480", ""]
    assert row_of(table, readers.BULK)[1:5] == ["1.00", "", "100", "50"]
    assert all(row_of(table, name) for name in ROUNDS)


def test_resident_and_proportional_memory_are_read_in_bytes() -> None:
    assert memory_bytes(ROLLUP) == {"Rss": 101376 * 1024, "Pss": 58205 * 1024}


def test_children_of_children_count_and_strangers_do_not() -> None:
    assert descendants(10, {10: 1, 11: 10, 12: 11, 13: 1, 14: 10, 15: 13}) == [11, 14, 12]


def test_a_process_and_its_children_are_measured() -> None:
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'print(1, flush=True); input()']).wait()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        held, below = footprint(parent.pid), footprints_of_children(parent.pid)
        parent.communicate()
    assert [child.process_count for child in below] == [1]
    for one in (held, *below):
        assert 1_000_000 < one.pss_bytes <= one.rss_bytes < 100_000_000
        assert one.thread_count == 1
        assert one.handle_count >= 3


def test_cpu_time_is_that_of_a_process_and_its_children() -> None:
    busy = "import time\nwhile time.process_time() < 0.2: pass\nprint(1, flush=True); input()"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {busy!r}]).wait()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        while_there = cpu_seconds(parent.pid)
        parent.communicate()
    assert 0.19 <= while_there < 2


def test_a_child_that_nobody_waited_for_is_seen() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    remains = Footprint(process_count=1, rss_bytes=0, pss_bytes=0, handle_count=0, thread_count=0)
    assert remains in footprints_of_children(os.getpid())
    child.wait()


def test_what_is_held_is_shown_early_and_late() -> None:
    table = holdings_table([EARLY, LATE], [EARLY, EARLY, LATE])
    assert table.count("\n") == 6
    assert row_of(table, "back to back")[1:] == ["5", "140", "110", "110", "30", "1", "5", "7"]
    assert "10,000" in table


def test_a_stuck_guest_is_told_of_or_why_not() -> None:
    text = stuck_text(stuck_runs())
    assert "Of 100 runs while it hung, 99 have a row of state `timeout`" in text
    assert row_of(text, "libvirtd")[1:] == ["5, 3, 90"] * 3
    assert stuck_text("no run was stored") == "Not measured: no run was stored.\n"


def test_the_raw_numbers_are_kept_in_full() -> None:
    kept = json.loads(raw(Measured(0.1, 2.0, ROUNDS, [EARLY, LATE], [EARLY, LATE], stuck_runs())))
    assert kept["rounds"][readers.RUN][1] == {
        "seconds": 0.24,
        "bulk_seconds": 0.2,
        "cpu_seconds": 0.08,
        "bulk_cpu_seconds": 0.06,
    }
    assert kept["service"][1]["children"]["handle_count"] == 7
    assert kept["stuck"]["whole_runs"] == 98


def test_too_few_runs_to_see_growth_are_refused() -> None:
    done = CliRunner().invoke(main, ["--runs", "3"])
    assert done.exit_code == 2
    assert "3 is not in the range x>=50" in done.output
