"""Reads what the map of volumes is made of: the latest runs of a lake, its aliases, and the rules as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from collectors.doctor import statement
from collectors.doctor.volume_map import volume_map
from collectors.hypervisors.volume_identity import DiskRule
from collectors.registry import settings_of
from ioledger.clock import utc_text
from ioledger.lake import latest, layout, reader, settings
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, ENTITLEMENT, PROVISIONED_IOPS, VOLUME_ALIAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from pydantic import BaseModel

    from ioledger.app import App
    from ioledger.lake.latest import LatestRuns
    from ioledger.lake.reader import OpenLake


@dataclass(frozen=True, slots=True)
class VolumeCheck:
    """The map of volumes (``volume_map.COLUMNS``), and ``notes`` on what it stands on, as sentences.

    ``is_checked`` tells whether any storage or control plane has named its volumes.
    """

    rows: list[dict[str, Any]]
    notes: list[str]
    is_checked: bool


def check_volumes(app: App) -> VolumeCheck:
    """Map every disk of a lake to its volume, by the configuration and the aliases as they are now.

    Raises ConfigurationError for a source whose settings are wrong, and LakeError.
    """
    lake, now = layout.require(app.lake()), app.clock.now()
    configured = settings_of(app.configuration(), app.directory)
    in_force = settings.at(settings.load(lake), now)
    with reader.open_unlisted(lake) as opened:
        runs = {name: told for name, told in latest.latest_runs(lake).items() if name not in in_force.retired}
        _show(opened, lake, runs)
        listed = {name: told.listed.run_id for name, told in runs.items() if told.listed is not None}
        parameters = {"sources": list(listed), "run_ids": list(listed.values())}
        disks = _rows(opened, "latest_disk", {**parameters, "moment": now})
        known = {row["volume_id"]: row["known_to"] for row in _rows(opened, "known_volume", parameters)}
    rules = {name: found for name, each in configured.items() if (found := _rules(each)) is not None}
    age = timedelta(seconds=in_force.max_allocation_age_seconds)
    notes = [*_notes(runs, configured, now - age), *_unknown_rules(disks, configured)]
    return VolumeCheck(volume_map(disks, rules, known), notes, is_checked=bool(known))


def _show(opened: OpenLake, lake: Path, runs: Mapping[str, LatestRuns]) -> None:
    """Let the lake be the latest runs alone, but for aliases: those of all runs ever say what a name means."""
    alias_days = layout.days(lake, VOLUME_ALIAS.name)
    alias_sources = {source for day in alias_days for source in layout.sources(lake, VOLUME_ALIAS.name, day)}
    telling = {
        path for source in alias_sources for path in layout.files_of_source(lake, COLLECTION_RUN.name, source).values()
    }
    telling.update(path for told in runs.values() for path in told.files)
    opened.show(COLLECTION_RUN.name, sorted(telling))
    opened.show(VOLUME_ALIAS.name, layout.files(lake, VOLUME_ALIAS.name))
    listed = {name: told.listed for name, told in runs.items() if told.listed is not None}
    for table in (DISK_IO_STAT.name, PROVISIONED_IOPS.name, ENTITLEMENT.name):
        opened.show(table, latest.files_of(lake, table, listed))


def _rows(opened: OpenLake, name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (
        opened.connection.sql(statement(name), params=dict(parameters)).to_arrow_table().to_pylist()
    )
    return rows


def _rules(configured: BaseModel) -> Sequence[DiskRule] | None:
    """Return the rules of a source that goes by rules on disks, be there any or none; None for any other source."""
    setting = type(configured).model_fields.get("volume_id")
    if setting is None or setting.annotation != list[DiskRule]:
        return None
    rules: Sequence[DiskRule] | None = getattr(configured, "volume_id", None)
    return rules


def _notes(runs: Mapping[str, LatestRuns], configured: Mapping[str, BaseModel], too_old: datetime) -> Iterable[str]:
    """Say of which sources something is missing or old."""
    for name in configured:
        if name not in runs:
            yield f"{name} has no run in this lake; read it with `ioledger collect --source {name}`"
    for name, told in sorted(runs.items()):
        if told.listed is None:
            yield f"no run of {name} has listed anything; `ioledger collect --source {name}` says why"
        elif told.latest != told.listed:
            since = f"what is shown of it is from {utc_text(told.listed.started_at)}"
            yield f"the latest run of {name} failed ({told.latest.error}); {since}"
    last_read = {name: told.listed.started_at for name, told in runs.items() if told.listed is not None}
    if old := sorted((at, name) for name, at in last_read.items() if at < too_old):
        at, name = old[0]
        others = f" and of {len(old) - 1} more," if len(old) > 1 else ""
        yield (
            f"what is shown of {name}, from {utc_text(at)},{others} is older than facts may be; collect, or name "
            "sources that will not report again under `retired` in the lake's settings.toml"
        )


def _unknown_rules(disks: Iterable[Mapping[str, Any]], configured: Mapping[str, BaseModel]) -> Iterable[str]:
    for name in sorted({disk["source"] for disk in disks} - configured.keys()):
        yield f"{name} is not in this ioledger.toml: of its disks, the volumes that its runs stored are shown"
