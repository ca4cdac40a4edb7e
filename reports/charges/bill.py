"""Makes the bill of a billing month: of its usage records as they are now, and of what came late for closed months."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.errors import ConfigurationError
from ioledger.lake import derived, files, layout, reader, settings
from ioledger.model.period import utc_day
from ioledger.model.tables import USAGE_RECORD
from reports.charges.charging import in_order, lines_of
from reports.charges.corrections import corrections
from reports.charges.parts import parts
from reports.charges.stored import Bill, cards_of, table_of
from reports.closing import archive
from reports.usage.cover import Rollups
from reports.usage.names import last_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from reports.charges.charging import Line
    from reports.charges.corrections import TooLate
    from reports.charges.parts import Month
    from reports.charges.splitting import Usage

_NAMES: Final = {"account_name": "account", "volume_name": "volume", "offering_name": "offering"}
"""The columns of names for people, and what they are names of."""


class Made(NamedTuple):
    """A bill that was made, and what came for closed months and is too old to be corrected."""

    bill: Bill
    too_late: list[TooLate]


def make(lake: Path, month: Month, text: str, path: Path) -> Made:
    """Rate a month by the text of a file of rate cards, and correct what came late for closed months.

    Raises ConfigurationError for wrong rate cards or a closed month, and LakeError if the lake cannot be
    read.
    """
    line = settings.load(lake)
    if archive.closed(lake, month.name):
        raise ConfigurationError(
            f"{month.name} is closed and its bill stays as it is; what came late for it is corrected on the bill of an "
            "open month, and --compare shows what other rate cards would give"
        )
    cards = cards_of(month, line, text, path)

    def read() -> Made:
        with reader.open_unlisted(lake) as opened:
            made_of = inputs(lake, month, line)
            lines = lines_of(opened, usage_of(lake, month), month, parts(month, cards, settings.zone_spans(line)))
            late = corrections(opened, lake, month, line)
            lines = sorted([*lines, *late.lines], key=in_order)
            _name(opened, lake, month, line, lines)
        return Made(Bill(month, table_of(lines), made_of, text), late.too_late)

    return derived.consistently(lake, read, (None, month.end))


def usage_of(lake: Path, month: Month) -> Usage:
    """List the files that have the usage records of a month."""
    by_day = layout.by_day(layout.files(lake, USAGE_RECORD.name))
    return {day: paths for day, paths in by_day.items() if utc_day(month.start) <= day <= utc_day(month.end)}


def inputs(lake: Path, month: Month, line: Timeline) -> dict[str, Any]:
    """Tell what a bill of now is made of, but for the rate cards."""
    rollups = Rollups(lake)
    in_force = [each for each in line if each.valid_from < month.end and each.valid_to > month.start]
    return {
        "usage_records": rollups.made_of((month.start, month.end)),
        "settings": [repr(each) for each in in_force],
        "closed": {
            each.period: {
                "manifest": files.digest(each.directory / archive.MANIFEST),
                "usage_records": rollups.made_of((each.start, each.end)),
            }
            for each in archive.all_closed(lake)
            if each.end <= month.start
        },
        "ioledger": version("ioledger"),
    }


def _name(opened: OpenLake, lake: Path, month: Month, line: Timeline, lines: Sequence[Line]) -> None:
    """Put the names that accounts, volumes and offerings had last by the end of a month on lines."""
    told_since = month.start - timedelta(seconds=max(each.max_allocation_age_seconds for each in line))
    for column, grouping in _NAMES.items():
        ids = {each[f"{grouping}_id"] for each in lines} - {None}
        names = last_names(opened, lake, grouping, ids, (told_since, month.end))
        for each in lines:
            each.setdefault(column, names.get(each[f"{grouping}_id"]))  # what is taken back has its names
