"""Reads what the checks of a month found: the last of each day, and of them the last in the month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ioledger.lake import check_files, layout, reader
from ioledger.model.tables import FINDING
from reports.html import statement
from reports.html.values import Checks, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo


def read(lake: Path, start: datetime, end: datetime, zone: ZoneInfo) -> Checks:
    """Read the findings of the checks from ``start`` to ``end``; of the first check after it where there is none.

    Raises LakeError if the lake cannot be read.
    """
    shown = _shown(check_files.by_moment(layout.files(lake, FINDING.name)), start, end, zone)
    if not shown:
        return Checks()
    last = max(shown)
    with reader.open_unlisted(lake) as opened:
        opened.show(FINDING.name, list(shown.values()))
        found = opened.connection.execute(statement("finding"), {"last_checked_at": last}).fetchall()
        counts: dict[datetime, dict[str, int]] = {moment: {} for moment in shown}
        for checked_at, severity, count in opened.connection.execute(statement("finding_count")).fetchall():
            counts[checked_at][severity] = count
    return Checks(last, [Finding(*row) for row in found], list(counts.items()))


def _shown(files: Mapping[datetime, Path], start: datetime, end: datetime, zone: ZoneInfo) -> dict[datetime, Path]:
    last_of_day = {moment.astimezone(zone).date(): moment for moment in files if start <= moment < end}
    moments = list(last_of_day.values()) or [moment for moment in files if moment >= end][:1]
    return {moment: files[moment] for moment in moments}
