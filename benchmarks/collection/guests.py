"""The guests that everybody reads: small, without a system to boot, with capped disks.

They run, for collectd leaves paused guests out: the firmware finds nothing to boot and waits.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from live_guests import live_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from live_guests import LiveHost

GUESTS: Final = 60
DISKS: Final = 4
MEMORY_MIB: Final = 16
_DISK_BYTES: Final = 2**20


@contextmanager
def running_guests(tell: Callable[[str], None]) -> Iterator[LiveHost]:
    """Start a private libvirtd with running guests; at the end all are gone. ``tell`` hears what is going on."""
    tell(f"starting {GUESTS} guests")
    with live_host() as host:
        for number in range(GUESTS):
            definition = host.directory / f"guest-{number:02}.xml"
            definition.write_text(_domain_xml(host.directory, f"guest-{number:02}"), encoding="utf-8")
            host.virsh("create", str(definition))
        yield host


def libvirtd_pid(host: LiveHost) -> int:
    """Return the process id of a host's libvirtd."""
    return int((host.directory / "run" / "libvirt" / "libvirtd.pid").read_text(encoding="ascii"))


def qemu_pid(host: LiveHost, name: str) -> int:
    """Return the process id of a guest's QEMU."""
    return int((host.directory / "run" / "libvirt" / "qemu" / "run" / f"{name}.pid").read_text(encoding="ascii"))


def _domain_xml(directory: Path, name: str) -> str:
    disks = "".join(_disk_xml(directory, name, f"vd{'abcd'[number]}") for number in range(DISKS))
    return f"""\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>{MEMORY_MIB}</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
{disks}
    <memballoon model='none'/>
  </devices>
</domain>
"""


def _disk_xml(directory: Path, name: str, device: str) -> str:
    path = directory / f"{name}-{device}.raw"
    with path.open("wb") as file:
        file.truncate(_DISK_BYTES)
    path.chmod(0o666)
    return f"""\
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='{path}'/>
      <target dev='{device}' bus='virtio'/>
      <serial>{name}-{device}</serial>
      <iotune>
        <read_iops_sec>500</read_iops_sec>
        <write_iops_sec>200</write_iops_sec>
        <total_bytes_sec>104857600</total_bytes_sec>
      </iotune>
    </disk>
"""
