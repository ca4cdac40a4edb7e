"""Finds the volume that is meant, and reads of a large lake only what its history needs."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from ioledger.clock import utc_text
from ioledger.errors import ConfigurationError
from ioledger.lake import layout, reader, settings
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, ENTITLEMENT, PROVISIONED_IOPS
from reports.plot import statement
from reports.plot.history import disk_name, read
from reports.usage.samples import files_by_day
from reports.usage.subject import name_volumes, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from reports.plot.disk import DiskHistory
    from reports.plot.history import Disk
    from reports.usage.samples import Files

_TABLES: Final = (COLLECTION_RUN, DISK_IO_STAT, PROVISIONED_IOPS, ENTITLEMENT)

_DAYS_AROUND: Final = (1, 8, 64, None)
"""How many days before and after are read, one number after the other while they do not suffice; None: all."""

_TOLD_AT_MOST: Final = 5


def look(lake: Path, wanted: str, start: datetime, end: datetime, disk: str | None = None) -> DiskHistory:
    """Read the history of the volume with the id or the name ``wanted`` from ``start`` to ``end``.

    ``disk`` names one of its disks, as the guest's id or name, a slash and the device. Raises
    ConfigurationError for a name that no volume or disk has or that several have, and where nothing is known
    of the time, and LakeError if the lake cannot be read.
    """
    line = settings.load(layout.require(lake))
    with reader.open_lake(lake) as opened:
        look_up = _LookUp(opened, line, start, end)
        volume_id = look_up.volume(wanted)
        history = look_up.history(volume_id, disk)
    if not history.steps and not history.gaps and not history.limits:
        raise ConfigurationError(
            f"nothing is known of volume {volume_id!r} from {utc_text(start)} to {utc_text(end)}: no disk was read "
            "that had it, and no storage said what it was set to; choose another time with --from and --to"
        )
    return history


class _LookUp:
    """Looks into one open lake, for one stretch of time."""

    def __init__(self, opened: OpenLake, line: Timeline, start: datetime, end: datetime) -> None:
        self._opened = opened
        self._line = line
        self._start = start
        self._end = end
        self._files: Files = files_by_day(opened)

    def volume(self, wanted: str) -> str:
        """Return the id of the volume that has an id, or else a name."""
        name_volumes(self._opened)
        near = self._days(1)
        last = sorted({day for table in _TABLES for day in self._files.days(table.name)[-1:]})
        names: dict[str, Sequence[str]] = {}
        for days in (near, [day for day in last if day not in near]):
            names |= self._names(days)
            if wanted in names:
                return wanted
            named = sorted(volume_id for volume_id, of_it in names.items() if wanted in of_it)
            if len(named) == 1:
                return named[0]
            if named:
                told = ", ".join(named[:_TOLD_AT_MOST])
                more = f" and {len(named) - _TOLD_AT_MOST} more" if len(named) > _TOLD_AT_MOST else ""
                raise ConfigurationError(
                    f"{wanted!r} is the name of {len(named)} volumes, {told}{more}; give the id of one of them"
                )
        raise ConfigurationError(f"no volume has the id or the name {wanted!r}; {_similar(wanted, names)}")

    def history(self, volume_id: str, disk: str | None) -> DiskHistory:
        """Read the history of a volume, or of one of its disks."""
        history: DiskHistory | None = None
        all_days = self._days(None)
        for around in _DAYS_AROUND:
            days = self._days(around)
            disks = self._disks(volume_id, days)
            chosen = None if disk is None else _chosen(disk, disks)
            with shown(
                self._opened, self._files, days, sorted({vm_id for vm_id, _ in disks}), [volume_id]
            ) as connection:
                is_enough = days == all_days or not self._needs_earlier(days)
                if is_enough:
                    history = read(connection, volume_id, self._start, self._end, self._line, disk=chosen)
            if history is not None:
                break
        assert history is not None  # noqa: S101 - all days are always enough
        return history

    def _days(self, around: int | None) -> list[date]:
        known = sorted({day for table in _TABLES for day in self._files.days(table.name)})
        if around is None:
            return known
        longest_age = timedelta(seconds=max(each.max_allocation_age_seconds for each in self._line))
        first = utc_day(self._start - max(longest_age, timedelta(days=around)))
        last = utc_day(self._end + timedelta(days=around))
        return [day for day in known if first <= day <= last]

    def _names(self, days: Iterable[date]) -> dict[str, Sequence[str]]:
        self._show(days, _TABLES)
        return {row["volume_id"]: row["volume_names"] or () for row in self._rows("known_volume")}

    def _disks(self, volume_id: str, days: Iterable[date]) -> dict[Disk, str | None]:
        """Return the disks that had a volume on some days, and the names of their guests."""
        self._show(days, (COLLECTION_RUN, DISK_IO_STAT))
        return {(row["vm_id"], row["device"]): row["vm_name"] for row in self._rows("disk_of", {"volume": volume_id})}

    def _needs_earlier(self, days: Sequence[date]) -> bool:
        first_day = datetime.combine(days[0], time(), UTC) if days else self._start
        values = {"start": self._start, "end": self._end, "first_day": first_day}
        return bool(self._rows("needs_earlier", values)[0]["needs_earlier"])

    def _show(self, days: Iterable[date], tables: Iterable[Any]) -> None:
        days = list(days)
        for table in tables:
            self._opened.show(table.name, self._files.of(table.name, days))

    def _rows(self, name: str, values: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        found = self._opened.connection.sql(statement(name), params=dict(values or {}))
        rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
        return rows


def _similar(wanted: str, names: Mapping[str, Sequence[str]]) -> str:
    """Name what is like it, or say where names are to be found."""
    known = {word.casefold(): word for volume_id, of_it in names.items() for word in (*of_it, volume_id)}
    inside = sorted(word for folded, word in known.items() if wanted.casefold() in folded)
    close = difflib.get_close_matches(wanted.casefold(), known, n=_TOLD_AT_MOST, cutoff=0.65)
    near = list(dict.fromkeys([*(known[each] for each in close), *inside]))[:_TOLD_AT_MOST]
    if near:
        return f"near are {', '.join(repr(each) for each in near)}"
    return "`ioledger volumes` lists all there are" if names else "the lake knows no volumes of this time"


def _chosen(disk: str, disks: Mapping[Disk, str | None]) -> Disk:
    """Return the disk that is named as VM/DEVICE; the guest's id outranks names."""
    by_id = {each: f"{each[0]}/{each[1]}" for each in disks}
    by_name = {each: f"{vm_name}/{each[1]}" for each, vm_name in disks.items()}
    for names in (by_id, by_name):
        found = [each for each, name in names.items() if name == disk]
        if len(found) == 1:
            return found[0]
        if found:
            told = ", ".join(by_id[each] for each in found)
            raise ConfigurationError(f"{disk!r} is the name of {len(found)} disks, {told}; give one of these")
    told = ", ".join(f"{name} ({disk_name(each[1], disks[each] or each[0])})" for each, name in by_id.items())
    raise ConfigurationError(f"the volume was on no disk {disk!r}; {f'it was on {told}' if told else 'it was on none'}")
