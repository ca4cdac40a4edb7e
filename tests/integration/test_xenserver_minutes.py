"""What disks of a pool did, minute by minute: amounts, what is not known, and which minutes a run reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lakes import NOON
from xen_pool import ADDRESSES, Load
from xen_reading import MINUTE, Runs, did, minutes, runs_of, states, steady
from xen_records import ref

if TYPE_CHECKING:
    from collections.abc import Iterator

NAN = float("nan")
START = int(NOON.timestamp())


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    with runs_of(monkeypatch) as made:
        yield made


def test_a_minute_is_twelve_steps_of_rates_in_whole_units(runs: Runs) -> None:
    vm = runs.pool.vm(1, name="web")
    volume = runs.pool.disk(vm, load=steady(2.4, 0.125, 1024.51, 0))
    runs.read()
    reading = runs.read(2.5)
    first, second = (dict(row) for row in reading.tables["disk_io_stat"])
    assert first == {
        "vm_id": vm,
        "vm_name": "web",
        "host_id": runs.pool.hosts[0],
        "device": "xvda",
        "volume_id": volume,
        "source_path": f"{runs.pool.sr}/{volume}",
        "state": "ok",
        "epoch": f"{vm}:xvda",
        "window_start": NOON,
        "sampled_at": NOON + MINUTE,
        "read_ops": 144,
        "write_ops": 8,
        "read_bytes": 61471,
        "write_bytes": 0,
    }
    assert (second["window_start"], second["sampled_at"]) == (NOON + MINUTE, NOON + 2 * MINUTE)


def test_the_time_beside_a_rate_is_the_end_of_its_step(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    burst = {START + 60: 10.0, START + 65: 3.0}
    runs.pool.disk(vm, load=Load(lambda at: {"iops_read": burst.get(at, 0.0), "read": 40960.0}))
    runs.read()
    assert [row[1] for row in did(runs.read(3), vm)] == [50, 15, 0]


def test_the_very_first_run_counts_nothing_and_a_new_vm_counts_from_the_last_run(runs: Runs) -> None:
    old = runs.pool.vm(1)
    runs.pool.disk(old, load=steady(1, 0, 4096, 0))
    runs.clock.let_pass(3 * 60)
    assert did(runs.read(), old) == []
    runs.clock.let_pass(60)
    new = runs.pool.vm(2)
    runs.pool.disk(new, load=steady(1, 0, 4096, 0))
    reading = runs.read(2)
    assert [row[0] for row in did(reading, old)] == minutes(NOON + 3 * MINUTE, 3)
    assert [row[0] for row in did(reading, new)] == minutes(NOON + 3 * MINUTE, 3)


def test_what_is_not_known_adds_nothing_and_is_never_0(runs: Runs) -> None:
    """In the first minute one step is unknown, in the second all, in the third all of writes."""
    vm = runs.pool.vm(1)
    known = {"iops_read": 2.0, "iops_write": 1.0, "read": 8192.0, "write": 4096.0}

    def rates(at: int) -> dict[str, float]:
        step = (at - START - 1) // 5
        if step == 7 or 12 <= step < 24:
            return dict.fromkeys(known, NAN)
        return {**known, "iops_write": NAN, "write": NAN} if step >= 24 else known

    runs.pool.disk(vm, load=Load(rates))
    runs.read()
    assert did(runs.read(3), vm) == [
        (NOON + MINUTE, 110, 55, 450560, 225280),
        (NOON + 3 * MINUTE, 120, None, 491520, None),
    ]


@pytest.mark.parametrize("value", ["Infinity", "-1.5"])
def test_what_no_disk_can_do_is_not_known(runs: Runs, value: str) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=steady(float(value), 1, 4096, 4096))
    runs.read()
    assert did(runs.read(1), vm) == [(NOON + MINUTE, None, 60, 245760, 245760)]


def test_a_disk_whose_operations_are_not_recorded_has_none_and_not_0(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=steady(9, 9, 4096, 8192, without=("iops_read", "iops_write")))
    runs.read()
    assert did(runs.read(1), vm) == [(NOON + MINUTE, None, None, 245760, 491520)]


def test_operations_since_the_plugin_began_are_not_those_of_five_seconds(runs: Runs) -> None:
    """A plugin that was restarted tells at first all operations since the disk was plugged in."""
    vm = runs.pool.vm(1)
    usual = {"iops_read": 100.0, "iops_write": 50.0, "read": 409600.0, "write": 204800.0}
    lifetime = {**usual, "iops_read": 4_000_000.0, "iops_write": 9_000_000.0, "write": NAN}
    runs.pool.disk(vm, load=Load(lambda at: lifetime if at == START + 30 else usual))
    runs.read()
    assert [row[1:] for row in did(runs.read(2), vm)] == [
        (5500, 2750, 24576000, 11264000),
        (6000, 3000, 24576000, 12288000),
    ]


def test_flushes_without_bytes_and_bytes_of_the_next_step_are_possible(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    early = {START + 30: {"iops_read": 50_000.0}, START + 35: {"read": 204_800_000.0}}
    runs.pool.disk(vm, load=Load(lambda at: {"iops_write": 900.0, **early.get(at, {})}))
    runs.read()
    assert did(runs.read(1), vm) == [(NOON + MINUTE, 250_000, 54_000, 1_024_000_000, 0)]


def test_a_vm_that_moved_is_read_on_its_new_host_from_where_it_was_read(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=steady(1, 0, 4096, 0))
    runs.read()
    first = runs.read(2)
    runs.pool.change("VM", vm, resident_on=ref(runs.pool.hosts[1]))
    second = runs.read(2)
    assert {row["host_id"] for row in second.tables["disk_io_stat"]} == {runs.pool.hosts[1]}
    ends = {row[0] for row in did(first, vm)} | {row[0] for row in did(second, vm)}
    assert sorted(ends) == minutes(NOON, 4)


def test_a_vm_that_is_just_moving_is_read_by_the_next_run(runs: Runs) -> None:
    """The pool lists it where it is going to be, and that host does not have its statistics yet."""
    pool = runs.pool
    moving, other = pool.vm(1, name="moving"), pool.vm(2, host=1, name="other")
    for vm in (moving, other):
        pool.disk(vm, load=steady(1, 0, 4096, 0))
    runs.read()
    pool.before = lambda what: pool.change("VM", moving, resident_on=ref(pool.hosts[what == "/rrd_updates"]))
    reading = runs.read(2)
    assert (reading.error, did(reading, moving)) == (None, [])
    assert states(reading) == {("moving", "xvda"): "ok"}
    pool.before = lambda _: None
    assert [row[0] for row in did(runs.read(2), moving)] == minutes(NOON, 4)


def test_a_vm_that_stays_without_statistics_is_named(runs: Runs) -> None:
    pool = runs.pool
    vm = pool.vm(1, name="quiet")
    pool.disk(vm)
    pool.disk(pool.vm(2, name="other"), load=steady(1, 0, 4096, 0))
    runs.read()
    pool.before = lambda what: pool.change("VM", vm, resident_on=ref(pool.hosts[what == "/rrd_updates"]))
    assert runs.read(5).error is None
    assert runs.read(4).error is None
    assert "quiet: the host that it is up on has no statistics of it" in (runs.read(1.5).error or "")
    pool.before = lambda _: None
    assert [row[0] for row in did(runs.read(1), vm)] == minutes(NOON + MINUTE, 10)


def test_after_an_outage_minutes_are_read_that_the_host_kept(runs: Runs) -> None:
    """The last ten are added up from steps, older ones are the host's own: none is missing or twice."""
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=Load(lambda at: {"iops_read": float(at // 60 % 100), "read": 409600.0}))
    runs.read()
    reading = runs.read(70.3)
    assert reading.error is None
    told = did(reading, vm)
    assert [row[0] for row in told] == minutes(NOON, 70)
    ends = [int(row[0].timestamp()) for row in told]
    assert [row[1] for row in told] == [5 * (11 * ((end - 60) // 60 % 100) + end // 60 % 100) for end in ends]
    intervals = [query["interval"] for _, what, query in runs.pool.asked[-2:] if what == "/rrd_updates"]
    assert intervals == ["60", "5"]


def test_what_a_host_no_longer_has_is_named(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=steady(1, 0, 4096, 0))
    runs.read()
    reading = runs.read(180)
    told = did(reading, vm)
    assert told[-1][0] == NOON + 180 * MINUTE
    assert 118 <= len(told) <= 120
    assert reading.error is not None
    assert f"up to {told[0][0] - MINUTE:%Y-%m-%dT%H:%MZ}" in reading.error
    assert runs.read(5).error is None


def test_the_run_after_reads_again_what_a_crash_may_have_lost(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=steady(1, 0, 4096, 0))
    runs.read()
    told = [[row[0] for row in did(runs.read(3), vm)] for _ in range(3)]
    assert told == [minutes(NOON, 3), minutes(NOON, 6), minutes(NOON + 3 * MINUTE, 6)]


def test_runs_within_a_minute_leave_the_last_minutes_to_be_read_again(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=steady(1, 0, 4096, 0))
    runs.read()
    told = [[row[0] for row in did(runs.read(wait), vm)] for wait in (2, 0.25, 0.25, 0.5)]
    assert told == [minutes(NOON, 2), [], [], minutes(NOON, 3)]


def test_a_vm_that_was_off_is_not_read_back_to_when_it_stopped(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=steady(1, 0, 4096, 0))
    runs.read()
    runs.read(5)
    runs.pool.off(vm)
    runs.read(5)
    runs.clock.let_pass(300 * 60)
    runs.read()
    runs.pool.change("VM", vm, power_state="Running", resident_on=ref(runs.pool.hosts[0]))
    for record in runs.pool.objects["VBD"].values():
        record.update(device="xvda", currently_attached=True)
    reading = runs.read(2)
    assert reading.error is None
    assert [row[0] for row in did(reading, vm)] == minutes(NOON + 310 * MINUTE, 2)


@pytest.mark.parametrize(("disturbed", "state", "count"), [("fails", "error", 0), ("hangs", "timeout", 1)])
def test_a_host_without_statistics_leaves_its_vms_for_the_next_run(
    monkeypatch: pytest.MonkeyPatch, disturbed: str, state: str, count: int
) -> None:
    with runs_of(monkeypatch, timeout_seconds=1) as runs:
        pool = runs.pool
        here, there = pool.vm(1, name="here"), pool.vm(2, host=1, name="there")
        for vm in (here, there):
            pool.disk(vm, load=steady(1, 0, 4096, 0))
        runs.read()
        if disturbed == "hangs":
            pool.hang(1)
        else:
            pool.answers["statistics of 1"] = 500, b"no"
        reading = runs.read(3)
        assert "what VMs did on xen-02: http://127.0.0.2:" in (reading.error or "")
        assert (states(reading), reading.timeout_count) == ({("there", "xvda"): state}, count)
        assert [row[0] for row in did(reading, here)] == minutes(NOON, 3)
        pool.hanging.set()
        pool.mend()
        reading = runs.read(3)
        assert reading.error is None
        assert [row[0] for row in did(reading, there)] == minutes(NOON, 6)


def test_minutes_are_those_of_the_hosts_clock(runs: Runs) -> None:
    """One host's clock is 30 minutes ahead, and one's behind: neither reads what was before the watch, or twice."""
    pool = runs.pool
    pool.ahead_seconds = [1800, -1800]
    ahead, behind = pool.vm(1), pool.vm(2, host=1)
    for vm in (ahead, behind):
        pool.disk(vm, load=steady(1, 0, 4096, 0))
    first, second = runs.read(), runs.read(3)
    assert (did(first, ahead), did(first, behind)) == ([], [])
    assert [row[0] for row in did(second, ahead)] == minutes(NOON + 30 * MINUTE, 3)
    assert [row[0] for row in did(second, behind)] == minutes(NOON - 30 * MINUTE, 3)


def test_a_clock_that_is_put_back_has_nothing_read_twice(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=steady(1, 0, 4096, 0))
    runs.read()
    runs.read(20)
    runs.pool.ahead_seconds[0] = -600
    again = [row[0] for wait in (1, 4, 4) for row in did(runs.read(wait), vm)]
    assert again == []
    assert [row[0] for row in did(runs.read(5), vm)][-4:] == minutes(NOON + 20 * MINUTE, 4)


def test_a_vm_whose_host_failed_from_the_first_run_on_counts_from_there(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=steady(1, 0, 4096, 0))
    runs.pool.answers["statistics of 0"] = 404, b""
    assert [runs.read(wait).error is None for wait in (0, 2)] == [False, False]
    runs.pool.mend()
    assert [row[0] for row in did(runs.read(2), vm)] == minutes(NOON, 4)


def test_hosts_without_vms_that_are_up_are_not_asked(runs: Runs) -> None:
    runs.pool.disk(runs.pool.vm(1, host=0), load=steady(1, 0, 4096, 0))
    runs.pool.disk(runs.pool.vm(2, host=None))
    runs.pool.hang(1)
    assert runs.read().error is None


def test_where_the_memory_is_lost_the_last_rows_of_the_lake_tell_it(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=steady(1, 0, 4096, 0))
    runs.read()
    last = runs.read(3).tables["disk_io_stat"][-1]
    runs.remembered, runs.last_rows = None, [last]
    assert [row[0] for row in did(runs.read(3), vm)] == minutes(NOON + 3 * MINUTE, 3)


def test_more_minutes_than_a_run_can_hold_are_read_by_the_next_ones(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.hypervisors.xenserver_windows.MOST_ROWS", 40)
    vms = [runs.pool.vm(number) for number in (1, 2)]
    for vm in vms:
        runs.pool.disk(vm, load=steady(1, 0, 4096, 0))
    runs.read()
    ends: set[Any] = set()
    errors = []
    for wait in (50, 1, 1):
        reading = runs.read(wait)
        assert len(reading.tables["disk_io_stat"]) <= 60
        errors.append(reading.error is None)
        ends |= {row[0] for row in did(reading, vms[0])}
    assert errors == [False, False, True]
    assert sorted(ends) == minutes(NOON, 52)


def test_averages_are_asked_for_as_xml(runs: Runs) -> None:
    vm = runs.pool.vm(1, host=1)
    runs.pool.disk(vm)
    runs.read()
    runs.pool.asked.clear()
    runs.read(5)
    (asked,) = [(ADDRESSES[host], query) for host, what, query in runs.pool.asked if what == "/rrd_updates"]
    expected = {"start": str(START), "interval": "5", "cf": "AVERAGE", "host": "true"}
    assert (asked[0], runs.pool.accepts) == (ADDRESSES[1], "text/xml")
    assert {name: value for name, value in asked[1].items() if name != "session_id"} == expected
