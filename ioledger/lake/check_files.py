"""What a check of the policy rules is called in the lake: its file of findings has the name of its moment.

So the last check is known also where it found nothing, and its file has no rows.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NAME: Final = "%Y%m%dT%H%M%S.%fZ"
"""In UTC: names sort by time, and a check that is repeated for its moment replaces."""

NOTE: Final = "ioledger.check"
"""The key, among the metadata of its file, of what a check tells beside its findings, as JSON."""


def name_at(moment: datetime) -> str:
    """Return the name, without its suffix, of the file of the check at ``moment``."""
    return moment.astimezone(UTC).strftime(_NAME)


def last_moment(paths: Iterable[Path]) -> datetime | None:
    """Return the moment of the last check among files of findings; files under other names are of none."""
    return max((moment for path in paths if (moment := _moment(path.stem))), default=None)


def by_moment(paths: Iterable[Path]) -> dict[datetime, Path]:
    """Return the files of checks by the moments of the checks, in order; files under other names are of none."""
    found = {moment: path for path in paths if (moment := _moment(path.stem))}
    return dict(sorted(found.items()))


def last_before(paths: Iterable[Path], moment: datetime) -> Path | None:
    """Return the file of the last check before ``moment``; None if there is no such check."""
    earlier = [path for path in paths if _moment(path.stem) and path.stem < name_at(moment)]
    return max(earlier, key=lambda path: path.stem, default=None)


def note_of(path: Path) -> dict[str, Any] | None:
    """Return what a check noted in its file; None if it is of a version that noted nothing."""
    found = (pq.read_metadata(path).metadata or {}).get(NOTE.encode())
    return None if found is None else dict(json.loads(found))


def _moment(name: str) -> datetime | None:
    try:
        return datetime.strptime(name, _NAME).replace(tzinfo=UTC)
    except ValueError:
        return None
