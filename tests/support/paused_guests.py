"""Guests that stay paused, with as many disks and caps as a test wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from live_guests import LiveHost


def start_paused(host: LiveHost, name: str, iotunes: Mapping[str, str]) -> str:
    """Define a guest and start it; return its UUID.

    ``iotunes`` has for each disk, by its device, what is in its ``<iotune>``, or nothing. A disk's serial
    number is ``name-device``. Beside them is an empty drive.
    """
    disks = ""
    for device, iotune in iotunes.items():
        image = host.raw_disk(f"{name}-{device}", 2**20)
        caps = f"<iotune>{iotune}</iotune>" if iotune else ""
        disks += (
            f"<disk type='file'><source file='{image}'/><target dev='{device}' bus='virtio'/>"
            f"<serial>{name}-{device}</serial>{caps}</disk>"
        )
    definition = host.directory / f"{name}.xml"
    definition.write_text(
        f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory>"
        "<os><type arch='x86_64' machine='q35'>hvm</type></os>"
        f"<devices>{disks}<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>"
        "<memballoon model='none'/></devices></domain>",
        encoding="utf-8",
    )
    host.virsh("define", str(definition))
    host.virsh("start", name, "--paused")
    return host.virsh("domuuid", name)
