"""What operators and their tools do to running guests: disks replaced, backed up and moved, whole guests moved."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from live_guests import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from live_guests import LiveHost

COUNTERS = ("rd.reqs", "rd.bytes", "rd.times", "wr.reqs", "wr.bytes", "wr.times", "fl.reqs", "fl.times")


def plug(host: LiveHost, guest: str, device: str, file: Path, serial: str) -> None:
    """Plug a disk into a running guest."""
    definition = host.directory / f"{guest}-{device}.xml"
    definition.write_text(
        f"""<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{file}'/>
        <target dev='{device}' bus='virtio'/><serial>{escape(serial)}</serial></disk>""",
        encoding="utf-8",
    )
    host.virsh("attach-device", guest, str(definition), "--live")


def unplug(host: LiveHost, guest: str, device: str) -> None:
    """Unplug a disk from a running guest, and return when the guest has let go of it."""
    host.virsh("detach-disk", guest, device, "--live")
    wait_until(lambda: device not in block_counters(host, guest), f"guest {guest} to let go of {device}")


def overlay(host: LiveHost, guest: str, device: str, name: str) -> None:
    """Put a new file on top of a disk, as backup software does before it copies what lies below."""
    file = host.directory / f"{name}.qcow2"
    file.unlink(missing_ok=True)
    others = [f"--diskspec={other},snapshot=no" for other in block_counters(host, guest) if other != device]
    host.virsh("snapshot-create-as", guest, "--disk-only", "--no-metadata", f"--diskspec={device},file={file}", *others)


def commit(host: LiveHost, guest: str, device: str) -> None:
    """Write what is in the files on top of a disk into the lowest, and go on with that one alone."""
    host.virsh("blockcommit", guest, device, "--active", "--pivot", "--wait")


def pull(host: LiveHost, guest: str, device: str) -> None:
    """Write what is in the files below into the one on top, and go on with that one alone."""
    host.virsh("blockpull", guest, device, "--wait")


def copy(host: LiveHost, guest: str, device: str, name: str) -> None:
    """Move a disk to another file, in place of one that may be there."""
    file = host.directory / f"{name}.qcow2"
    file.unlink(missing_ok=True)
    host.virsh("blockcopy", guest, device, str(file), "--transient-job", "--pivot", "--wait")


def migrate(guest: str, source: LiveHost, target: LiveHost, *options: str) -> None:
    """Move a running guest from one host to another; both see the same files."""
    source.virsh("migrate", "--live", "--unsafe", guest, target.uri, "--migrateuri", "tcp://127.0.0.1", *options)


def block_counters(host: LiveHost, guest: str) -> dict[str, dict[str, int]]:
    """Ask libvirt for all counters of a running guest's disks, by device."""
    text = host.virsh("domstats", "--block", guest)
    stats = dict(line.strip().split("=", 1) for line in text.splitlines() if "=" in line)
    return {
        stats[f"block.{number}.name"]: {counter: int(stats[f"block.{number}.{counter}"]) for counter in COUNTERS}
        for number in range(int(stats["block.count"]))
    }


def wait_until_all_counters_passed(host: LiveHost, guest: str, device: str, before: dict[str, int]) -> None:
    """Wait until no counter of a disk tells that it began again: all are where they were, or higher."""
    wait_until(
        lambda: all(now >= before[counter] for counter, now in block_counters(host, guest)[device].items()),
        f"counters of {guest}'s {device} to pass {before}",
    )
