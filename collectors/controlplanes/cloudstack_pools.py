"""Rows of pools: what type and provider tell of them, and where hosts see the files and images in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from collectors.controlplanes.cloudstack_limits import limit, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ioledger.model.records import Row

SHARED: Final[Mapping[str, bool]] = {
    **dict.fromkeys(
        (
            "NetworkFilesystem", "IscsiLUN", "Iscsi", "CLVM", "RBD", "SharedMountPoint", "VMFS", "PreSetup", "OCFS2",
            "SMB", "Gluster", "PowerFlex", "ManagedNFS", "Linstor", "DatastoreCluster", "StorPool", "FiberChannel",
        ),
        True,
    ),
    **dict.fromkeys(("Filesystem", "ISO", "LVM", "EXT"), False),
}  # fmt: skip
"""By pool type: hosts share it. Source: com.cloud.storage.Storage.StoragePoolType of CloudStack 4.22."""


class _Limits(NamedTuple):
    """Which of its own limits a provider sets on a volume, and whether its pools can be managed."""

    minimum: bool
    maximum: bool
    burst: bool
    can_be_managed: bool


PROVIDERS: Final[Mapping[str, _Limits]] = {
    "SolidFire": _Limits(minimum=True, maximum=True, burst=True, can_be_managed=True),
    "SolidFireShared": _Limits(minimum=False, maximum=False, burst=False, can_be_managed=False),
    "PowerFlex": _Limits(minimum=False, maximum=True, burst=False, can_be_managed=True),
    "StorPool": _Limits(minimum=False, maximum=True, burst=False, can_be_managed=True),
    "Linstor": _Limits(minimum=False, maximum=True, burst=False, can_be_managed=True),
    "Datera": _Limits(minimum=False, maximum=True, burst=False, can_be_managed=True),
    "Flash Array": _Limits(minimum=False, maximum=False, burst=False, can_be_managed=True),
    "DefaultPrimary": _Limits(minimum=False, maximum=False, burst=False, can_be_managed=False),
}
"""By provider, as each registers itself in CloudStack 4.22. Only SolidFire reserves a minimum; on a
SolidFireShared pool the limits are those of the one array volume that all volumes of the pool share."""

COUNTS_DOWN: Final = "Linstor"
"""The provider that takes a volume's IOPS off capacityiops, which is then what remains."""

MOUNTS: Final = "/mnt"
"""Below it KVM hosts mount NFS pools, each by its id (LibvirtStorageAdaptor)."""


@dataclass(frozen=True)
class Pool:
    """A pool: its row, its type, and its path as the administrator gave it."""

    row: Row
    type: str | None
    path: str | None
    is_managed: bool

    def source_path(self, path: str) -> str | None:
        """Return what libvirt opens on a KVM host for a volume of this pool, as the libvirt source tells it.

        None for what is not the same on every host, or named by the storage's client (volumes of managed
        pools, LVM, PowerFlex and others).
        """
        if self.is_managed or not path or "/" in path:
            return None
        match self.type:
            case "NetworkFilesystem":
                return f"{MOUNTS}/{self.row['pool_id']}/{path}"
            case "Filesystem" | "SharedMountPoint" if self.path:
                return f"{self.path.rstrip('/')}/{path}"
            case "RBD" if self.path:
                return f"rbd:{self.path.strip('/')}/{path}"
        return None


def pool_of(item: Mapping[str, Any]) -> Pool:
    """Read a pool; raises ValueError for a figure that is none."""
    provider, kind = text(item, "provider"), text(item, "type")
    capacity = limit(item, "capacityiops")
    limits = PROVIDERS.get(provider or "")
    managed = item["managed"] if isinstance(item.get("managed"), bool) else None
    row = {
        "pool_id": item["id"],
        "name": text(item, "name"),
        "type": kind,
        "provider": provider,
        "shared": SHARED.get(kind or ""),
        "managed": managed,
        "can_be_managed": managed or (limits and limits.can_be_managed),
        "capacity_iops": capacity,
        "capacity_means": capacity and ("remaining" if provider == COUNTS_DOWN else "total"),
        "supports_min_iops": limits and limits.minimum,
        "supports_max_iops": limits and limits.maximum,
        "supports_burst_iops": limits and limits.burst,
        "zone_id": text(item, "zoneid"),
    }
    told = {name: value for name, value in row.items() if value not in (None, "")}
    return Pool(told, kind, text(item, "path"), managed is True)
