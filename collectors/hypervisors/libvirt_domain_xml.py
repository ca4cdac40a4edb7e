"""A libvirt domain's XML, read for its disks: what they are called and what is behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as DefusedET

from collectors.hypervisors.base import UnreadableGuestError
from collectors.hypervisors.libvirt_caps import caps_of, throttle_groups

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element

REMOVABLE: Final = frozenset({"cdrom", "floppy"})
"""Kinds of drive that may be empty."""

MAX_XML_CHARACTERS: Final = 4 * 2**20
"""The longest XML that is read: a string that libvirt's protocol carries has at most 4 MiB."""

_MEDIA: Final = frozenset({"file", "dev", "dir", "protocol", "volume"})
"""Attributes of ``<source>``, one of which is there when there is something behind a disk."""

_IMAGES: Final = frozenset({"source", "backingStore", "dataStore", "mirror"})
"""Elements that may hold the number of an image behind a disk; libvirt 9 writes it on the first two."""

_MAX_IMAGE_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk that holds, or may hold, a customer's data.

    ``facts`` are its columns of ``disk_io_stat`` but for counters. ``counted`` is False where the
    requests bypass QEMU (vhost-user), which then has nothing to count. ``chain`` are the numbers that
    libvirt gave to the images behind it, while its guest runs; ``traits`` what cannot change while it
    is plugged in. ``throttle_groups`` holds, by name, the caps of each throttle group of its filters.
    """

    device: str
    facts: Mapping[str, str | int]
    counted: bool = True
    chain: frozenset[int] = frozenset()
    traits: Mapping[str, str] = field(default_factory=dict)
    throttle_groups: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def caps(self) -> dict[str, str | int]:
        """Those of ``facts`` that cap it."""
        return {column: value for column, value in self.facts.items() if column.startswith("cap_")}


def disks_of(xml: str) -> list[Disk]:
    """List a domain's disks in the order of its XML, without drives that hold no medium.

    Raises UnreadableGuestError where the XML is no domain or too long, an amount in it is no number, or
    a disk cannot be told from another by its name.
    """
    domain = _domain(xml)
    groups = throttle_groups(domain)
    disks: dict[str, Disk] = {}
    for element in domain.iterfind("devices/disk"):
        if not _is_empty_drive(element):
            disk = _disk(element, groups)
            if disk.device in disks:
                raise UnreadableGuestError(f"its XML has two disks with the name {disk.device!r}")
            disks[disk.device] = disk
    return list(disks.values())


def _domain(xml: str) -> Element:
    if len(xml) > MAX_XML_CHARACTERS:
        raise UnreadableGuestError(f"its XML has {len(xml)} characters; at most {MAX_XML_CHARACTERS} are read")
    try:
        # Only a document type declares entities. Without one the parser in C is safe, and takes a third of the time.
        may_declare = "<!DOCTYPE" in xml
        domain = DefusedET.fromstring(xml, forbid_dtd=True) if may_declare else ET.fromstring(xml)  # noqa: S314
    except (ET.ParseError, DefusedXmlException, ValueError) as error:
        raise UnreadableGuestError(f"its XML cannot be parsed ({error})") from error
    if domain.tag != "domain":
        raise UnreadableGuestError("its XML is no domain")
    return domain


def _disk(element: Element, groups: Mapping[str, Element]) -> Disk:
    target = element.find("target")
    device = None if target is None else target.get("dev")
    if not device:
        raise UnreadableGuestError("its XML has a disk without a name")
    caps, passed = caps_of(element, groups)
    named = {
        "disk_serial": element.findtext("serial"),
        "disk_wwn": element.findtext("wwn"),
        "source_path": source_path(element),
    }
    known = {column: value for column, value in named.items() if value}
    return Disk(
        device,
        {**known, **caps},
        counted=element.get("type") != "vhostuser",
        chain=_chain(element),
        traits={name: known[name] for name in ("disk_serial", "disk_wwn") if name in known},
        throttle_groups=passed,
    )


def _chain(disk: Element) -> frozenset[int]:
    indexes = (element.get("index", "") for element in disk.iter() if element.tag in _IMAGES)
    return frozenset(
        int(index) for index in indexes if index.isascii() and index.isdecimal() and len(index) <= _MAX_IMAGE_DIGITS
    )


def source_path(disk: Element) -> str | None:
    """Name what is behind a disk.

    The path for files, devices, directories and sockets; ``protocol:name`` for network disks, such as
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
    return next((path for key in ("file", "dev", "dir", "path") if (path := source.get(key))), None)


def _is_empty_drive(disk: Element) -> bool:
    source = disk.find("source")
    has_medium = source is not None and not _MEDIA.isdisjoint(source.keys())
    return disk.get("device") in REMOVABLE and not has_medium
