"""What begins a new run of a disk's counters, and what does not, on real guests that read and write throughout.

Each guest is watched by a local URI, which can see the processes, and by a remote one, which
cannot. An epoch too many bills a disk's whole life again; one too few loses operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from live_changes import (
    block_counters,
    commit,
    copy,
    overlay,
    plug,
    pull,
    unplug,
    wait_until_all_counters_passed,
)
from live_guests import Guest, LiveHost, live_host, wait_until
from watch import WAYS, watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watch import Rows

    Act = Callable[[LiveHost], object]

WEB = "web"
SPARE = "spare"
CAP = 300
SMALL = 2**20


@pytest.fixture(scope="module")
def host() -> Iterator[LiveHost]:
    """One guest that keeps reading and writing vda; its vdb stays as it is."""
    with live_host() as started:
        started.define(Guest(WEB, "vol-web", caps={"total_iops_sec": CAP}))
        started.virsh("start", WEB)
        started.wait_for_ops(WEB, 50)
        plug(started, WEB, "vdb", started.raw_disk("second", SMALL), "vol-second")
        yield started


@pytest.fixture
def guest(host: LiveHost, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a guest of the test's own that has begun to read and write, without a cap."""
    name = request.node.name
    host.define(Guest(name, "vol-own"))
    host.daemon.restart()  # its id is then the next after those in use, as it would be after another restart
    host.virsh("start", name)
    host.wait_for_ops(name, 50)
    yield name
    host.virsh("destroy", name)


@pytest.fixture(scope="module")
def replugged(host: LiveHost) -> str:
    """Return a guest whose disk each test replaces; it stands still in between."""
    host.define(Guest(SPARE, "vol-spare"))
    host.virsh("start", SPARE)
    host.wait_for_ops(SPARE, 50)
    host.virsh("suspend", SPARE)
    return SPARE


@pytest.fixture
def young(host: LiveHost, replugged: str) -> Iterator[str]:
    """Give a guest whose disk has just been plugged in, and has done little so far."""
    host.virsh("resume", replugged)
    replug(host, replugged)
    host.wait_for_ops(replugged, 50)
    yield replugged
    host.virsh("suspend", replugged)


def kept(before: Rows, after: Rows) -> dict[tuple[str, str], bool]:
    """Tell for each way and device whether its epoch is the one it was."""
    assert all(row["state"] == "ok" for row in (*before.values(), *after.values()))
    return {disk: row["epoch"] == before[disk]["epoch"] for disk, row in after.items()}


def both_ways(**devices: bool) -> dict[tuple[str, str], bool]:
    return {(way, device): same for way in WAYS for device, same in devices.items()}


def suspend_and_resume(host: LiveHost) -> None:
    host.virsh("suspend", WEB)
    host.virsh("resume", WEB)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda host: host.virsh("reset", WEB), id="reset"),
        pytest.param(lambda host: host.reboot(WEB), id="reboot"),
        pytest.param(suspend_and_resume, id="suspend"),
        pytest.param(lambda host: host.daemon.restart(), id="libvirtd restarted"),
        pytest.param(lambda host: host.daemon.crash(), id="libvirtd killed"),
    ],
)
def test_counters_go_on_through(host: LiveHost, act: Act) -> None:
    with watching(host, WEB) as look:
        before = look()
        act(host)
        host.wait_for_ops(WEB, 50)
        after = look()
    assert kept(before, after) == both_ways(vda=True, vdb=True)
    assert all(after[way, "vda"]["read_ops"] > before[way, "vda"]["read_ops"] for way in WAYS)


def overlay_and_commit(host: LiveHost) -> None:
    overlay(host, WEB, "vda", "night")
    commit(host, WEB, "vda")


def commit_and_overlay(host: LiveHost) -> None:
    commit(host, WEB, "vda")
    overlay(host, WEB, "vda", "night")


def copy_away_and_back(host: LiveHost) -> None:
    copy(host, WEB, "vda", "away")
    copy(host, WEB, "vda", "moved")


def overlay_and_pull(host: LiveHost) -> None:
    overlay(host, WEB, "vda", "pulled")
    pull(host, WEB, "vda")


def test_counters_go_on_through_backups_and_moves_of_a_disk(host: LiveHost) -> None:
    steps: dict[str, Act] = {
        "a whole backup between two samples": overlay_and_commit,
        "a file on top": lambda host: overlay(host, WEB, "vda", "night"),
        "its commit, and a new file of the same name on top": commit_and_overlay,
        "commit": lambda host: commit(host, WEB, "vda"),
        "a copy to another file": lambda host: copy(host, WEB, "vda", "moved"),
        "a copy to a third and back": copy_away_and_back,
        "a file on top that takes everything": overlay_and_pull,
    }
    with watching(host, WEB) as look:
        rows = [look()]
        for act in steps.values():
            act(host)
            host.wait_for_ops(WEB, 20)
            rows.append(look())
    found = {step: kept(rows[0], after) for step, after in zip(steps, rows[1:], strict=True)}
    assert found == dict.fromkeys(steps, both_ways(vda=True, vdb=True))
    for way in WAYS:
        counted = [row[way, "vda"]["read_ops"] + row[way, "vda"]["write_ops"] for row in rows]
        assert counted == sorted(set(counted))


def restart(host: LiveHost, guest: str) -> None:
    host.virsh("destroy", guest)
    host.virsh("start", guest)


def managed_save_and_start(host: LiveHost, guest: str) -> None:
    host.virsh("managedsave", guest)
    host.virsh("start", guest)


def revert_to_a_snapshot(host: LiveHost, guest: str) -> None:
    overlay(host, guest, "vda", f"{guest}-snapshot")
    pull(host, guest, "vda")  # a snapshot within the file takes one that can hold it
    host.virsh("snapshot-create-as", guest, "before")
    host.virsh("snapshot-revert", guest, "before")
    host.virsh("snapshot-delete", guest, "before", "--metadata")


def test_every_new_process_is_a_new_run(host: LiveHost, guest: str) -> None:
    steps: dict[str, Callable[[LiveHost, str], None]] = {
        "restart": restart,
        "save and restore": LiveHost.save_and_restore,
        "managed save and start": managed_save_and_start,
        "revert": revert_to_a_snapshot,
    }
    with watching(host, guest) as look:
        rows = [look()]
        for act in steps.values():
            act(host, guest)
            rows.append(look())
    for way in WAYS:
        found = [row[way, "vda"]["epoch"] for row in rows]
        assert len(set(found)) == len(rows), f"{way}: {found}"


def replug(host: LiveHost, guest: str, serial: str = "vol-spare") -> None:
    unplug(host, guest, "vda")
    plug(host, guest, "vda", host.directory / f"{guest}.raw", serial)


def test_a_replugged_disk_begins_a_new_run_and_the_others_go_on(host: LiveHost, young: str) -> None:
    plug(host, young, "vdb", host.raw_disk("second-of-spare", SMALL), "vol-second-of-spare")
    host.wait_for_ops(young, 2000)
    with watching(host, young) as look:
        before = look()
        replug(host, young)
        after = look()
    unplug(host, young, "vdb")
    assert kept(before, after) == both_ways(vda=False, vdb=True)


def test_a_disk_that_was_seen_missing_begins_a_new_run_however_much_it_has_done(host: LiveHost, young: str) -> None:
    with watching(host, young) as look:
        before, counted = look(), block_counters(host, young)["vda"]
        unplug(host, young, "vda")
        missing = look()
        plug(host, young, "vda", host.directory / f"{young}.raw", "vol-spare")
        wait_until_all_counters_passed(host, young, "vda", counted)
        after = look()
    assert missing == {}
    assert kept(before, after) == both_ways(vda=False)


@pytest.mark.parametrize(("serial", "is_same"), [("vol-other", False), ("vol-spare", True)], ids=["other", "same"])
def test_a_replugged_disk_whose_counters_are_all_higher_is_known_by_its_serial_alone(
    host: LiveHost, young: str, serial: str, *, is_same: bool
) -> None:
    with watching(host, young) as look:
        before, counted = look(), block_counters(host, young)["vda"]
        replug(host, young, serial)
        wait_until_all_counters_passed(host, young, "vda", counted)
        after = look()
    # What else changes, changes also when a disk is copied to another file and back, and then its counters go on.
    assert kept(before, after) == both_ways(vda=is_same)


def cpu_seconds(host: LiveHost, guest: str) -> float:
    stats = dict(line.strip().split("=") for line in host.virsh("domstats", "--cpu-total", guest).splitlines()[1:])
    return int(stats["cpu.time"]) / 1e9


def test_a_new_process_is_a_new_run_though_it_has_the_old_id_and_higher_counters(host: LiveHost, guest: str) -> None:
    used_by_boot = cpu_seconds(host, guest)
    host.virsh("reset", guest)  # booting takes time of the CPU and hardly any of the disk
    wait_until(lambda: cpu_seconds(host, guest) > 2 * used_by_boot, f"guest {guest} to boot again")
    with watching(host, guest) as look:
        before, counted = look(), block_counters(host, guest)["vda"]
        domain_id, used = host.virsh("domid", guest), cpu_seconds(host, guest)
        host.virsh("destroy", guest)
        host.daemon.restart()
        host.virsh("start", guest)
        host.wait_for_ops(guest, 50)
        wait_until_all_counters_passed(host, guest, "vda", counted)
        assert host.virsh("domid", guest) == domain_id
        assert cpu_seconds(host, guest) < used, "without this nobody elsewhere could tell the two processes apart"
        after = look()
    assert kept(before, after) == both_ways(vda=False)
