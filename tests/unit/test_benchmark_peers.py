"""The benchmark beside the peers: its truth, what it reads from others' answers, and what it makes of its numbers."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.activity import COUNTERS, days
from benchmarks.fleet import Fleet
from benchmarks.fleet_lake import write_lake
from benchmarks.measure import WrongResultError
from benchmarks.peers import engines, prometheus
from benchmarks.peers.collectd import sum_of
from benchmarks.peers.errors import errors, judge_hours, judge_months
from benchmarks.peers.found import by_disk_and_hour
from benchmarks.peers.history import BEGAN, CALM, GAP, HIDDEN, History, history
from benchmarks.peers.measure import compare
from benchmarks.peers.readings import Readings, cloudstack_usage, readings
from benchmarks.peers.verdict import Verdict
from benchmarks.truth import Truth

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.fleet import Integers

EVENTFUL = Fleet(8, seed=12)
CRASHES = Fleet(8, seed=6, crash_share=1.0)
DAYS = 1  # in the lake
TWO_DAYS = 2


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("peers") / "lake"
    write_lake(directory, EVENTFUL, DAYS)
    return directory


def truth_of(fleet: Fleet, day_count: int) -> Truth:
    truth = Truth(fleet)
    for day in days(fleet, day_count):
        truth.add(day)
    return truth


def metered(fleet: Fleet, day_count: int) -> Integers:
    truth = truth_of(fleet, day_count)
    return truth.amounts["read_ops"] + truth.amounts["write_ops"]


def test_what_disks_did_is_what_metering_finds_unless_no_reading_shows_it() -> None:
    told = history(EVENTFUL, TWO_DAYS)
    assert told.ops.sum(axis=1).tolist() == metered(EVENTFUL, TWO_DAYS).tolist()
    assert {CALM, BEGAN, GAP} <= set(np.unique(told.kind).tolist())

    crashed = history(CRASHES, TWO_DAYS)
    unseen = crashed.ops.sum(axis=1) - metered(CRASHES, TWO_DAYS)
    has_hidden = (crashed.kind == HIDDEN).any(axis=1)
    assert unseen.sum() > 0
    assert unseen.min() == 0
    assert not (unseen[~has_hidden]).any()


def test_hours_with_missed_readings_are_those_of_the_readings_beside_the_gap() -> None:
    told = history(CRASHES, 1)
    day = next(days(CRASHES, 1))
    disk, minute = (int(found[0]) for found in np.nonzero(~day.visible))

    assert told.kind[disk, (minute - 1) // 60] >= GAP
    assert (told.kind[day.visible.all(axis=1)] <= BEGAN).all()


@pytest.mark.parametrize("name", [engines.LIKE_FOR_LIKE, "DuckDB, lag", "pandas", "Polars", "SQLite"])
def test_engines_subtract_the_same(name: str, lake: Path, tmp_path: Path) -> None:
    engines.ENGINES[name][1](lake, EVENTFUL.start, EVENTFUL.end(DAYS), tmp_path / "found.parquet")

    found = by_disk_and_hour(tmp_path / "found.parquet", EVENTFUL, DAYS)
    assert found.sum() == metered(EVENTFUL, DAYS).sum() - truth_of(EVENTFUL, DAYS).from_zero_ops
    assert (found > 0).sum() > DAYS * 24


def test_a_build_is_right_by_the_disk_and_nearly_so_by_the_hour(lake: Path, tmp_path: Path) -> None:
    built = tmp_path / "lake"
    shutil.copytree(lake, built)
    for name in (engines.SUBJECT, engines.QUESTION):
        engines.ENGINES[name][1](built, EVENTFUL.start, EVENTFUL.end(DAYS), tmp_path / f"{name}.parquet")
    by_hour, asked = (
        by_disk_and_hour(tmp_path / f"{name}.parquet", EVENTFUL, DAYS) for name in (engines.SUBJECT, engines.QUESTION)
    )

    judged = judge_hours(history(EVENTFUL, DAYS), by_hour)

    assert judged.months is not None
    assert judged.months.wrong_count == 0
    assert judged.by_kind["undisturbed"] is not None
    assert 0 < judged.by_kind["undisturbed"].off_share < 0.001
    compare("usage build", by_hour.sum(axis=1), "usage show", asked.sum(axis=1))
    with pytest.raises(WrongResultError, match="1 of them elsewhere than usage build"):
        compare("usage build", by_hour.sum(axis=1), "usage show", asked.sum(axis=1) + np.eye(8, dtype=np.int64)[0])


def test_a_real_prometheus_tells_nearly_what_the_disks_did(lake: Path, tmp_path: Path) -> None:
    stored = prometheus.backfill(lake, EVENTFUL, DAYS, tmp_path / "prometheus", lambda _: None)
    with prometheus.server(EVENTFUL, DAYS, 1, tmp_path / "prometheus") as server:
        by_hour, by_month = server.by_hour(), server.by_month()
        asked = server.ask_by_month()

    read = readings(lake, EVENTFUL, EVENTFUL.disk_count)
    assert stored.value_count == len(read.disk) * len(COUNTERS)
    assert stored.byte_count > stored.value_count
    told = history(EVENTFUL, DAYS)
    for judged in (judge_hours(told, by_hour), judge_months(told, by_month)):
        assert judged.months is not None
        assert 0 < judged.months.off_share < 0.02
    assert asked.wall_seconds > 0


def test_errors_count_what_is_missing_and_what_is_too_much() -> None:
    found = errors(np.array([100, 200, 0, 700]), np.array([110.0, 190.0, 5.0, float("nan")]))

    assert found is not None
    assert (found.count, found.wrong_count) == (4, 4)
    assert found.median == pytest.approx(0.1)
    assert found.worst == 1.0
    assert found.off_share == pytest.approx(0.725)
    assert found.net_share == pytest.approx(-0.695)
    assert errors(np.array([0]), np.array([3])) is None


def test_months_of_disks_of_which_no_reading_tells_are_judged_apart() -> None:
    told = History(np.array([[10, 10], [10, 10]]), np.array([[CALM, HIDDEN], [CALM, CALM]]))

    judged = judge_hours(told, np.array([[10, 4], [10, 10]]))

    assert judged.months is not None
    assert judged.known_months is not None
    assert (judged.months.off_share, judged.known_months.off_share) == (0.15, 0.0)
    assert [each is None for each in judged.by_kind.values()] == [False, True, True, False]


def test_cloudstacks_rule_takes_a_lower_counter_for_a_new_one_and_the_first_as_usage() -> None:
    start, minute = EVENTFUL.start_us, 60_000_000
    counters = {"read_ops": np.array([7, 10, 4, 5]), "write_ops": np.array([0, 1, 2, 0])}
    read = Readings(2, np.array([0, 0, 0, 1]), start + np.array([0, 59 * minute, 61 * minute, 5 * minute]), counters)

    used = cloudstack_usage(read, EVENTFUL, 1)

    assert used[:, :3].tolist() == [[11, 5, 0], [5, 0, 0]]
    assert read.every(5, EVENTFUL).disk.tolist() == [0, 1]


def test_round_robin_files_are_summed_from_the_moment_on_that_is_asked_for() -> None:
    told = """\
                           read               write

1740787260: 1.0000000000e+00 2.0000000000e+00
1740787320: nan nan
1740787380: 3.0000000000e+00 1.0000000000e+00
1740787440: -nan -nan
"""
    assert sum_of(told, 1740787230) == (30 * 3.0 + 60 * 4.0, 1740787380, 60)


def test_hours_end_when_prometheus_is_asked() -> None:
    start = EVENTFUL.start.timestamp()
    assert [prometheus.hour_before(EVENTFUL, start + 3600 * hour) for hour in (1, 48)] == [0, 47]


def test_who_is_behind_is_told_so() -> None:
    ahead = Verdict("time", ours=2.0, theirs=3.0, peer="Polars", unit="s", why="")
    behind = Verdict("memory", ours=30.0, theirs=10.0, peer="Polars", unit="MB", why="")
    exact = Verdict("months", ours=0.0, theirs=0.01, peer="Polars", unit="share", why="")

    assert [each.word() for each in (ahead, behind, exact)] == ["yes, 1.5 times", "**no**, 3.0 times", "yes, exact"]
    assert [each.is_ahead for each in (ahead, behind, exact)] == [True, False, True]
    assert (behind.shown(30.0), exact.shown(0.01)) == ("30 MB", "1.0000 %")
