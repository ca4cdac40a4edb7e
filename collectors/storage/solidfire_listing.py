"""The volumes of a cluster, page by page, and what of each is kept.

Source of names and meanings: ListActiveVolumes, "volume", "QoS" and ListQoSPolicies of the Element API
reference (https://docs.netapp.com/us-en/element-software/api/).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from collectors.storage.solidfire_client import ElementError
from collectors.storage.solidfire_values import OddValueError, count, moment, table, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from collectors.remote.unread import Unread
    from collectors.storage.solidfire_client import Element

PAGE_ITEMS: Final = 1000
"""Of the example of ListActiveVolumes; a cluster has 4000 volumes at most (volumeCountMax of GetLimits)."""

_READINGS: Final = 3
"""A list that is out of order is read again, twice at most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a QoS object sets, in operations of 4 KiB per second; None is not set."""

    min_iops: int | None = None
    max_iops: int | None = None
    burst_iops: int | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """What of a volume is kept; ``limits`` is None where the volume says nothing of its own."""

    number: int
    name: str | None
    iqn: str | None
    naa: str | None
    access: str | None
    size_bytes: int | None
    created: datetime | None
    limits: Limits | None
    policy: int | None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Listing:
    """What one reading of the list found, and what it could not."""

    volumes: dict[int, Volume] = field(default_factory=dict)
    unread: list[tuple[str, str]] = field(default_factory=list)
    is_ordered: bool = True


def list_volumes(element: Element, unread: Unread) -> list[Volume]:
    """Return all active volumes by their numbers, and note which could not be read.

    A list that is not in the order of the numbers, which it is documented to be, is read again.
    Raises SourceError where the first page fails.
    """
    for _ in range(_READINGS):
        listing = _read(element)
        if listing.is_ordered:
            break
    for what, reason in listing.unread:
        unread.note(what, reason)
    return list(listing.volumes.values())


def _read(element: Element) -> _Listing:
    """Read the pages, each from behind the last number of the one before, until one is empty.

    A page that is shorter than asked for proves nothing: the cluster may hand out fewer. A volume that
    is gone makes the next one the first of its page, so no page repeats or leaves out another.
    """
    listing = _Listing()
    start = 0
    while True:
        try:
            page = _page(element, start)
        except ElementError as error:
            if start == 0:
                raise element.failure(error) from error
            listing.unread.append((f"the volumes from number {start} on", error.reason))
            return listing
        for item in page:
            number = _number(item)
            if number is None or number < start:
                told = "none" if number is None else str(number)
                reason = f"where a volume's number was to be {start} or more, it was {told}"
                listing.unread.append(("the list of volumes", reason))
                listing.is_ordered = False
                return listing
            start = number + 1
            _keep(listing, number, item)
        if not page:
            return listing


def _page(element: Element, start: int) -> list[Any]:
    page = element.ask("ListActiveVolumes", startVolumeID=start, limit=PAGE_ITEMS).get("volumes")
    if not isinstance(page, list):
        raise ElementError("ListActiveVolumes: the answer has no list of volumes")
    return page


def _number(item: object) -> int | None:
    try:
        return count(item, "volumeID") if isinstance(item, dict) else None
    except OddValueError:
        return None


def _keep(listing: _Listing, number: int, item: Mapping[str, Any]) -> None:
    """Keep a volume, unless it is marked for deletion: then it takes no connections, and does nothing."""
    try:
        if text(item, "status") != "deleted":
            listing.volumes[number] = _volume(number, item)
    except OddValueError as error:
        listing.unread.append((f"volume {number}", str(error)))


def _volume(number: int, item: Mapping[str, Any]) -> Volume:
    qos = table(item, "qos")
    attributes = table(item, "attributes") or {}
    naa = text(item, "scsiNAADeviceID")
    return Volume(
        number,
        text(item, "name"),
        text(item, "iqn"),
        naa.lower() if naa else None,
        text(item, "access"),
        count(item, "totalSize"),
        moment(item, "createTime"),
        limits_of(qos) if qos else None,
        count(item, "qosPolicyID"),
        {key: str(value) for key, value in attributes.items() if isinstance(value, str | int)},
    )


def limits_of(qos: Mapping[str, Any]) -> Limits:
    """Return what a QoS object sets; 0, which no release documents as a limit, is none."""
    return Limits(count(qos, "minIOPS") or None, count(qos, "maxIOPS") or None, count(qos, "burstIOPS") or None)


def list_policies(element: Element) -> dict[int, Limits]:
    """Return the QoS policies by their numbers; ElementError or OddValueError where they cannot be read."""
    policies = element.ask("ListQoSPolicies").get("qosPolicies")
    if not isinstance(policies, list):
        raise ElementError("ListQoSPolicies: the answer has no list of policies")
    found = {}
    for policy in policies:
        if not isinstance(policy, dict):
            raise OddValueError("a QoS policy is no object")
        number, qos = count(policy, "qosPolicyID"), table(policy, "qos")
        if number is not None and qos is not None:
            found[number] = limits_of(qos)
    return found
