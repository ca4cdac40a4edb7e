"""What a cluster and its volumes are in the tables of the lake.

Source of names and meanings: "QoS", "volume", "volumeStats", "clusterCapacity" and "clusterInfo" of the
Element API reference (https://docs.netapp.com/us-en/element-software/api/).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from collectors.storage.solidfire_client import ElementError
from collectors.storage.solidfire_listing import Limits, list_policies
from collectors.storage.solidfire_settings import ATTRIBUTE
from collectors.storage.solidfire_values import OddValueError, count, moment, table, text
from collectors.volume_rules import first_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from collectors.remote.unread import Unread
    from collectors.storage.solidfire_client import Element
    from collectors.storage.solidfire_listing import Volume
    from collectors.storage.solidfire_settings import SolidfireRule
    from ioledger.model.records import Row

BACKEND: Final = "solidfire"

UNIT_BYTES: Final = 4096
"""All three limits count operations of 4 KB ("QoS"); a larger one counts as its curve says."""

_CLOSED: Final = frozenset({"locked", "replicationTarget"})
"""Values of a volume's ``access`` with which no host can read or write it."""

_BY_ID: Final = ("/dev/disk/by-id/wwn-0x", "/dev/disk/by-id/scsi-3", "/dev/disk/by-id/dm-uuid-mpath-3")
"""How udev's links to a LUN begin, plain and through multipath; its NAA id follows."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Which cluster it is: its name and its unique id, of four characters."""

    name: str
    unique_id: str


def cluster_of(element: Element) -> Cluster:
    """Ask which cluster it is; SourceError where that cannot be told, for volumes are named by it."""
    try:
        info = table(element.must("GetClusterInfo"), "clusterInfo") or {}
        name, unique_id = text(info, "name"), text(info, "uniqueID")
    except OddValueError as error:
        raise element.failure(ElementError(f"GetClusterInfo: {error}")) from error
    if unique_id is None:
        raise element.failure(ElementError("GetClusterInfo: the answer has no uniqueID"))
    return Cluster(name or unique_id, unique_id)


def identities(
    volumes: Sequence[Volume], cluster: Cluster, rules: Sequence[SolidfireRule], unread: Unread
) -> dict[int, str]:
    """Return the ``volume_id`` of each volume; of several with one name the first has it, the others have none."""
    named: dict[int, str] = {}
    owners: dict[str, int] = {}
    for volume in volumes:
        own_id = f"{cluster.unique_id}.{volume.number}"
        names = {"id": own_id, "name": volume.name, "iqn": volume.iqn, "wwn": volume.naa}
        names |= {f"{ATTRIBUTE}{key}": value for key, value in volume.attributes.items()}
        found = first_match(rules, names)
        name = found.volume_id if found else own_id
        owner = owners.setdefault(name, volume.number)
        if owner == volume.number:
            named[volume.number] = name
        else:
            unread.note(f"volume {volume.number}", f"the rules call it {name!r}, as volume {owner}; tell them apart")
    return named


def provisioned_rows(
    element: Element, volumes: Sequence[Volume], named: Mapping[int, str], cluster: Cluster, unread: Unread
) -> Iterator[Row]:
    """Give what each volume is set to; those whose limits stand in a policy that cannot be read have no row."""
    policies: dict[int, Limits] = {}
    reason = None
    if any(volume.limits is None and volume.policy is not None for volume in volumes):
        try:
            policies = list_policies(element)
        except (ElementError, OddValueError) as error:
            reason = str(error)
    for volume in volumes:
        limits = volume.limits
        if limits is None and volume.policy is not None:
            limits = policies.get(volume.policy)
            if limits is None:
                unread.note(f"QoS policy {volume.policy} of volume {volume.number}", reason or "it is not listed")
                continue
        if volume.number in named:
            yield _provisioned(volume, named[volume.number], cluster, limits or Limits())


def _provisioned(volume: Volume, volume_id: str, cluster: Cluster, limits: Limits) -> Row:
    return {
        "volume_id": volume_id,
        "pool_id": cluster.unique_id,
        "backend": BACKEND,
        "min_iops": limits.min_iops,
        "max_iops": limits.max_iops,
        "burst_iops": limits.burst_iops,
        "min_enforced": volume.access not in _CLOSED if limits.min_iops is not None else None,
        "iops_unit_bytes": UNIT_BYTES,
        "size_bytes": volume.size_bytes,
        "native_id": str(volume.number),
    }


def alias_rows(volumes: Iterable[Volume], named: Mapping[int, str], unread: Unread) -> Iterator[Row]:
    """Give the names by which a disk may know a volume, valid since it was made."""
    owners: dict[tuple[str, str], int] = {}
    for volume in volumes:
        if volume.number not in named or volume.created is None:
            continue
        aliases = [("iqn", volume.iqn)] if volume.iqn else []
        if volume.naa:
            aliases += [("wwn", volume.naa), *(("path", start + volume.naa) for start in _BY_ID)]
        for key in aliases:
            if owners.setdefault(key, volume.number) != volume.number:
                unread.note(f"volume {volume.number}", f"its {key[0]} {key[1]} is that of volume {owners[key]} as well")
                continue
            namespace, alias = key
            yield {
                "namespace": namespace,
                "alias": alias,
                "volume_id": named[volume.number],
                "valid_from": volume.created,
            }


def pool_rows(element: Element, cluster: Cluster, unread: Unread) -> Iterator[Row]:
    """Give the cluster as the one pool that it is; none where its capacity cannot be read."""
    try:
        capacity = table(element.ask("GetClusterCapacity"), "clusterCapacity") or {}
        capacity_iops = count(capacity, "maxIOPS") or None
    except (ElementError, OddValueError) as error:
        unread.note("the cluster's capacity", str(error))
        return
    yield {
        "pool_id": cluster.unique_id,
        "name": cluster.name,
        "provider": BACKEND,
        "shared": True,
        "can_be_managed": True,
        "capacity_iops": capacity_iops,
        "capacity_means": "total" if capacity_iops is not None else None,
        "supports_min_iops": True,
        "supports_max_iops": True,
        "supports_burst_iops": True,
    }


def statistics_rows(element: Element, named: Mapping[int, str], unread: Unread) -> Iterator[Row]:
    """Give the cluster's own counters of the volumes that it listed, with the time at which it counted."""
    try:
        told = element.ask("ListVolumeStatsByVolume").get("volumeStats")
    except ElementError as error:
        unread.note("the statistics of volumes", error.reason)
        return
    if not isinstance(told, list):
        unread.note("the statistics of volumes", "ListVolumeStatsByVolume: the answer has no list of them")
        return
    seen: set[int] = set()
    for item in told:
        try:
            row = _statistics(item, named, seen)
        except OddValueError as error:
            unread.note("the statistics of a volume", str(error))
        else:
            if row is not None:
                yield row


def _statistics(item: Any, named: Mapping[int, str], seen: set[int]) -> Row | None:  # noqa: ANN401 - JSON
    """Return a volume's counters; None where it is not listed, or its counters were told before."""
    if not isinstance(item, dict):
        raise OddValueError("they are no object")
    number = count(item, "volumeID")
    if number is None:
        raise OddValueError("volumeID is missing")
    if number not in named or number in seen:
        return None
    sampled_at = moment(item, "timestamp")
    if sampled_at is None:
        raise OddValueError(f"those of volume {number} have no timestamp")
    seen.add(number)
    return {
        "sampled_at": sampled_at,
        "volume_id": named[number],
        "native_id": str(number),
        "read_ops": count(item, "readOps"),
        "write_ops": count(item, "writeOps"),
        "read_bytes": count(item, "readBytes"),
        "write_bytes": count(item, "writeBytes"),
    }
