"""Keeps the findings of every check in the lake, so that a problem is known by when it was first seen."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ioledger.errors import LakeError
from ioledger.lake import layout
from ioledger.lake.schema import typed
from ioledger.lake.writer import write_derived
from ioledger.model.period import utc_day
from ioledger.model.tables import FINDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from policies.finding import Finding

_FILE_NAME: Final = "%Y%m%dT%H%M%S.%fZ"
"""The moment of a check, in UTC: it sorts by time, and a check repeated for its moment replaces."""

FirstSeen = dict[tuple[str, str, str, str], datetime]
"""When each problem (``Finding.problem``) was first seen."""


def first_seen_before(lake: Path, moment: datetime) -> FirstSeen:
    """Return the problems of the last check stored for a moment before ``moment``; none if there is no check.

    Raises LakeError if its file cannot be read.
    """
    earlier = [path for path in layout.files(lake, FINDING.name) if path.stem < _file_name(moment)]
    if not earlier:
        return {}
    try:
        rows = pq.read_table(earlier[-1], partitioning=None).to_pylist()
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise LakeError(f"{earlier[-1]} cannot be read: {reason}; restore it, or remove it") from error
    return {_problem(row): row["first_seen_at"] for row in rows}


def _problem(row: Mapping[str, str]) -> tuple[str, str, str, str]:
    return row["code"], row["resource_kind"], row["resource_id"], row["status"]


def carried_over(findings: Iterable[Finding], first_seen: FirstSeen) -> list[Finding]:
    """Give each finding the time at which its problem was first seen without interruption."""
    return [
        replace(finding, first_seen_at=first_seen.get(finding.problem, finding.first_seen_at)) for finding in findings
    ]


def store(lake: Path, findings: Sequence[Finding], moment: datetime) -> None:
    """Write what the check at ``moment`` found as one file, also when it found nothing.

    What was stored for the same moment is replaced. Raises LakeError if the lake cannot be written.
    """
    rows = typed(FINDING, [asdict(finding) for finding in findings])
    write_derived(lake, FINDING, utc_day(moment), _file_name(moment), rows)


def _file_name(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_FILE_NAME)
