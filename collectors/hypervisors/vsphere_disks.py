"""Virtual disks of vSphere as columns of ``disk_io_stat``.

Names of fields: vSphere Web Services API, VirtualDisk, VirtualDeviceFileBackingInfo,
StorageIOAllocationInfo.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field
from pyVmomi import vim

from collectors.volume_rules import VolumeRule, first_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ACCOUNTED_BYTES: Final = 32 * 1024
"""What a limit counts as one operation.

Source: StorageIOAllocationInfo.reservation ("chunk size of 32 KB as default"); Broadcom article 385258
on the mClock scheduler, which enforces limits.
"""

_BUS_OF: Final = (
    (vim.vm.device.VirtualSCSIController, "scsi"),
    (vim.vm.device.VirtualIDEController, "ide"),
    (vim.vm.device.VirtualAHCIController, "sata"),
    (vim.vm.device.VirtualNVMEController, "nvme"),
)

_SNAPSHOT: Final = re.compile(r"-\d{6}(\.vmdk)$")
"""How the name of a file ends that has what was written to a disk since a snapshot."""


class VsphereRule(VolumeRule):
    """One rule about the file of a disk, its UUID, its id as a first class disk or the LUN that it is mapped to."""

    looks_at: Annotated[Literal["path", "uuid", "fcd", "lun"], Field(alias="from")]


@dataclass(frozen=True, slots=True)
class Disk:
    """A virtual disk: ``device`` is its place (``scsi0:0``), ``columns`` are those of its rows."""

    device: str
    columns: Mapping[str, object]


def disks_of(devices: Iterable[Any], rules: Sequence[VsphereRule]) -> Iterator[Disk]:
    """Yield the virtual disks among a VM's devices."""
    devices = list(devices)
    buses = {device.key: name for device in devices if (name := _bus(device))}
    for device in devices:
        if isinstance(device, vim.vm.device.VirtualDisk):
            place = buses.get(device.controllerKey)
            has_place = place is not None and device.unitNumber is not None
            name = f"{place}:{device.unitNumber}" if has_place else f"disk-{device.key}"
            yield Disk(name, {"device": name, **_identity(device, rules), **_limits(device.storageIOAllocation)})


def _bus(device: object) -> str | None:
    for controller, bus in _BUS_OF:
        if isinstance(device, controller):
            return f"{bus}{device.busNumber}"
    return None


def _identity(disk: Any, rules: Sequence[VsphereRule]) -> dict[str, object]:  # noqa: ANN401 - pyvmomi makes its classes
    backing = disk.backing
    path = own_file(backing)
    uuid = (getattr(backing, "uuid", None) or "").lower() or None
    lun = getattr(backing, "lunUuid", None) or None
    first_class = getattr(disk.vDiskId, "id", None) or None
    names = {"path": path, "uuid": uuid, "fcd": first_class, "lun": lun}
    found = first_match(rules, names)
    return {
        "volume_id": found.volume_id if found else first_class,
        "source_path": path,
        "disk_serial": uuid,
        # a guest sees a mapped LUN as the array shows it, at least where the mapping is physical
        "disk_wwn": uuid.replace("-", "") if uuid and not lun else None,
    }


def own_file(backing: Any) -> str | None:  # noqa: ANN401 - likewise
    """Return the file that a disk began with: ``[datastore] vm/disk.vmdk``, whatever snapshots it has.

    The base of a linked clone is another VM's, in another directory, and not its own.
    """
    path = getattr(backing, "fileName", None) or None
    parent = getattr(backing, "parent", None)
    while path is not None and parent is not None and _without_snapshot(path) == _without_snapshot(parent.fileName):
        path, parent = parent.fileName, getattr(parent, "parent", None)
    return path


def _without_snapshot(path: str) -> str:
    return _SNAPSHOT.sub(r"\1", path)


def _limits(allocation: Any) -> dict[str, object]:  # noqa: ANN401 - likewise
    """Read a StorageIOAllocationInfo: -1, 0 and unset are no limit, and a reservation of 0 is none."""
    if allocation is None:
        return {}
    limits: dict[str, object] = {}
    if (allocation.limit or 0) > 0:
        limits = {"cap_total_iops": int(allocation.limit), "cap_io_size": ACCOUNTED_BYTES}
    if (allocation.reservation or 0) > 0:
        limits["reserved_iops"] = int(allocation.reservation)
    if allocation.shares is not None:
        limits["shares"] = int(allocation.shares.shares)
    return limits
