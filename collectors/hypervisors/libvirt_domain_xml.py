"""A libvirt domain's XML, read for its disks: what they are called, what is behind them, their caps."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from collectors.hypervisors.base import UnreadableGuestError
from ioledger.model.columns import LIMIT_AXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

REMOVABLE: Final = frozenset({"cdrom", "floppy"})
"""Kinds of drive that may be empty."""

_MEDIA: Final = frozenset({"file", "dev", "dir", "protocol", "volume"})
"""Attributes of ``<source>``, one of which is there when there is something behind a disk."""

_BURST_OF: Final = {"": "", "_max": "_burst", "_max_length": "_burst_seconds"}
_KIND_OF: Final = {"iops": "iops", "bytes": "bps"}

CAP_COLUMN_OF: Final[Mapping[str, str]] = {
    f"{direction}_{kind}_sec{burst}": f"cap_{direction}_{_KIND_OF[kind]}{_BURST_OF[burst]}"
    for direction in ("total", "read", "write")
    for kind in ("iops", "bytes")
    for burst in ("", "_max", "_max_length")
} | {"size_iops_sec": "cap_io_size"}
"""The elements of ``<iotune>`` and the columns they fill; source: libvirt, "Domain XML format"."""


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk that holds, or may hold, a customer's data.

    ``facts`` are its columns of ``disk_io_stat`` but for counters. ``counted`` is False where the
    requests bypass QEMU (vhost-user), which then has nothing to count.
    """

    device: str
    facts: Mapping[str, str | int]
    counted: bool = True
    chain: frozenset[int] = frozenset()
    traits: Mapping[str, str] = field(default_factory=dict)


def disks_of(xml: str) -> list[Disk]:
    """List a domain's disks in the order of its XML, without drives that hold no medium.

    Raises UnreadableGuestError where the XML is no domain, or an amount in it is no number.
    """
    try:
        domain = fromstring(xml, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise UnreadableGuestError(f"its XML cannot be parsed ({error})") from error
    groups = {group.findtext("group_name"): group for group in domain.iterfind("throttlegroups/throttlegroup")}
    return [
        _disk(element, target, groups)
        for element in domain.iterfind("devices/disk")
        if (target := _attribute(element, "target", "dev")) is not None and not _is_empty_drive(element)
    ]


def _disk(element: Element, target: str, groups: Mapping[str | None, Element]) -> Disk:
    facts = {
        "disk_serial": element.findtext("serial"),
        "disk_wwn": element.findtext("wwn"),
        "source_path": source_path(element),
        **_caps(element, groups),
    }
    known = {column: value for column, value in facts.items() if value is not None and value != ""}
    return Disk(target, known, counted=element.get("type") != "vhostuser")


def source_path(disk: Element) -> str | None:
    """Name what is behind a disk.

    The path for files, devices and directories; ``protocol:name`` for network disks, such as
    ``rbd:pool/image`` or ``iscsi:iqn.2026-01.example:array/1``, without the hosts, which are many
    and change; ``volume:pool/volume`` for volumes of libvirt's own pools. None where nothing is named.
    """
    source = disk.find("source")
    if source is None:
        return None
    if (protocol := source.get("protocol")) is not None:
        name = source.get("name")
        return f"{protocol}:{name}" if name else None
    if (volume := source.get("volume")) is not None:
        return f"volume:{source.get('pool', '')}/{volume}"
    return next((path for key in ("file", "dev", "dir") if (path := source.get(key))), None)


def _is_empty_drive(disk: Element) -> bool:
    source = disk.find("source")
    has_medium = source is not None and not _MEDIA.isdisjoint(source.keys())
    return disk.get("device") in REMOVABLE and not has_medium


def _attribute(element: Element, child: str, name: str) -> str | None:
    found = element.find(child)
    return None if found is None else found.get(name)


def _caps(disk: Element, groups: Mapping[str | None, Element]) -> dict[str, str | int]:
    """Read a disk's own caps, or those of the throttle groups that its requests pass through.

    A disk with throttle filters has no ``<iotune>``; its requests pass all of its groups, so the
    lowest cap of each axis is the one in force.
    """
    names = [name for filter_ in disk.iterfind("throttlefilters/throttlefilter") if (name := filter_.get("group"))]
    if names:
        caps = _lowest([_amounts(groups[name]) for name in names if name in groups])
        return {**caps, "cap_group": ",".join(names)}
    own = disk.find("iotune")
    if own is None:
        return {}
    group = own.findtext("group_name")
    return {**_amounts(own), **({"cap_group": group} if group else {})}


def _amounts(tune: Element) -> dict[str, int]:
    """Read the caps that are set; libvirt writes 0, or nothing, for what is not limited."""
    amounts = {}
    for name, column in CAP_COLUMN_OF.items():
        text = (tune.findtext(name) or "0").strip()
        if not text.isdecimal():
            raise UnreadableGuestError(f"its XML has {text!r} as {name}, which is no amount")
        if amount := int(text):
            amounts[column] = amount
    return amounts


def _lowest(groups: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Merge the caps of several groups: of each base the lowest, with the burst that belongs to it."""
    merged = {}
    for base in (*(f"cap_{axis}" for axis in LIMIT_AXES), "cap_io_size"):
        if limiting := [group for group in groups if base in group]:
            lowest = min(limiting, key=itemgetter(base))
            columns = (base, f"{base}_burst", f"{base}_burst_seconds")
            merged.update({column: lowest[column] for column in columns if column in lowest})
    return merged
