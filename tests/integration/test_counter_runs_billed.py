"""What is billed when the counters of real disks begin again: what QEMU counted in each run, once.

The last sample of each run is taken while the guest is suspended, so that QEMU's own figure at that
moment is what metering can know of the run. What a disk does between that sample and the end of its
run is lost, and no more than that. A lake is filled through local URIs, another through remote ones.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from live_changes import block_counters, migrate, plug, unplug, wait_until_all_counters_passed
from live_guests import Guest, LiveHost, Truth, live_host, wait_until
from watch import WAYS, lakes_of

import ioledger
from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watch import Lakes

CAP = 300


@pytest.fixture(scope="module")
def host() -> Iterator[LiveHost]:
    with live_host() as started:
        yield started


@pytest.fixture(scope="module")
def started(host: LiveHost) -> Guest:
    """Return a guest whose disk the tests replace; it stands still in between."""
    guest = Guest("replugged", "vol-replugged")
    host.define(guest)
    host.virsh("start", guest.name)
    host.wait_for_ops(guest.name, 50)
    host.virsh("suspend", guest.name)
    return guest


@pytest.fixture
def guest(host: LiveHost, started: Guest) -> Iterator[str]:
    """Return the name of a guest whose disk has just been plugged in, and has done little so far."""
    host.virsh("resume", started.name)
    replug(host, started.name)
    host.wait_for_ops(started.name, 50)
    yield started.name
    host.virsh("suspend", started.name)


@pytest.fixture
def lakes(tmp_path: Path, host: LiveHost) -> Iterator[Lakes]:
    with lakes_of(tmp_path, kvm_a=host) as made:
        yield made


def count_and_collect(host: LiveHost, lakes: Lakes, guest: str) -> Truth:
    """Collect while the guest stands still; return what QEMU had counted then."""
    host.virsh("suspend", guest)
    lakes.collect()
    counted = host.truth(guest)
    host.virsh("resume", guest)
    return counted


def billed(lakes: Lakes, guest: str) -> dict[str, Truth]:
    """Build the usage of both lakes and add up a guest's."""
    now = datetime.now(UTC)
    amounts = ", ".join(f"sum({name})" for name in asdict(Truth(0, 0, 0, 0, 0)))
    totals = {}
    for way, lake in lakes.of.items():
        build(lake, now - timedelta(hours=1), now + timedelta(hours=1))
        vm_id = samples(lake, guest)[0]["vm_id"]
        with ioledger.open(lake) as opened:
            (row,) = opened.usage().filter(f"kind = 'io' AND vm_id = '{vm_id}'").aggregate(amounts).fetchall()
        totals[way] = Truth(*map(int, row))
    return totals


def samples(lake: Path, guest: str) -> list[dict[str, Any]]:
    """Return what was read of a guest while it ran, in the order of time."""
    with ioledger.open(lake) as opened:
        found = opened.samples().filter(f"state = 'ok' AND vm_name = '{guest}'").order("sampled_at")
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def both_ways(counted: Truth) -> dict[str, Truth]:
    return dict.fromkeys(WAYS, counted)


def replug(host: LiveHost, guest: str, serial: str = "vol-replugged") -> None:
    unplug(host, guest, "vda")
    plug(host, guest, "vda", host.directory / f"{guest}.raw", serial)


def test_a_restarted_libvirtd_and_a_replugged_disk(host: LiveHost, lakes: Lakes, guest: str) -> None:
    unbilled = count_and_collect(host, lakes, guest)
    host.daemon.restart()
    host.wait_for_ops(guest, 2000)
    first = count_and_collect(host, lakes, guest)
    replug(host, guest)
    host.wait_for_ops(guest, 50)
    second = count_and_collect(host, lakes, guest)
    assert billed(lakes, guest) == both_ways(first - unbilled + second)


def test_another_disk_that_has_done_more_than_the_one_before(host: LiveHost, lakes: Lakes, guest: str) -> None:
    unbilled = count_and_collect(host, lakes, guest)
    host.wait_for_ops(guest, 50)
    first, counted = count_and_collect(host, lakes, guest), block_counters(host, guest)["vda"]
    replug(host, guest, "vol-another")
    wait_until_all_counters_passed(host, guest, "vda", counted)
    second = count_and_collect(host, lakes, guest)
    assert billed(lakes, guest) == both_ways(first - unbilled + second)


def test_a_guest_that_moves_to_another_host_and_back(host: LiveHost, tmp_path: Path) -> None:
    guest = Guest("moving", "vol-moving", caps={"total_iops_sec": CAP})
    with (
        live_host() as other,
        lakes_of(tmp_path, kvm_a=host, kvm_b=other) as lakes,
        ThreadPoolExecutor(1) as pool,
    ):
        host.define(guest)
        lakes.collect()
        host.virsh("start", guest.name)
        host.wait_for_ops(guest.name, CAP)
        here = count_and_collect(host, lakes, guest.name)

        move = pool.submit(migrate, guest.name, host, other, "--bandwidth", "16")
        wait_until(lambda: guest.name in other.virsh("list", "--name", "--all"), "the guest on the other host")
        lakes.collect()
        move.result()
        moved_at = datetime.now(UTC)
        other.wait_for_ops(guest.name, CAP)
        there = count_and_collect(other, lakes, guest.name)

        migrate(guest.name, other, host)
        host.wait_for_ops(guest.name, CAP)
        back = count_and_collect(host, lakes, guest.name)
        host.virsh("destroy", guest.name)

    used = billed(lakes, guest.name)
    for way, lake in lakes.of.items():
        rows = samples(lake, guest.name)
        in_the_move = [row for row in rows if row["source"] == "kvm_a" and row["sampled_at"] < moved_at][-1]
        last = Truth(**{name: in_the_move[name] for name in asdict(here)})
        assert last.ops > here.ops, "a sample is to be one of the source while the guest is on two hosts"
        assert used[way] == last + there + back
        assert len({row["epoch"] for row in rows}) == 3
        assert {(row["source"], row["cap_total_iops"]) for row in rows} == {("kvm_a", CAP), ("kvm_b", CAP)}
