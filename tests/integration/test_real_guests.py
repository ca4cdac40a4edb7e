"""The main job on real guests, as a scheduled job does it: collect, check, build and show usage.

Three guests run under QEMU's software emulation. What QEMU itself has counted is the truth that the
usage must equal to the last operation, but for what metering cannot see: the operations between the
last sample of a QEMU process and its end. Guests are suspended around those samples, so that the
loss is known.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from live_guests import Guest, LiveHost, Truth, live_host

import ioledger
from ioledger.model.tables import OPERATION_CLASSES

if TYPE_CHECKING:
    from pathlib import Path

    from installed_wheel import Installation

SPLIT = Guest("split", "vol-split", caps={"read_iops_sec": 80, "write_iops_sec": 40})
TOTAL = Guest("total", "vol-total", caps={"total_iops_sec": 120})
FREE = Guest("free", "vol-free", requests=100, pause_seconds=1)
GUESTS = (SPLIT, TOTAL, FREE)

ARRAY = """\
volume_id,pool_id,backend,min_iops,max_iops,min_enforced,size_bytes
vol-total,gold,array-a,200,500,true,67108864
vol-free,gold,array-a,30,,true,67108864
"""
"""The second guest's minimum is above its cap; the third's is below what it does."""

SOLD = """\
volume_id,account_id,account_name,offering_id,sold_min_iops,size_bytes
vol-split,acme,Acme Ltd,bronze,,67108864
vol-total,acme,Acme Ltd,gold,200,67108864
vol-free,beta,Beta GmbH,silver,30,67108864
"""

CONFIGURATION = """\
lake = "lake"

[sources.array-a]
type = "storage-inventory"
provisioned_iops = "array.csv"

[sources.shop]
type = "controlplane-inventory"
entitlement = "sold.csv"

[sources.kvm-a]
type = "libvirt"
uri = "{uri}"
volume_id = [{{ from = "serial" }}]
"""

STEADY_OPS = 1000
"""Operations of a guest with a cap of 120 a second in the interval on which rates are judged."""


@dataclass(frozen=True)
class Interval:
    """The time between two samples, or since the start of the guest, and the operations in it."""

    start: datetime
    end: datetime
    read_ops: int
    write_ops: int
    caps: dict[str, int | None]

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    @property
    def is_at_cap(self) -> bool:
        """At 95 % of a cap or more."""
        ops = {"read": self.read_ops, "write": self.write_ops, "total": self.read_ops + self.write_ops}
        return any(
            cap is not None and ops[axis] * timedelta(seconds=100) >= 95 * cap * self.length
            for axis, cap in self.caps.items()
        )


@dataclass(frozen=True, repr=False)
class Story:
    """What happened, as QEMU counted it, and what ioledger says of it."""

    vm_ids: dict[str, str]
    counted: dict[str, Truth]
    samples: list[dict[str, Any]]
    latencies: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    usage: list[dict[str, Any]]

    def samples_of(self, guest: Guest) -> list[dict[str, Any]]:
        """Return a guest's samples in the order of time."""
        return [sample for sample in self.samples if sample["vm_id"] == self.vm_ids[guest.name]]

    def usage_of(self, guest: Guest) -> list[dict[str, Any]]:
        """Return a guest's usage, one row for each way in which it was limited."""
        return [row for row in self.usage if row["vm_id"] == self.vm_ids[guest.name]]

    def total(self, guest: Guest, amount: str) -> int:
        """Add up an amount of a guest's usage."""
        return sum(row[amount] for row in self.usage_of(guest))

    def intervals_of(self, guest: Guest) -> list[Interval]:
        """Return what lies between a guest's samples, the first of each epoch counted from its start."""
        found = []
        for opening, closing in pairwise(self.samples_of(guest)):
            is_first = opening["epoch"] != closing["epoch"]
            found.append(
                Interval(
                    start=closing["epoch_started_at"] if is_first else opening["sampled_at"],
                    end=closing["sampled_at"],
                    read_ops=closing["read_ops"] - (0 if is_first else opening["read_ops"]),
                    write_ops=closing["write_ops"] - (0 if is_first else opening["write_ops"]),
                    caps={axis: closing[f"cap_{axis}_iops"] for axis in ("read", "write", "total")},
                )
            )
        return found


class Job:
    """The scheduled job: the installed script, a configuration, and nothing else."""

    def __init__(self, installed: Installation, directory: Path, uri: str) -> None:
        self.installed = installed
        self.config = directory / "ioledger.toml"
        self.lake = directory / "lake"
        self.elsewhere = directory / "elsewhere"
        self.elsewhere.mkdir()
        self.run("init")
        self.config.write_text(CONFIGURATION.format(uri=uri), encoding="utf-8")
        (directory / "array.csv").write_text(ARRAY, encoding="utf-8")
        (directory / "sold.csv").write_text(SOLD, encoding="utf-8")

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        """Run a command of ioledger and return its standard output."""
        done = self.installed.run("--config", str(self.config), *arguments, directory=self.elsewhere)
        assert done.returncode == exit_code, done.stderr
        return done.stdout


def tell(host: LiveHost, job: Job) -> Story:
    """Let the guests live through a start, a restart and a restore, with samples in between."""
    vm_ids = {guest.name: host.define(guest) for guest in GUESTS}
    job.run("collect")
    for guest in GUESTS:
        host.virsh("start", guest.name)
    for guest in GUESTS:
        host.wait_for_ops(guest.name, 100)
    job.run("collect")
    host.wait_for_ops(TOTAL.name, STEADY_OPS)
    job.run("collect")

    for guest in (TOTAL, FREE):
        host.virsh("suspend", guest.name)
    job.run("collect")
    ended, lost = {}, {}
    for guest in (TOTAL, FREE):
        sampled = host.truth(guest.name)
        host.virsh("resume", guest.name)
        host.wait_for_ops(guest.name, 50)
        host.virsh("suspend", guest.name)
        ended[guest.name] = host.truth(guest.name)
        lost[guest.name] = ended[guest.name] - sampled
    host.virsh("destroy", TOTAL.name)
    host.virsh("start", TOTAL.name)
    host.save_and_restore(FREE.name)
    for guest in (TOTAL, FREE):
        host.wait_for_ops(guest.name, 200)
    job.run("collect")
    host.wait_for_ops(TOTAL.name, 200)

    for guest in GUESTS:
        host.virsh("suspend", guest.name)
    job.run("collect")
    counted = {guest.name: host.truth(guest.name) for guest in GUESTS}
    for name, before in ended.items():
        counted[name] = counted[name] + before - lost[name]
    assert all(unseen.ops >= 50 for unseen in lost.values()), "the loss must be one that a defect could not hide in"

    with ioledger.open(job.lake) as lake:
        sampled_rows, latency_rows = (
            [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
            for relation in (lake.samples().order("sampled_at"), lake.latency().order("interval_end"))
        )
    findings = json.loads(job.run("check", "--format", "json", exit_code=1))
    job.run("usage", "build")
    usage = json.loads(job.run("usage", "show", "--by", "vm", "--format", "json"))
    return Story(vm_ids, counted, sampled_rows, latency_rows, findings, usage)


@pytest.fixture(scope="module")
def story(installed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Story:
    with live_host() as host:
        return tell(host, Job(installed, tmp_path_factory.mktemp("job"), host.uri))


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_usage_is_what_qemu_counted_to_the_last_operation(story: Story, guest: Guest) -> None:
    used = {amount: story.total(guest, amount) for amount in asdict(story.counted[guest.name])}
    assert used == asdict(story.counted[guest.name])
    assert sum(story.total(guest, amount) for amount in OPERATION_CLASSES) == used["read_ops"] + used["write_ops"]
    assert story.total(guest, "unclassified_ops") == 0


@pytest.mark.parametrize(
    ("guest", "counters", "cap"),
    [
        (SPLIT, ("read_ops",), SPLIT.caps["read_iops_sec"]),
        (SPLIT, ("write_ops",), SPLIT.caps["write_iops_sec"]),
        (TOTAL, ("read_ops", "write_ops"), TOTAL.caps["total_iops_sec"]),
    ],
    ids=["reads", "writes", "total"],
)
def test_a_capped_guest_reaches_its_cap_and_no_more(
    story: Story, guest: Guest, counters: tuple[str, ...], cap: int
) -> None:
    opening, closing = story.samples_of(guest)[1:3]
    seconds = (closing["sampled_at"] - opening["sampled_at"]).total_seconds()
    ops = sum(closing[counter] - opening[counter] for counter in counters)
    # QEMU's bucket holds a tenth of a second's worth; a sample is stamped after its counters were read.
    assert 0.95 * cap * seconds <= ops <= cap * (seconds + 0.5) + cap / 10


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_at_cap_seconds_say_how_long(story: Story, guest: Guest) -> None:
    _, steady, *_ = intervals = story.intervals_of(guest)
    assert steady.is_at_cap == bool(guest.caps)
    at_cap = sum((interval.length for interval in intervals if interval.is_at_cap), timedelta())
    reported = sum(Decimal(row["at_cap_seconds"]) for row in story.usage_of(guest))
    assert reported == Decimal(at_cap // timedelta(microseconds=1)) / 10**6


def test_a_capped_guest_waits_and_an_idle_one_does_not(story: Story) -> None:
    # The second interval of each, in which all of them ran.
    split, total, free = (
        [row for row in story.latencies if row["vm_id"] == story.vm_ids[guest.name]][1] for guest in GUESTS
    )
    # Each guest has one read and one write under way; what it does between them is no waiting, and takes
    # longer on a busy machine.
    assert split["read_latency_us"] >= 0.5 * 10**6 / SPLIT.caps["read_iops_sec"]
    assert split["write_latency_us"] >= 0.5 * 10**6 / SPLIT.caps["write_iops_sec"]
    assert free["queue_depth"] < min(split["queue_depth"], total["queue_depth"]) < 2.5


def test_the_rules_name_the_guest_whose_cap_is_below_its_guarantee_and_no_other(story: Story) -> None:
    conflicts = [(found["code"], found["vm_id"]) for found in story.findings if found["code"] in {"QOS101", "QOS102"}]
    assert sorted(conflicts) == [("QOS101", story.vm_ids["total"]), ("QOS102", story.vm_ids["total"])]


def test_usage_tells_guaranteed_from_throttled_operations(story: Story) -> None:
    (split,), (total,), (free,) = (story.usage_of(guest) for guest in GUESTS)
    assert (split["qos_class"], split["provisioned"], split["throttled"]) == ("throttled", False, True)
    assert split["throttled_ops"] == split["read_ops"] + split["write_ops"]
    assert (total["qos_class"], total["provisioned"], total["throttled"]) == ("conflicting", True, True)
    assert total["guaranteed_ops"] == total["read_ops"] + total["write_ops"], "its cap keeps it below its minimum"
    assert (free["qos_class"], free["provisioned"], free["throttled"]) == ("guaranteed", True, False)
    assert free["guaranteed_ops"] <= 30 * Decimal(free["observed_seconds"])
    assert free["guaranteed_ops"] > 0
    assert free["best_effort_ops"] > 0


def test_a_restart_and_a_restore_begin_new_epochs_and_nothing_else_does(story: Story) -> None:
    for guest, epochs in ((SPLIT, 1), (TOTAL, 2), (FREE, 2)):
        first, *others = story.samples_of(guest)
        assert (first["state"], first["read_ops"], first["epoch"]) == ("off", None, None)
        assert len({sample["epoch"] for sample in others}) == epochs
        assert all(sample["device"] == "vda" and sample["state"] == "ok" for sample in others)
        assert story.total(guest, "resets") == epochs
