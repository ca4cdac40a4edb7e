"""The bill of a billing month: made of the usage records of now, kept in the lake, and read back.

The file of a bill notes what it was made of, so that whoever reads it finds out whether it still stands
for the usage records and settings of now, and has the rate cards, so that it can be made again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ioledger.errors import ConfigurationError, LakeError
from ioledger.lake import files, layout, reader, settings
from ioledger.lake.schema import arrow_schema
from ioledger.model.period import parse_period, utc_day
from ioledger.model.tables import CHARGE, USAGE_RECORD
from reports.charges import card_file
from reports.charges.charging import lines_of
from reports.charges.parts import Month, parts
from reports.usage.cover import Rollups
from reports.usage.names import last_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from reports.charges.charging import Line
    from reports.charges.rate_card import RateCard
    from reports.charges.splitting import Usage

_NOTE: Final = "ioledger.rated"
_NAMES: Final = {"account_name": "account", "volume_name": "volume", "offering_name": "offering"}
"""The columns of names for people, and what they are names of."""


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines of a billing month as a table ``charge``, and what they were made of.

    ``made_of`` has the digests of the usage records by UTC date, the settings in force and the version;
    ``rate_cards`` is the text of the file of rate cards.
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


def usage_of(lake: Path, month: Month) -> Usage:
    """List the files that have the usage records of a month."""
    by_day = layout.by_day(layout.files(lake, USAGE_RECORD.name))
    return {day: paths for day, paths in by_day.items() if utc_day(month.start) <= day <= utc_day(month.end)}


def cards_of(month: Month, line: Timeline, text: str, path: Path) -> tuple[RateCard, ...]:
    """Read rate cards; a date in them means its first moment in the billing time zone of the month's start."""
    return card_file.parse(text, path, settings.at(line, month.start).zone)


def make(lake: Path, month: Month, path: Path) -> Bill:
    """Rate the usage records of a month by the rate cards of a file.

    Raises ConfigurationError for wrong rate cards, and LakeError if usage records cannot be read.
    """
    line = settings.load(lake)
    text = card_file.text_of(path)
    cards = cards_of(month, line, text, path)
    with reader.open_unlisted(lake) as opened:
        made_of = inputs(lake, month, line)
        lines = lines_of(opened, usage_of(lake, month), month, parts(month, cards, settings.zone_spans(line)))
        name(opened, lake, month, line, lines)
    return Bill(month, table_of(lines), made_of, text)


def name(opened: OpenLake, lake: Path, month: Month, line: Timeline, lines: Sequence[Line]) -> None:
    """Put the names that accounts, volumes and offerings had last in a month on lines."""
    told_since = month.start - timedelta(seconds=max(each.max_allocation_age_seconds for each in line))
    for column, grouping in _NAMES.items():
        ids = {each[f"{grouping}_id"] for each in lines} - {None}
        names = last_names(opened, lake, grouping, ids, (told_since, month.end))
        for each in lines:
            each[column] = names.get(each[f"{grouping}_id"])


def table_of(lines: Iterable[Line]) -> pa.Table:
    """Return lines as a table ``charge``."""
    rows = list(lines)
    schema = arrow_schema(CHARGE.name)
    return pa.table([pa.array([row.get(field.name) for row in rows], field.type) for field in schema], schema=schema)


def inputs(lake: Path, month: Month, line: Timeline) -> dict[str, Any]:
    """Tell what a bill of now is made of, but for the rate cards."""
    in_force = [each for each in line if each.valid_from < month.end and each.valid_to > month.start]
    return {
        "usage_records": Rollups(lake).made_of((month.start, month.end)),
        "settings": [repr(each) for each in in_force],
        "ioledger": version("ioledger"),
    }


def path_of(lake: Path, month: Month) -> Path:
    """Return where the bill of a month lies in the table ``charge``."""
    return layout.derived_partition(lake, CHARGE.name, utc_day(month.start)) / f"{month.name}.parquet"


def store(lake: Path, bill: Bill) -> None:
    """Keep a bill in the lake, in the place of an earlier one of its month; raises LakeError."""
    path = path_of(lake, bill.month)
    note = {"made_of": bill.made_of, "rate_cards": bill.rate_cards}
    try:
        files.make_directories(path.parent)
        files.write_parquet(
            files.temporary(path),
            bill.lines,
            {_NOTE: json.dumps(note, sort_keys=True, ensure_ascii=False)},
            sealed=True,
        )
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
    lines = reader.stored_whole(path)
    note = json.loads((pq.read_metadata(path).metadata or {}).get(_NOTE.encode(), b"{}"))
    if not note or not files.is_as_sealed(path):
        raise LakeError(f"{path} is not as `ioledger rate` wrote it; remove it and rate {month.name} again")
    return Bill(month, lines.cast(arrow_schema(CHARGE.name)), note["made_of"], note["rate_cards"])
