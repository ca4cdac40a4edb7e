"""Bills as they are kept in the lake: the lines of a billing month, with what they were made of.

The file of a bill notes the digests of what it was made of, so that whoever reads it finds out whether it
still stands for the usage records and settings of now, and the rate cards, so that it can be made again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ioledger.errors import ConfigurationError, LakeError
from ioledger.lake import files, layout, reader, settings
from ioledger.lake.schema import arrow_schema
from ioledger.model.period import parse_period, utc_day
from ioledger.model.tables import CHARGE
from reports.charges import card_file
from reports.charges.parts import Month

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ioledger.lake.settings import Timeline
    from reports.charges.charging import Line
    from reports.charges.rate_card import RateCard

_NOTE: Final = "ioledger.rated"


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines of a billing month as a table ``charge``, and what they were made of.

    ``made_of`` has digests of usage records, settings, closed months and version; ``rate_cards`` is the
    text of the file of rate cards.
    """

    month: Month
    lines: pa.Table
    made_of: Mapping[str, Any]
    rate_cards: str


def month_of(text: str, line: Timeline) -> Month:
    """Read a billing month such as ``2026-11``; raises ConfigurationError for anything else."""
    start, end = parse_period(text, settings.zone_spans(line))
    if text.count("-") != 1:
        raise ConfigurationError(f"{text!r} is a day, and bills are of months; write a month as {text[:7]}")
    return Month(text, start, end)


def cards_of(month: Month, line: Timeline, text: str, path: Path) -> tuple[RateCard, ...]:
    """Read rate cards; a date in them means its first moment in the billing time zone of the month's start."""
    return card_file.parse(text, path, settings.at(line, month.start).zone)


def table_of(lines: Iterable[Line]) -> pa.Table:
    """Return lines as a table ``charge``, in the order in which they come."""
    rows = list(lines)
    schema = arrow_schema(CHARGE.name)
    return pa.table([pa.array([row.get(field.name) for row in rows], field.type) for field in schema], schema=schema)


def path_of(lake: Path, month: Month) -> Path:
    """Return where the bill of a month lies in the table ``charge``."""
    return layout.derived_partition(lake, CHARGE.name, utc_day(month.start)) / f"{month.name}.parquet"


def store(lake: Path, bill: Bill) -> None:
    """Keep a bill in the lake, in the place of an earlier one of its month; raises LakeError."""
    path = path_of(lake, bill.month)
    note = json.dumps({"made_of": bill.made_of, "rate_cards": bill.rate_cards}, sort_keys=True, ensure_ascii=False)
    try:
        files.make_directories(path.parent)
        files.write_parquet(files.temporary(path), bill.lines, {_NOTE: note}, sealed=True)
        files.publish(path)
    except OSError as error:
        files.temporary(path).unlink(missing_ok=True)
        raise LakeError(
            f"{path} cannot be written: {error.strerror or error}; what was there stays, make the lake writable and "
            "run the command again"
        ) from error


def load(path: Path, month: Month) -> Bill | None:
    """Read a stored bill, every page with its checksum; None if there is none. Raises LakeError if it is damaged."""
    if not path.exists():
        return None
    bill = load_unsealed(path, month)
    if bill is None or not files.is_as_sealed(path):
        raise LakeError(f"{path} is not as `ioledger rate` wrote it; remove it and rate {month.name} again")
    return bill


def load_unsealed(path: Path, month: Month) -> Bill | None:
    """Read a stored bill whether or not it is as it was written; None if it does not note what it was made of."""
    lines = reader.stored_whole(path)
    note = json.loads((pq.read_metadata(path).metadata or {}).get(_NOTE.encode(), b"{}"))
    return Bill(month, lines.cast(arrow_schema(CHARGE.name)), note["made_of"], note["rate_cards"]) if note else None
