"""Machines that stop, move, come, go or lose a disk, as a vCenter simulator has them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pyVmomi import vim
from vsphere_reading import amounts

from collectors.hypervisors import vsphere

if TYPE_CHECKING:
    from http_proxy import Proxy
    from vcenter import Admin
    from vsphere_reading import Meter


@pytest.fixture
def machine(admin: Admin) -> Any:  # noqa: ANN401 - pyvmomi makes its classes
    return admin.digit(5)


def test_a_machine_that_is_off_says_so_with_its_limits(meter: Meter, admin: Admin) -> None:
    machine = admin.machine(30)
    admin.limit(machine, limit=440)
    meter.collect()
    meter.let_pass(300)
    admin.done(machine.PowerOffVM_Task())
    assert meter.collect().status == "ok"
    (row,) = meter.now(machine.name)
    assert (row["state"], row["cap_total_iops"], row["read_ops"]) == ("off", 440, None)
    assert meter.windows(machine.name) == []
    admin.done(machine.PowerOnVM_Task())
    meter.collect()
    (row,) = meter.now(machine.name)
    assert row["state"] == "ok"
    assert meter.windows(machine.name), "what the host still has from before is read"


def test_a_template_is_no_machine(meter: Meter, admin: Admin) -> None:
    machine = admin.machine(31)
    admin.done(machine.PowerOffVM_Task())
    machine.MarkAsTemplate()
    assert meter.collect().status == "ok"
    assert meter.now(machine.name) == []


def test_a_machine_that_moves_goes_on_counting(meter: Meter, admin: Admin, machine: Any) -> None:  # noqa: ANN401 - likewise
    hosts = {host._moId: host for host in admin.all_of(vim.HostSystem)}  # noqa: SLF001 - its only name for it
    meter.collect()
    meter.let_pass(300)
    meter.collect()
    there = machine.runtime.host._moId  # noqa: SLF001 - likewise
    other = next(host for moid, host in hosts.items() if moid != there)
    admin.done(machine.RelocateVM_Task(vim.vm.RelocateSpec(host=other)))
    meter.let_pass(300)
    meter.collect()
    assert [row["host_id"] for row in meter.now(machine.name)] == [other.name]
    rows = meter.windows(machine.name)
    assert {row["epoch"] for row in rows} == {f"{machine.config.instanceUuid}:scsi0:0"}
    assert {row["host_id"] for row in rows} == {hosts[there].name, other.name}


def test_a_machine_that_came_since_the_last_run_counts_from_there(meter: Meter, machine: Any) -> None:  # noqa: ANN401 - likewise
    meter.collect()
    meter.let_pass(300)
    vm_id = machine.config.instanceUuid
    meter.forget(vm_id)
    meter.collect()
    rows = meter.windows(machine.name)
    assert len(rows) >= 13
    assert rows[0]["read_ops"] == amounts(machine._moId, rows[0])["read_ops"]  # noqa: SLF001 - likewise


def test_a_memory_that_is_lost_goes_on_where_the_lake_ends(meter: Meter, machine: Any) -> None:  # noqa: ANN401 - likewise
    meter.collect()
    meter.let_pass(600, machine.config.instanceUuid)
    meter.collect()
    before = meter.windows(machine.name)
    meter.forget_everything()
    assert meter.collect().status == "ok"
    after = meter.windows(machine.name)
    assert after[: len(before)] == before
    ends = [row["sampled_at"] for row in after]
    assert len(set(ends)) == len(ends)


def test_what_a_host_does_not_keep_any_more_is_a_gap(meter: Meter, machine: Any, proxy: Proxy) -> None:  # noqa: ANN401 - likewise
    meter.collect()
    meter.let_pass(7200, machine.config.instanceUuid)
    began = datetime.now(UTC)
    assert meter.collect().status == "ok"
    assert len(meter.windows(machine.name)) >= 178
    starts = [
        start for asked in proxy.requests for start in re.findall("<startTime>(.+?)</startTime>", str(asked.body))
    ]
    assert min(map(datetime.fromisoformat, starts)) >= began - timedelta(hours=1), "older ones are of longer intervals"


def test_what_is_too_much_for_one_run_is_left_to_the_next(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vsphere, "MOST_ROWS", 200)
    meter.collect()
    for _ in range(2):
        meter.let_pass(300)
        outcome = meter.collect()
        assert outcome.status == "partial"
        assert "collect more often" in str(outcome.error)
    rows = meter.windows()
    by_run = Counter(row["run_id"] for row in rows)
    assert all(200 < count < 250 for count in by_run.values())
    assert len({(row["vm_id"], row["sampled_at"]) for row in rows}) == len(rows), "the next run reads others"
