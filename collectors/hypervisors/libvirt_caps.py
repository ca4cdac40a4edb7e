"""The caps of a libvirt guest's disks: as its XML has them, by throttle group, and as QEMU enforces them.

libvirt's 0 is no limit, which is NULL in a row that exists. What could not be read has no row. All
layers tell bursts as QEMU takes them, so that caps which are the same look the same: QEMU lets a burst
for which no length is set last one second (and says so), and knows no length without a burst.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from collectors.hypervisors.base import UnreadableGuestError
from ioledger.errors import shown
from ioledger.model.columns import LIMIT_AXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from collectors.hypervisors.libvirt_domain_xml import Disk
    from ioledger.model.records import Row

_BURST_OF: Final = {"": "", "_max": "_burst", "_max_length": "_burst_seconds"}
_KIND_OF: Final = {"iops": "iops", "bytes": "bps"}

CAP_COLUMN_OF: Final[Mapping[str, str]] = {
    f"{direction}_{kind}_sec{burst}": f"cap_{direction}_{_KIND_OF[kind]}{_BURST_OF[burst]}"
    for direction in ("total", "read", "write")
    for kind in ("iops", "bytes")
    for burst in ("", "_max", "_max_length")
} | {"size_iops_sec": "cap_io_size"}
"""The elements of ``<iotune>``, and the keys of ``blockIoTune``, with the columns that they fill.

Source: libvirt, "Domain XML format"; libvirt-domain.h, VIR_DOMAIN_BLOCK_IOTUNE_*.
"""

MAX_AMOUNT: Final = 2**63 - 1
"""The greatest amount that a column holds; QEMU itself takes no cap above 10^15."""

_DEFAULT_BURST_SECONDS: Final = 1

_OWN_BUCKET: Final = re.compile(r"/machine/peripheral.*|drive-.*", re.DOTALL)
"""How QEMU names the bucket of a disk in no group: by the disk's device, or, before libvirt 5.10, its drive."""


def caps_of(disk: Element, groups: Mapping[str, Element]) -> tuple[dict[str, str | int], dict[str, dict[str, int]]]:
    """Read what caps a disk, and the caps of each throttle group that its requests pass through.

    ``groups`` are the domain's ``<throttlegroup>`` elements by name. A disk with throttle filters
    (libvirt 11.2) has no ``<iotune>``; its requests pass all of its groups, so the lowest cap of each
    axis is the one in force. Raises UnreadableGuestError for an amount that is none, and for a group
    that the domain does not have.
    """
    passed = {name: _amounts_of_group(name, groups) for name in _filters(disk)}
    if passed:
        return {**_lowest(list(passed.values())), "cap_group": ",".join(passed)}, passed
    own = disk.find("iotune")
    if own is None:
        return {}, {}
    caps: dict[str, str | int] = {**_amounts(own)}
    if group := own.findtext("group_name"):
        caps["cap_group"] = group
    return caps, {}


def throttle_groups(domain: Element) -> dict[str, Element]:
    """List a domain's ``<throttlegroup>`` elements by name."""
    found = domain.iterfind("throttlegroups/throttlegroup")
    return {name: group for group in found if (name := group.findtext("group_name"))}


def cap_rows(
    vm_id: str,
    live: Sequence[Disk],
    definition: Sequence[Disk] | None,
    tunes: Mapping[str, Mapping[str, object] | str],
) -> tuple[list[Row], list[str]]:
    """Make the rows of ``disk_cap`` of one guest, and say what could not be read, worded to follow its name.

    ``live`` are its disks as they are now; ``definition`` those of its persistent definition, None for
    a transient guest, or where it could not be read; ``tunes`` holds, by device, what ``blockIoTune``
    says QEMU enforces, or the reason why it says nothing.

    The layer ``config`` has a row for every disk of the definition, ``qemu`` one for every disk that
    was asked for, ``group`` one for every disk and throttle group of its filters. For a disk with filters
    there is no row of layer ``qemu``: its groups are enforced beside what ``blockIoTune`` looks at.
    The group that ``<iotune>`` names is no layer of its own: it has no caps but those of its disks.
    """
    rows: list[Row] = [
        {"vm_id": vm_id, "device": disk.device, "layer": "config", **disk.caps} for disk in definition or ()
    ]
    problems = []
    for disk in live:
        tune = tunes.get(disk.device)
        if tune is not None and not disk.throttle_groups:
            try:
                enforced = _enforced(tune, disk.caps.get("cap_group"))
            except UnreadableGuestError as error:
                problems.append(f"what QEMU enforces on {disk.device} cannot be told ({error})")
            else:
                rows.append({"vm_id": vm_id, "device": disk.device, "layer": "qemu", **enforced})
        rows += [
            {"vm_id": vm_id, "device": disk.device, "layer": "group", **caps, "cap_group": name}
            for name, caps in disk.throttle_groups.items()
        ]
    return rows, problems


def _enforced(tune: Mapping[str, object] | str, group_of_disk: str | int | None) -> dict[str, str | int]:
    """Read an answer of ``blockIoTune``.

    QEMU gives a capped disk that is in no group a bucket that is named after the disk itself: that is
    no group, unless the disk's XML names it.
    """
    if isinstance(tune, str):
        raise UnreadableGuestError(tune)
    amounts = {name: _told(name, tune[name]) for name in CAP_COLUMN_OF if name in tune}
    caps: dict[str, str | int] = {**_in_force(amounts)}
    group = tune.get("group_name", "")
    if not isinstance(group, str):
        raise UnreadableGuestError(f"libvirt says {shown(group)} as group_name, which is no name")
    if group and (group == group_of_disk or not _OWN_BUCKET.fullmatch(group)):
        caps["cap_group"] = group
    return caps


def _told(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_AMOUNT:
        raise UnreadableGuestError(f"libvirt says {shown(value)} as {name}, which is no amount")
    return value


def _filters(disk: Element) -> Iterator[str]:
    for found in disk.iterfind("throttlefilters/throttlefilter"):
        if not (name := found.get("group")):
            raise UnreadableGuestError("its XML has a throttle filter without a group")
        yield name


def _amounts_of_group(name: str, groups: Mapping[str, Element]) -> dict[str, int]:
    if name not in groups:
        raise UnreadableGuestError(f"its XML has a disk in the throttle group {shown(name)}, but no such group")
    return _amounts(groups[name])


def _amounts(tune: Element) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for element in tune:
        if element.tag in CAP_COLUMN_OF:
            # Of several, libvirt takes the first.
            amounts.setdefault(element.tag, _amount(element))
    return _in_force(amounts)


def _amount(element: Element) -> int:
    text = "".join(element.itertext()).strip()
    digits = len(str(MAX_AMOUNT))
    if not (text.isascii() and text.isdecimal() and len(text) <= digits) or int(text) > MAX_AMOUNT:
        raise UnreadableGuestError(f"its XML has {shown(text)} as {element.tag}, which is no amount")
    return int(text)


def _in_force(amounts: Mapping[str, int]) -> dict[str, int]:
    """Name amounts by their columns, without what is not limited; bursts as the module says."""
    caps = {CAP_COLUMN_OF[name]: amount for name, amount in amounts.items() if amount}
    for burst, seconds in _BURSTS:
        if burst in caps:
            caps.setdefault(seconds, _DEFAULT_BURST_SECONDS)
        else:
            caps.pop(seconds, None)
    return caps


_BASES: Final = tuple(f"cap_{axis}" for axis in LIMIT_AXES)
_BURSTS: Final = tuple((f"{base}_burst", f"{base}_burst_seconds") for base in _BASES)


def _lowest(groups: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Merge the caps of several groups: of each base the lowest, with the burst that belongs to it."""
    merged = {}
    for base in (*_BASES, "cap_io_size"):
        if limiting := [group for group in groups if base in group]:
            lowest = min(limiting, key=itemgetter(base))
            columns = (base, f"{base}_burst", f"{base}_burst_seconds")
            merged.update({column: lowest[column] for column in columns if column in lowest})
    return merged
