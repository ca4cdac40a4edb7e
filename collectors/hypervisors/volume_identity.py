"""Rules by which a disk, as its hypervisor knows it, gets the storage side's ``volume_id``.

These rules look at columns of ``disk_io_stat`` alone: so `ioledger doctor --volumes` can show what
changed rules would make of disks that are stored. A source whose disks have other names has rules of
its own (``VolumeRule``), and `doctor` shows what its latest run stored. Where a
list of names is easier to come by than a rule, the ``volume_alias`` table does the same and outranks
what is found here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from collectors.volume_rules import VolumeRule, first_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collectors.volume_rules import Match

COLUMN_OF: Final = {"serial": "disk_serial", "wwn": "disk_wwn", "source_path": "source_path"}
"""What a rule may look at, and the column of ``disk_io_stat`` that holds it."""


class DiskRule(VolumeRule):
    """One rule about a disk's serial number, its WWN or what lies behind it."""

    looks_at: Annotated[Literal["serial", "wwn", "source_path"], Field(alias="from")]


def match_of_disk(rules: Iterable[DiskRule], disk: Mapping[str, object]) -> Match | None:
    """Return what the first rule that matches makes of a disk's row, None without one."""
    return first_match(rules, {name: disk.get(column) for name, column in COLUMN_OF.items()})


def volume_id(rules: Iterable[DiskRule], disk: Mapping[str, object]) -> str | None:
    """Return the ``volume_id`` that the first matching rule gives a disk's row, None without one."""
    found = match_of_disk(rules, disk)
    return found.volume_id if found else None
