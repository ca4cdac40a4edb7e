"""Which disk maps to which volume, by what, and where disks and volumes do not meet.

Told from the disks as their latest runs found them and from the rules as ioledger.toml has them now,
so that a rule can be tried without collecting. One LUN, one volume, one disk is what a guarantee needs:
several disks on one volume are told as well.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from collectors.hypervisors.volume_identity import match_of_disk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from collectors.hypervisors.volume_identity import DiskRule

FINDINGS: Final = ("not_read", "no_volume", "unknown_volume", "shared", "no_disk", "ok")
"""What can be said of a row, the worst first."""

TO_MEND: Final = frozenset({"not_read", "no_volume", "unknown_volume", "shared"})
"""Findings of which something should come; a volume may well have no disk at the moment."""

COLUMNS: Final = (
    "finding", "source", "host_id", "vm_id", "vm_name", "device", "state", "volume_id", "mapped_by",
    "stored_volume_id", "known_to", "disk_count", "disk_serial", "disk_wwn", "source_path",
)  # fmt: skip
"""What a row of the map says.

``mapped_by`` is ``alias`` or ``rule`` with what was looked at, or ``source`` where the source itself
names volumes; ``stored_volume_id`` is what the latest run stored; ``known_to`` the sources of storage
and control planes that list the volume; ``disk_count`` how many disks map to it.
"""

_UNREAD: Final = frozenset({"error", "timeout"})
_NAMES: Final = ("disk_serial", "disk_wwn", "source_path")


def volume_map(
    disks: Iterable[Mapping[str, Any]], rules: Mapping[str, Sequence[DiskRule]], known: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return one row per disk, and one per known volume without a disk, the worst first.

    ``disks`` are rows of ``latest_disk.sql``. ``rules`` has the rules of each source that goes by rules;
    of another source the volume that it stored is taken. ``known`` are the volumes, each with who knows
    it; if empty, nobody was asked, and no volume counts as unknown.
    """
    rows = [{**disk, **_mapped(disk, rules.get(disk["source"]))} for disk in disks]
    on_volume: dict[str, int] = defaultdict(int)
    for row in rows:
        if row["volume_id"] is not None:
            on_volume[row["volume_id"]] += 1
    for row in rows:
        row["known_to"] = known.get(row["volume_id"])
        row["disk_count"] = on_volume.get(row["volume_id"])
        row["finding"] = _finding(row, is_checked=bool(known))
    rows += [
        {"volume_id": volume_id, "known_to": known_to, "disk_count": 0, "finding": "no_disk"}
        for volume_id, known_to in known.items()
        if volume_id not in on_volume
    ]
    order = {finding: place for place, finding in enumerate(FINDINGS)}
    # Disks on one volume stand together; all others keep the order of guests and devices.
    return sorted(rows, key=lambda row: (order[row["finding"]], row["volume_id"] if row["finding"] == "shared" else ""))


def _mapped(disk: Mapping[str, Any], rules: Sequence[DiskRule] | None) -> dict[str, str | None]:
    if disk["alias_volume_id"] is not None:
        return {"volume_id": disk["alias_volume_id"], "mapped_by": f"alias ({disk['alias_namespace']})"}
    if rules is None:
        stored = disk["stored_volume_id"]
        return {"volume_id": stored, "mapped_by": None if stored is None else "source"}
    found = match_of_disk(rules, disk)
    if found is None:
        return {"volume_id": None, "mapped_by": None}
    return {"volume_id": found.volume_id, "mapped_by": f"rule {found.number} ({found.rule.looks_at})"}


def _finding(row: Mapping[str, Any], *, is_checked: bool) -> str:
    if row["volume_id"] is None:
        has_name = any(row[name] for name in _NAMES)
        return "not_read" if row["state"] in _UNREAD and not has_name else "no_volume"
    if is_checked and row["known_to"] is None:
        return "unknown_volume"
    return "shared" if row["disk_count"] > 1 else "ok"
