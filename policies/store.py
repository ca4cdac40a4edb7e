"""Keeps the findings of every check in the lake, so that a problem is known by when it was first seen."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ioledger.lake import check_files, layout, parquet, versions
from ioledger.lake.schema import typed, with_all_columns
from ioledger.lake.writer import write_derived
from ioledger.model.period import utc_day
from ioledger.model.tables import FINDING
from policies.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path


def last_before(lake: Path, moment: datetime) -> list[Finding]:
    """Return what the last check stored for a moment before ``moment`` knew; nothing if there is no check.

    Raises LakeError if its file cannot be read.
    """
    path = check_files.last_before(layout.files(lake, FINDING.name), moment)
    if path is None:
        return []
    with parquet.unreadable_named(path, "restore it, or remove it"):
        found = parquet.rows_of(path)
    versions.refuse_newer_file(path, found.schema.metadata)
    rows = with_all_columns(FINDING.name, found).to_pylist()
    return [Finding(**{**row, "returns": row["returns"] or 0}) for row in rows]


def store(lake: Path, findings: Iterable[Finding], moment: datetime, note: Mapping[str, str] | None = None) -> None:
    """Write what is known after the check at ``moment`` as one file, also when that is nothing.

    The file's metadata has the ``note``. What was stored for the same moment is replaced. Raises LakeError
    if the lake cannot be written.
    """
    rows = typed(FINDING, [asdict(finding) for finding in findings])
    write_derived(lake, FINDING, utc_day(moment), check_files.name_at(moment), rows, metadata=note)
