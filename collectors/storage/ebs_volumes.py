"""The volumes of an account and region: what they are set to, and what they are called."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from collectors.storage.ebs_attachments import HOLDING
from collectors.storage.ebs_client import FAILURES, PAGE_ITEMS
from collectors.storage.ebs_performance import GIB, Performance, Setting, between, performance
from collectors.volume_rules import first_match
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from collectors.remote.unread import Unread
    from collectors.storage.ebs_client import Aws
    from collectors.storage.ebs_settings import EbsRule
    from ioledger.model.records import Row

Item = dict[str, Any]

_NO_VOLUME: Final = frozenset({"deleting", "deleted", "error"})
"""The states in which there is nothing that could do I/O (VolumeState, Amazon EC2 API reference)."""


def list_volumes(aws: Aws, unread: Unread) -> tuple[dict[str, Item], bool]:
    """Return the volumes by id, and whether these are all; SourceError where none can be listed."""
    items, is_complete = _all_of(aws, aws.ec2.describe_volumes, "Volumes", "volumes", unread)
    return {item["VolumeId"]: item for item in items if item.get("State") not in _NO_VOLUME}, is_complete


def list_modifications(aws: Aws, unread: Unread) -> dict[str, Item]:
    """Return the latest modification by volume; SourceError where none can be listed."""
    items, _ = _all_of(
        aws, aws.ec2.describe_volumes_modifications, "VolumesModifications", "modifications of volumes", unread
    )
    return {item["VolumeId"]: item for item in sorted(items, key=lambda item: item["StartTime"])}


def _all_of(aws: Aws, request: Callable[..., Any], key: str, what: str, unread: Unread) -> tuple[list[Item], bool]:
    items: list[Item] = []
    page_count = 0
    try:
        for page in aws.pages(request, MaxResults=PAGE_ITEMS):
            items += page.get(key, [])
            page_count += 1
    except FAILURES as error:
        reason = aws.reason(error)
        if not page_count:
            raise SourceError(
                f"the {what} cannot be listed: {reason}; `ioledger doctor` tells what is wrong"
            ) from error
        unread.note(f"the {what} after the first {len(items)}", reason)
        return items, False
    return items, True


def identities(volumes: Mapping[str, Item], rules: Sequence[EbsRule], unread: Unread) -> dict[str, str]:
    """Return the ``volume_id`` by the volume's own id: what the first rule that matches says, else that id.

    Of several volumes that the rules give one name, the first by id has it; the others are noted and
    have none.
    """
    named: dict[str, str] = {}
    holders: dict[str, str] = {}
    for native_id in sorted(volumes):
        tags = {tag["Key"]: tag["Value"] for tag in volumes[native_id].get("Tags", [])}
        match = first_match(rules, {"id": native_id, "name": tags.get("Name")})
        identity = match.volume_id if match else native_id
        first = holders.setdefault(identity, native_id)
        if first != native_id:
            unread.note(native_id, f"the rules name it {identity}, as they do {first}; correct the rules or its tags")
            continue
        named[native_id] = identity
    return named


def provisioned_rows(
    volumes: Mapping[str, Item], modifications: Mapping[str, Item], named: Mapping[str, str]
) -> Iterable[Row]:
    """Give the rows of ``provisioned_iops``."""
    for native_id, identity in named.items():
        volume = volumes[native_id]
        setting, settled, modified_at = _in_force(volume, modifications.get(native_id, {}))
        yield {
            "volume_id": identity,
            "native_id": native_id,
            "pool_id": f"{volume['AvailabilityZone']}/{setting.volume_type}",
            "backend": "ebs",
            "min_iops": settled.min_iops,
            "max_iops": settled.max_iops,
            "burst_iops": settled.burst_iops,
            "max_bps": settled.max_bps,
            "min_enforced": settled.min_enforced,
            "iops_unit_bytes": settled.iops_unit_bytes,
            "size_bytes": None if setting.size_gib is None else setting.size_gib * GIB,
            "attached_count": sum(each.get("State") in HOLDING for each in volume.get("Attachments", [])),
            "modified_at": modified_at,
        }


def _in_force(volume: Item, modification: Item) -> tuple[Setting, Performance, Any]:
    """Return what holds of a volume now, and when the modification began that it rests on.

    ``modifying``: the original settings. ``optimizing``: the new size and type, and a performance
    between the two. Otherwise what the volume says; a modification that failed changed nothing.
    """
    now = Setting(volume.get("VolumeType"), volume.get("Size"), volume.get("Iops"), volume.get("Throughput"))
    original, target = (_side(modification, side, now) for side in ("Original", "Target"))
    began_at = modification["StartTime"].astimezone(UTC) if modification.get("StartTime") else None
    match modification.get("ModificationState"):
        case "modifying":
            return original, performance(original), None
        case "optimizing":
            return target, between(performance(original), performance(target)), began_at
        case "completed":
            return now, performance(now), began_at
    return now, performance(now), None


def _side(modification: Item, side: str, now: Setting) -> Setting:
    kind = modification.get(f"{side}VolumeType") or now.volume_type
    size = modification.get(f"{side}Size") or now.size_gib
    return Setting(kind, size, modification.get(f"{side}Iops"), modification.get(f"{side}Throughput"))


def alias_rows(volumes: Mapping[str, Item], named: Mapping[str, str]) -> Iterable[Row]:
    """Give the rows of ``volume_alias``: guests see a volume's id without its dash as the NVMe serial number."""
    for native_id, identity in named.items():
        yield {
            "namespace": "serial",
            "alias": native_id.replace("-", ""),
            "volume_id": identity,
            "valid_from": volumes[native_id]["CreateTime"].astimezone(UTC),
        }
