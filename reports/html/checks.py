"""Reads what the checks of a month found: the last of each day, and of them the last in the month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ioledger.lake import check_files, layout
from ioledger.model.tables import FINDING
from reports.html import statement
from reports.html.values import Checks, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from ioledger.lake.reader import OpenLake
    from ioledger.model.period import Window


def read(opened: OpenLake, lake: Path, period: Window, zone: ZoneInfo) -> Checks:
    """Read the findings of the checks of a period; of the first check after it where there is none."""
    shown = _shown(check_files.by_moment(layout.files(lake, FINDING.name)), period, zone)
    if not shown:
        return Checks()
    last = max(shown)
    opened.show(FINDING.name, list(shown.values()))
    found = opened.connection.execute(statement("finding"), {"last_checked_at": last}).fetchall()
    counts: dict[datetime, dict[str, int]] = {moment: {} for moment in shown}
    for checked_at, severity, count in opened.connection.execute(statement("finding_count")).fetchall():
        counts[checked_at][severity] = count
    titles: dict[str, str] = {}
    for path in shown.values():
        titles |= (check_files.note_of(path) or {}).get("titles", {})
    return Checks(last, [Finding(*row) for row in found], list(counts.items()), titles)


def _shown(files: Mapping[datetime, Path], period: Window, zone: ZoneInfo) -> dict[datetime, Path]:
    start, end = period
    last_of_day = {moment.astimezone(zone).date(): moment for moment in files if start <= moment < end}
    moments = list(last_of_day.values()) or [moment for moment in files if moment >= end][:1]
    return {moment: files[moment] for moment in moments}
