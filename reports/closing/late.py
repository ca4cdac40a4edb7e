"""Which usage records of closed months changed since they were billed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from ioledger.lake import files, layout, settings
from ioledger.lake.reader import scan
from ioledger.model.period import utc_day
from ioledger.model.tables import USAGE_RECORD
from reports.closing import statement
from reports.closing.archive import billed_usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path

    import pyarrow as pa

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from reports.charges.splitting import Usage
    from reports.closing.archive import Closed


@dataclass(frozen=True, slots=True)
class Late:
    """What came late for a closed month.

    ``usage`` are the files to rate it by now, by UTC date. ``changed`` are the records that are not as
    they were billed, by UTC date, with the column ``corrects_usage_record_id``; ``too_late`` are those on
    dates that are further back than corrections go.
    """

    month: Closed
    usage: Usage
    changed: Mapping[date, pa.Table]
    too_late: Mapping[date, pa.Table]

    def too_late_by_account(self) -> dict[str | None, int]:
        """Return how many records of each account are not corrected."""
        return Counter(account for rows in self.too_late.values() for account in rows.column("account_id").to_pylist())


def late(opened: OpenLake, lake: Path, months: Sequence[Closed], month: Closed, since: date) -> Late:
    """Return what came late for one of the closed months.

    Records of UTC dates before ``since`` are not corrected. Raises LakeError if files cannot be read.
    """
    billed = billed_usage(months, month)
    stored = layout.by_day(layout.files(lake, USAGE_RECORD.name))
    present = {day: paths for day, paths in stored.items() if utc_day(month.start) <= day <= utc_day(month.end)}
    usage = {day: billed.get(day, []) for day in sorted({*billed, *present})}
    changed: dict[date, pa.Table] = {}
    too_late: dict[date, pa.Table] = {}
    for day in usage:
        if _digests(billed.get(day, ())) == _digests(present.get(day, ())):
            continue
        rows = revised(opened, present.get(day, ()), billed.get(day, ()), (month.start, month.end))
        corrected = rows.filter(pc.is_valid(rows.column("corrects_usage_record_id")))
        if len(corrected) and day >= since:
            usage[day] = present.get(day, [])
            changed[day] = corrected
        elif len(corrected):
            too_late[day] = corrected
    return Late(month, usage, changed, too_late)


def revised(
    opened: OpenLake, present: Sequence[Path], billed: Sequence[Path], hours: tuple[datetime, datetime]
) -> pa.Table:
    """Return the records of some closed hours of one UTC date as they are to be billed.

    Those that are not as they were billed have the next revision and ``corrects_usage_record_id``.
    """
    opened.show(USAGE_RECORD.name, present)
    opened.connection.execute(f"CREATE OR REPLACE TEMP VIEW billed_record AS {scan(USAGE_RECORD.name, billed)}")
    return opened.connection.sql(statement("revised"), params={"start": hours[0], "end": hours[1]}).to_arrow_table()


def corrected_since(start: datetime, line: Timeline) -> date:
    """Return the first UTC date whose usage is corrected in a month that begins at ``start``."""
    return utc_day(start - timedelta(days=settings.at(line, start).correction_look_back_days))


def _digests(paths: Sequence[Path]) -> list[str]:
    return [files.footer_digest(path) for path in paths]
