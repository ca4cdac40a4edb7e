"""Where closed billing months lie in a lake, and what is in them.

``<lake>/closed/2026-10/`` holds the bill (``charge.parquet``), the usage records that it stands on
(``usage_record/date=…/``), the runs that were known (``inputs.parquet``) and ``manifest.json``, which
has the digest of each of them; and ``not_corrected.parquet`` where records of closed months changed that
are too old to be corrected. A directory appears whole, and nothing in it changes afterwards.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ioledger.config import validated
from ioledger.errors import UNREADABLE, ConfigurationError, LakeError, why_unreadable
from ioledger.lake import layout, versions
from ioledger.model.period import require_billable, utc_day
from ioledger.model.tables import USAGE_RECORD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

MANIFEST: Final = "manifest.json"
BILL: Final = "charge.parquet"
INPUTS: Final = "inputs.parquet"
NOT_CORRECTED: Final = "not_corrected.parquet"


class _Anchor(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    number: Annotated[int, Field(ge=1)]
    sha256: str


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"received {text!r}, which has no offset")
    require_billable(moment, text)
    return text


_Moment = Annotated[str, AfterValidator(_moment)]


class _Manifest(BaseModel):
    """What is relied on of a manifest; versions may have added more, and the first had no audit log."""

    model_config = ConfigDict(extra="allow", strict=True)

    start: _Moment
    end: _Moment
    closed_at: str
    files: dict[str, str]
    previous: dict[str, str]
    totals: Any
    audit: _Anchor | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed billing month: where it lies, and its manifest."""

    directory: Path
    manifest: Mapping[str, Any]

    @property
    def period(self) -> str:
        """Return the month, such as ``2026-10``."""
        return self.directory.name

    @property
    def start(self) -> datetime:
        """Return when the month begins."""
        return datetime.fromisoformat(self.manifest["start"])

    @property
    def end(self) -> datetime:
        """Return when it ends, exclusive."""
        return datetime.fromisoformat(self.manifest["end"])

    @property
    def bill(self) -> Path:
        """Return the file of its lines."""
        return self.directory / BILL

    def usage(self) -> dict[date, list[Path]]:
        """Return the files of usage records that were frozen with it, by UTC date."""
        return layout.by_day(sorted((self.directory / USAGE_RECORD.name).glob("date=*/*.parquet")))

    def usage_between(self, first: date, last: date) -> list[Path]:
        """Return those of two UTC dates and all between them, in the order of their dates."""
        return [path for day, paths in sorted(self.usage().items()) if first <= day <= last for path in paths]


def directory_of(lake: Path, period: str) -> Path:
    """Return where a closed month lies, or would lie."""
    return lake / layout.CLOSED_MONTHS / period


def closed(lake: Path, period: str) -> Closed | None:
    """Return a closed month; None if it is open.

    Raises LakeError if its manifest cannot be read, or is of a newer version.
    """
    directory = directory_of(lake, period)
    path = directory / MANIFEST
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(told, dict):  # before all else: what a newer version wrote may have other keys
            versions.refuse_newer(f"the closed month {directory}", told.get("schema_version"))
        manifest = validated(_Manifest, told, str(path))
    except FileNotFoundError:
        return None
    except (*UNREADABLE, ConfigurationError) as error:
        reason = (
            str(error) if isinstance(error, ConfigurationError) else f"{path} cannot be read: {why_unreadable(error)}"
        )
        raise LakeError(f"{reason}; restore it from a copy of the lake") from error
    return Closed(directory, manifest.model_dump(exclude_unset=True))


def all_closed(lake: Path) -> Sequence[Closed]:
    """Return all closed months in the order of time; raises LakeError if a manifest cannot be read."""
    root = lake / layout.CLOSED_MONTHS
    names = sorted(path.name for path in root.iterdir() if not path.name.startswith(".")) if root.is_dir() else []
    return [found for name in names if (found := closed(lake, name)) is not None]


def billed_usage(months: Sequence[Closed], month: Closed) -> dict[date, list[Path]]:
    """Return the usage records of a closed month as they were billed last, by UTC date.

    ``months`` are all closed months in order. One that was closed later and corrected this one has the
    records that it was corrected by.
    """
    first, last = utc_day(month.start), utc_day(month.end)
    found: dict[date, list[Path]] = {}
    for each in months:
        if each.start >= month.start:
            found |= {day: paths for day, paths in each.usage().items() if first <= day <= last}
    return found
