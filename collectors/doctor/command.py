"""The `doctor` command: what does not fit together, and how to mend it. Each check is a module beside this one."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from importlib.metadata import entry_points
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import click

from collectors.doctor.sources import examine_sources
from collectors.doctor.volume_map import COLUMNS, TO_MEND
from collectors.doctor.volumes import check_volumes
from collectors.registry import build_sources
from ioledger.cli import EXIT_PARTIAL
from ioledger.errors import IoledgerError, counted
from ioledger.examples import examples
from ioledger.health.check import Check, of_error
from ioledger.terminal import format_option, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from collectors.doctor.volumes import VolumeCheck
    from collectors.source import Source
    from ioledger.app import App

_log = logging.getLogger(__name__)

AREAS: Final = "ioledger.health"
"""Entry points of what is checked beside the sources: each is called with the App and gives its checks."""

_CHECK_COLUMNS: Final = ("check", "source", "result", "found", "mend")
_FOR_PEOPLE: Final = ("vm", "device", "volume_id", "mapped_by", "remark")

_SUMMARY: Final = {
    "ok": "{} fine",
    "shared": "{} sharing a volume",
    "unknown_volume": "{} on an unknown volume",
    "no_volume": "{} without a volume",
    "not_read": "{} not read",
}


@click.command(epilog=examples("doctor", "doctor --volumes --format csv"))
@click.option("--volumes", is_flag=True, help="Show every disk and volume: which maps to which, and by what.")
@format_option
@click.pass_obj
def doctor(app: App, *, volumes: bool, output_format: str) -> int:
    """Check what has to fit together, and say how to mend it.

    The lake, its runs, the clock, the room on the disk, time zones, versions and permissions are looked at.
    Every configured source is examined: whether it answers, takes our credentials and lets us read what a
    run needs. Then every disk is mapped, as the latest run of each source found it, by the rules that
    ioledger.toml has now and the aliases of the lake: to a volume that storage or control plane knows, and
    to one of its own. Nothing is stored or changed, but for one file that is written to the lake to see
    whether that works, and is removed.

    The exit code is 0 if everything fits (a volume without a disk does), and 3 if something is to be mended.
    """
    app = replace(app, is_of_machine=True)
    if volumes:
        found = check_volumes(app)
        rows = [_for_people(row) for row in found.rows] if output_format == "table" else found.rows
        show(rows, _FOR_PEOPLE if output_format == "table" else COLUMNS, output_format)
        _warn(found)
        _log.info("%s", _summary(found))
        return EXIT_PARTIAL if _is_to_mend(found) else 0
    checks = all_checks(app)
    show([_row(check) for check in checks], _CHECK_COLUMNS, output_format)
    to_mend = sum(check.mend is not None for check in checks)
    _log.info("%s, %s", counted(len(checks), "check"), f"{to_mend} to mend" if to_mend else "nothing to mend")
    return EXIT_PARTIAL if to_mend else 0


def all_checks(app: App) -> list[Check]:
    """Check everything: the areas that are found as entry points, the sources, and how volumes and disks meet.

    What several areas cannot do without, such as the lake, is told once.
    """
    # First the lake: where there is none, this is what it is told under.
    areas = sorted(entry_points(group=AREAS), key=lambda area: (area.name != "lake", area.name))
    told = [*chain.from_iterable(_of_area(area.name, area.load(), app) for area in areas), *_of_sources(app)]
    told += _of_area("volumes", _of_volumes, app)
    once: dict[tuple[str, str | None] | int, Check] = {}
    for place, check in enumerate(told):
        once.setdefault((check.found, check.source) if check.mend else place, check)
    return list(once.values())


def _of_area(name: str, checks: Callable[[App], Iterable[Check]], app: App) -> Iterator[Check]:
    try:
        yield from checks(app)
    except IoledgerError as error:
        yield of_error(name, error)
    except OSError as error:  # what this user may not see, or a disk that fails
        found = f"{error.filename or 'the machine'} cannot be read: {error.strerror or error}"
        yield Check(name, found, "run doctor as the user who collects, and see whether the disk is sound")


def _of_sources(app: App) -> Iterator[Check]:
    sources: dict[str, Source] = {}
    for name in app.configuration().sources:
        try:
            sources |= build_sources(app.configuration(), app.directory, [name])
        except IoledgerError as error:
            yield of_error("settings", error, name)
    for name, checks in examine_sources(sources, app.clock).items():
        yield from (replace(check, source=name) for check in checks)


def _row(check: Check) -> dict[str, str | None]:
    result = "ok" if check.mend is None else "mend"
    return {"check": check.name, "source": check.source, "result": result, "found": check.found, "mend": check.mend}


def _warn(found: VolumeCheck) -> None:
    for note in found.notes:
        _log.warning("ioledger: %s", note)


def _is_to_mend(found: VolumeCheck) -> bool:
    return any(row["finding"] in TO_MEND for row in found.rows)


def _of_volumes(app: App) -> Iterator[Check]:
    found = check_volumes(app)
    _warn(found)
    mend = "see which with `ioledger doctor --volumes`, then add a rule to ioledger.toml or an alias"
    yield Check("volumes", _summary(found), mend if _is_to_mend(found) else None)


def _summary(found: VolumeCheck) -> str:
    tally = Counter(row["finding"] for row in found.rows)
    told = ", ".join(words.format(tally[finding]) for finding, words in _SUMMARY.items() if tally[finding])
    disks = f"{counted(tally.total() - tally['no_disk'], 'disk')}: {told}" if told else "no disks"
    if not found.is_checked:
        return f"{disks}; no storage or control plane has been read, so whether the volumes exist is not known"
    return f"{disks}; {counted(tally['no_disk'], 'volume')} without a disk"


def _for_people(row: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        "vm": row.get("vm_name") or row.get("vm_id"),
        "device": row.get("device"),
        "volume_id": row["volume_id"],
        "mapped_by": row.get("mapped_by"),
        "remark": "; ".join(filter(None, (_remark(row), _difference(row)))) or None,
    }


def _remark(row: Mapping[str, Any]) -> str | None:
    match row["finding"]:
        case "not_read":
            return "could not be read" if row["device"] else "its disks could not be read"
        case "no_volume":
            names = {"serial": row["disk_serial"], "WWN": row["disk_wwn"], "path": row["source_path"]}
            told = ", ".join(f"{name} {value}" for name, value in names.items() if value)
            return f"no volume: {told}" if told else "no volume, and neither serial, WWN nor path to tell one by"
        case "unknown_volume":
            return "no storage or control plane knows it"
        case "shared":
            return f"one of {row['disk_count']} disks on it"
        case "no_disk":
            return f"no disk; known to {row['known_to']}"
    return None


def _difference(row: Mapping[str, Any]) -> str | None:
    """Say what the latest run stored where a rule now says otherwise; what an alias says holds for stored rows too."""
    if row["finding"] in ("no_disk", "not_read") or row["mapped_by"] in (
        "alias (serial)",
        "alias (wwn)",
        "alias (path)",
    ):
        return None
    stored = row["stored_volume_id"]
    if stored == row["volume_id"]:
        return None
    return "stored without a volume" if stored is None else f"stored as {stored}"
