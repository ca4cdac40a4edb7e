"""What monitoring is told of usage: how far it is built, what of it is observed, withheld, final and closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from ioledger.lake import layout
from ioledger.metrics.family import NOT_KNOWN, Family, Sample, seconds_of
from ioledger.model.period import LONGEST_WINDOW, utc_day
from ioledger.model.tables import QUARANTINE, USAGE_RECORD
from ioledger.sql_files import statements_of
from reports import closing
from reports.closing.archive import all_closed
from reports.usage.finality import provisional_hours_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.metrics.family import Asked

_DAY: Final = timedelta(days=1)
_LOOKED_BACK: Final = timedelta(days=31)

BUILT_UNTIL: Final = Family(
    "ioledger_usage_built_until_timestamp_seconds",
    "The end of the newest hour that `usage build` made records of after it was over.",
)
PROVISIONAL: Final = Family(
    "ioledger_usage_provisional_seconds",
    "Time in hours that ended in the last 31 days and can still change: a source that had a run in them has not "
    "reported since.",
)
COVERAGE: Final = Family(
    "ioledger_usage_coverage_ratio",
    "Share of their disks' time that was observed and lies in no gap, in the hours built of the last 24.",
)
LOWEST_COVERAGE: Final = Family(
    "ioledger_usage_lowest_coverage_ratio",
    "The same share of the account where it is the lowest; `close` compares that of the month with --min-coverage.",
)
WITHHELD: Final = Family(
    "ioledger_usage_quarantined_records",
    "Usage records that are withheld because they break an invariant, by hour, disk or volume and account.",
)
CLOSED_UNTIL: Final = Family(
    "ioledger_closed_until_timestamp_seconds", "The end of the last billing month that is closed."
)

_statement = statements_of("reports")


class Usage:
    """The usage records of a lake."""

    title: Final = "Usage"
    families: Final = (BUILT_UNTIL, PROVISIONAL, COVERAGE, LOWEST_COVERAGE, WITHHELD, CLOSED_UNTIL)

    def samples(self, asked: Asked) -> Iterator[Sample]:
        """Return the values; coverage is not known where no hour of the last 24 with disks is built."""
        built_until = _built_until(asked)
        yield Sample(BUILT_UNTIL, seconds_of(built_until))
        yield Sample(PROVISIONAL, _provisional(asked).total_seconds())
        shares, all_of_them = _coverage(asked, built_until)
        yield Sample(COVERAGE, NOT_KNOWN if all_of_them is None else float(all_of_them))
        yield Sample(LOWEST_COVERAGE, float(min(shares)) if shares else NOT_KNOWN)
        asked.opened.show(QUARANTINE.name, layout.files(asked.lake, QUARANTINE.name))
        ((withheld,),) = asked.opened.connection.execute(_statement("withheld_count")).fetchall()
        yield Sample(WITHHELD, withheld)
        months = all_closed(asked.lake)
        yield Sample(CLOSED_UNTIL, seconds_of(months[-1].end if months else None))


def _built_until(asked: Asked) -> datetime | None:
    """Find the end of the newest hour whose file was written after it: an hour may be built while it lasts."""
    for day in reversed(layout.days(asked.lake, USAGE_RECORD.name)):
        until: datetime | None = None
        for path in layout.files_of_days(asked.lake, USAGE_RECORD.name, [day]):
            asked.opened.show(USAGE_RECORD.name, [path])
            written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            ((ended,),) = asked.opened.connection.execute(
                "SELECT max(window_end) FROM usage_record WHERE window_end <= $over",
                {"over": min(written_at, asked.now)},
            ).fetchall()
            until = max(filter(None, (until, ended)), default=None)
        if until is not None:
            return until
    return None


def _provisional(asked: Asked) -> timedelta:
    hours = provisional_hours_of(asked.opened, asked.lake, asked.now - _LOOKED_BACK, asked.now)
    return sum((closes - opens for opens, closes in hours if closes <= asked.now), timedelta())


def _coverage(asked: Asked, until: datetime | None) -> tuple[list[Fraction], Fraction | None]:
    """Return the share of every account with disks, and that of all together."""
    since = asked.now - _DAY
    if until is None or until <= since:
        return [], None
    days = {utc_day(since), utc_day(until), utc_day(until - LONGEST_WINDOW)}
    asked.opened.show(USAGE_RECORD.name, layout.files_of_days(asked.lake, USAGE_RECORD.name, days))
    rows = asked.opened.connection.execute(closing.statement("coverage"), {"start": since, "end": until}).fetchall()
    times = [(Fraction(observed), Fraction(observed) + Fraction(gap)) for _, observed, gap in rows]
    of_all = sum(whole for _, whole in times)
    share = Fraction(sum(observed for observed, _ in times)) / of_all if of_all else None
    return [observed / whole for observed, whole in times], share


USAGE: Final = Usage()
