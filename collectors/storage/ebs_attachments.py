"""Which instance had a volume when: statistics of AWS are those of a volume, and name no instance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ioledger.clock import to_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HOLDING: Final = frozenset({"attached", "detaching", "busy"})
"""The states of an attachment in which the instance has the volume (VolumeAttachment, Amazon EC2 API reference)."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """An instance has a volume as a device since ``since_us``.

    ``gone_us`` is when a run first found that it no longer has; None while it has. The detachment
    itself lies somewhere between that run and the one before.
    """

    instance_id: str
    device: str
    since_us: int
    gone_us: int | None = None

    def is_same(self, other: Attachment) -> bool:
        """Tell whether both are one attachment, at whatever stage."""
        return replace(self, gone_us=None) == replace(other, gone_us=None)


def attachments_of(volume: Mapping[str, Any]) -> list[Attachment]:
    """Return the instances that have a volume of DescribeVolumes; a task of ECS is none, and has no device."""
    return [
        Attachment(str(each["InstanceId"]), str(each["Device"]), to_us(each["AttachTime"]))
        for each in volume.get("Attachments", [])
        if each.get("State") in HOLDING and each.get("InstanceId") and each.get("Device") and each.get("AttachTime")
    ]


def history(
    listed: Mapping[str, Sequence[Attachment]],
    remembered: Mapping[str, Sequence[Attachment]],
    now_us: int,
    *,
    is_complete: bool,
) -> dict[str, list[Attachment]]:
    """Return the attachments by volume: those of now, and what is remembered of earlier ones.

    Where the list of volumes ``is_complete``, what is no longer listed is gone; otherwise nothing is
    known of volumes that are not in it.
    """
    told = {volume: list(now) for volume, now in listed.items() if now}
    for volume, earlier in remembered.items():
        is_known = is_complete or volume in listed
        now = listed.get(volume, ())
        for each in earlier:
            if any(each.is_same(other) for other in now):
                continue
            gone = each if each.gone_us is not None or not is_known else replace(each, gone_us=now_us)
            told.setdefault(volume, []).append(gone)
    return told


def holder(attachments: Iterable[Attachment], start_us: int, end_us: int, *, is_shared: bool) -> Attachment | None:
    """Return whose the operations of a window (start, end] are; None where nobody had the volume, or several.

    A volume that can be attached to one instance at a time (not ``is_shared``, Multi-Attach) and
    changed hands within the window is given to the one that had it last.
    """
    holders = [
        each for each in attachments if each.since_us < end_us and (each.gone_us is None or each.gone_us > start_us)
    ]
    if is_shared and len({(each.instance_id, each.device) for each in holders}) > 1:
        return None
    return max(holders, key=lambda each: (each.since_us, each.instance_id, each.device), default=None)


def forgotten(told: Mapping[str, Sequence[Attachment]], before_us: int) -> dict[str, list[Attachment]]:
    """Return the attachments without those that were gone before any window that will still be read."""
    kept = {
        volume: [each for each in attachments if each.gone_us is None or each.gone_us > before_us]
        for volume, attachments in told.items()
    }
    return {volume: attachments for volume, attachments in kept.items() if attachments}
