"""The volumes of an account and region: what they are set to, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, TypeVar

from collectors.storage.ebs_attachments import HOLDING, attachments_of
from collectors.storage.ebs_client import FAILURES, PAGE_ITEMS
from collectors.storage.ebs_performance import GIB, Performance, Setting, between, performance
from collectors.volume_rules import first_match
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from collectors.remote.unread import Unread
    from collectors.storage.ebs_attachments import Attachment
    from collectors.storage.ebs_client import Aws
    from collectors.storage.ebs_settings import EbsRule
    from ioledger.model.records import Row

Item = dict[str, Any]
T = TypeVar("T")

_NO_VOLUME: Final = frozenset({"deleting", "deleted", "error"})
"""The states in which there is nothing that could do I/O (VolumeState, Amazon EC2 API reference)."""


_NO_ITEM: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What an item raises that lacks a member, or has one that is none."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What is kept of a volume; ``holder_count`` counts tasks of ECS as well, ``attachments`` instances alone."""

    setting: Setting
    zone: str
    name: str | None
    created_at: datetime
    is_shared: bool
    holder_count: int
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class Modification:
    """What is kept of a modification; settings that AWS does not tell are None."""

    state: str | None
    began_at: datetime
    original: Setting
    target: Setting


class Listing:
    """The pages of one list of EC2; ``is_complete`` is false once a page is missing."""

    def __init__(self, aws: Aws, unread: Unread, what: str) -> None:
        self._aws = aws
        self._unread = unread
        self._what = what
        self.is_complete = True

    def items(self, request: Callable[..., Any], key: str) -> Iterator[Item]:
        """Give the items; a later page that cannot be read is noted, the first one raises SourceError."""
        count, page_count = 0, 0
        try:
            for page in self._aws.pages(request, MaxResults=PAGE_ITEMS):
                page_count += 1
                for item in page.get(key, []):
                    count += 1
                    yield item
        except FAILURES as error:
            reason = self._aws.reason(error)
            if not page_count:
                raise SourceError(f"the {self._what} cannot be listed: {reason}; {self._aws.mend(error)}") from error
            self._unread.note(f"the {self._what} after the first {count}", reason)
            self.is_complete = False


def list_volumes(aws: Aws, unread: Unread) -> tuple[dict[str, Volume], bool]:
    """Return the volumes by id, and whether these are all; SourceError where none can be listed."""
    listing = Listing(aws, unread, "volumes")
    volumes: dict[str, Volume] = {}
    for item in listing.items(aws.ec2.describe_volumes, "Volumes"):
        try:
            if item.get("State") in _NO_VOLUME:
                continue
            volumes[item["VolumeId"]] = _volume(item)
        except _NO_ITEM as error:
            unread.note(str(item.get("VolumeId", "a volume")), _why_none(error))
            listing.is_complete = False
    return volumes, listing.is_complete


def list_modifications(aws: Aws, unread: Unread) -> dict[str, Modification]:
    """Return the latest modification by volume; SourceError where none can be listed."""
    latest: dict[str, Modification] = {}
    listing = Listing(aws, unread, "modifications of volumes")
    for item in listing.items(aws.ec2.describe_volumes_modifications, "VolumesModifications"):
        try:
            volume_id, modification = item["VolumeId"], _modification(item)
        except _NO_ITEM as error:  # without it nobody knows what holds of its volume
            raise SourceError(
                f"a modification of {item.get('VolumeId', 'a volume')} cannot be read: {_why_none(error)}; "
                "`ioledger doctor` tells what is wrong"
            ) from error
        known = latest.get(volume_id)
        if known is None or known.began_at <= modification.began_at:
            latest[volume_id] = modification
    return latest


def _modification(item: Item) -> Modification:
    return Modification(
        item.get("ModificationState"),
        item["StartTime"].astimezone(UTC),
        _setting(item, "Original"),
        _setting(item, "Target"),
    )


def _why_none(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__


def _setting(item: Item, side: str) -> Setting:
    """Return the settings of a volume, or of a side of its modification; TypeError for what is none."""
    kind = _as_told(item, f"{side}VolumeType", str)
    return Setting(kind, *(_as_told(item, f"{side}{name}", int) for name in ("Size", "Iops", "Throughput")))


def _as_told(item: Item, name: str, kind: type[T]) -> T | None:
    value = item.get(name)
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"its {name} is {value!r:.60}")
    return value


def _volume(item: Item) -> Volume:
    return Volume(
        setting=_setting(item, ""),
        zone=str(item["AvailabilityZone"]),
        name=next((tag.get("Value") for tag in item.get("Tags", []) if tag.get("Key") == "Name"), None),
        created_at=item["CreateTime"].astimezone(UTC),
        is_shared=bool(item.get("MultiAttachEnabled")),
        holder_count=sum(each.get("State") in HOLDING for each in item.get("Attachments", [])),
        attachments=tuple(attachments_of(item)),
    )


def identities(volumes: Mapping[str, Volume], rules: Sequence[EbsRule], unread: Unread) -> dict[str, str]:
    """Return the ``volume_id`` by the volume's own id: what the first rule that matches says, else that id.

    Of several volumes that the rules give one name, the first by id has it; the others are noted and
    have none.
    """
    named: dict[str, str] = {}
    holders: dict[str, str] = {}
    for native_id in sorted(volumes):
        match = first_match(rules, {"id": native_id, "name": volumes[native_id].name})
        identity = match.volume_id if match else native_id
        first = holders.setdefault(identity, native_id)
        if first != native_id:
            unread.note(native_id, f"the rules name it {identity}, as they do {first}; correct the rules or its tags")
            continue
        named[native_id] = identity
    return named


def provisioned_rows(
    volumes: Mapping[str, Volume], modifications: Mapping[str, Modification], named: Mapping[str, str]
) -> Iterable[Row]:
    """Give the rows of ``provisioned_iops``."""
    for native_id, identity in named.items():
        volume = volumes[native_id]
        setting, settled, modified_at = _in_force(volume.setting, modifications.get(native_id))
        yield {
            "volume_id": identity,
            "native_id": native_id,
            "pool_id": f"{volume.zone}/{setting.volume_type}",
            "backend": "ebs",
            "min_iops": settled.min_iops,
            "max_iops": settled.max_iops,
            "burst_iops": settled.burst_iops,
            "max_bps": settled.max_bps,
            "min_enforced": settled.min_enforced,
            "iops_unit_bytes": settled.iops_unit_bytes,
            "size_bytes": None if setting.size_gib is None else setting.size_gib * GIB,
            "attached_count": volume.holder_count,
            "modified_at": modified_at,
        }


def _in_force(now: Setting, modification: Modification | None) -> tuple[Setting, Performance, datetime | None]:
    """Return what holds of a volume, and when the modification began that it rests on.

    ``modifying``: the original settings. ``optimizing``: the new size and type, and a performance
    between the two. Otherwise what the volume says; a modification that failed changed nothing.
    """
    match modification:
        case Modification(state="modifying"):
            original = _complete(modification.original, now)
            return original, performance(original), None
        case Modification(state="optimizing"):
            original, target = _complete(modification.original, now), _complete(modification.target, now)
            return target, between(performance(original), performance(target)), modification.began_at
        case Modification(state="completed"):
            return now, performance(now), modification.began_at
    return now, performance(now), None


def _complete(side: Setting, now: Setting) -> Setting:
    """Take type and size from the volume where a modification does not tell them, for then it leaves them alone."""
    return Setting(side.volume_type or now.volume_type, side.size_gib or now.size_gib, side.iops, side.throughput_mib)


def alias_rows(volumes: Mapping[str, Volume], named: Mapping[str, str]) -> Iterable[Row]:
    """Give the rows of ``volume_alias``: guests see a volume's id without its dash as the NVMe serial number."""
    for native_id, identity in named.items():
        yield {
            "namespace": "serial",
            "alias": native_id.replace("-", ""),
            "volume_id": identity,
            "valid_from": volumes[native_id].created_at,
        }
