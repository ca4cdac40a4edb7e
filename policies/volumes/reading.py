"""Reads what is sold, set and enforced of every volume at a moment, and what rules say of the differences."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ioledger.errors import DataError
from ioledger.lake import layout, parsed, reader
from ioledger.lake.state.tables import show_reaching
from ioledger.model.period import utc_day
from ioledger.model.tables import DISK_IO_STAT, ENTITLEMENT, PROVISIONED_IOPS, VOLUME_IO_STAT
from ioledger.sql_files import statements_of
from policies import checking, engine
from policies.guarded import Guard
from policies.rule import shipped_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from ioledger.config import CheckTable
    from ioledger.lake.reader import OpenLake
    from policies.finding import Finding
    from policies.judged import Judged

COMPARING: Final = (
    "QOS102", "QOS103", "QOS104", "QOS106", "QOS201", "QOS202", "QOS204", "QOS206", "QOS207", "QOS209",
)  # fmt: skip
"""The rules that compare two of the three sides of a volume; a difference is what they find, and nothing else."""

_statement = statements_of("policies.volumes")

_BATCH: Final = 2000
"""Rows that are held at a time."""

_BY_VOLUME: Final = "volume_id NULLS LAST, vm_id NULLS FIRST, device, enforced_source"

_DIFFERS: Final = "WHERE reasons IS NOT NULL"


@dataclass(frozen=True, slots=True)
class WaitedSource:
    """A source whose news are not whole: how its last run ended, and when one last listed what there is.

    ``told_at`` is None where no run ever did; ``is_silent`` where that is longer ago than the age limit.
    """

    source: str
    last_status: str
    last_started_at: datetime
    last_error: str | None
    told_at: datetime | None
    is_silent: bool


class Volumes:
    """The volumes of a lake at a moment, while it is open."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take over the connection on which ``volume_row`` was made."""
        self._connection = connection

    @property
    def columns(self) -> list[str]:
        """The columns of the rows for programs."""
        return self._connection.table("volume_row").columns

    def rows(self, *, drift: bool) -> Iterator[dict[str, Any]]:
        """Give the rows for programs, by volume and disk; with ``drift`` those of which rules say something."""
        return self._rows(f"FROM volume_row {_DIFFERS if drift else ''} ORDER BY {_BY_VOLUME}")

    def rows_for_people(self, *, drift: bool) -> Iterator[dict[str, Any]]:
        """Give the same rows in words."""
        _execute(self._connection, "people")
        return self._rows(f"FROM people_row {_DIFFERS if drift else ''} ORDER BY {_BY_VOLUME}")

    def tally(self) -> tuple[int, int, int]:
        """Return the numbers of volumes, of those that differ, and of others of which that is not known."""
        counts: tuple[int, int, int] = self._connection.execute(_statement("tally")).fetchall()[0]
        return counts

    def waited_sources(self) -> list[WaitedSource]:
        """Return the sources whose news are not whole, by name."""
        found = self._connection.execute(_statement("unwhole_source")).fetchall()
        return [WaitedSource(*row) for row in found]

    def _rows(self, query: str) -> Iterator[dict[str, Any]]:
        for batch in self._connection.sql(query).to_arrow_reader(_BATCH):
            yield from batch.to_pylist()


@contextmanager
def volumes(
    lake: Path, judged: Judged, configured: Mapping[str, Mapping[str, int]], limits: CheckTable
) -> Iterator[Volumes]:
    """Open a lake and make the rows of its volumes at the moment ``judged``.

    ``configured`` holds what ioledger.toml sets for rules. Raises LakeError if the lake cannot be read, and
    DataError if a rule that compares the sides could not be run.
    """
    rules = [rule for rule in shipped_rules() if rule.code in COMPARING]
    values = engine.thresholds(rules, {code: own for code, own in configured.items() if code in COMPARING})
    with checking.prepared(lake, judged, engine.look_back(rules, values), limits) as opened:
        guard = Guard(limits.rule_timeout_seconds, partial(reader.refuse_unreadable, opened))
        findings = engine.check(opened.connection, rules, judged, values, guard)
        for finding in findings:
            if finding.status == "error":
                raise DataError(f"the sides of volumes cannot be compared: {finding.reason}")
        _put(opened.connection, findings)
        _make(opened, judged)
        yield Volumes(opened.connection)


def _put(connection: duckdb.DuckDBPyConnection, findings: list[Finding]) -> None:
    names = ("resource_kind", "resource_id", "volume_id", "code", "status", "observed", "expected", "reason")
    _execute(connection, "said", {name: [getattr(finding, name) for finding in findings] for name in names})


def _make(opened: OpenLake, judged: Judged) -> None:
    connection, moment = opened.connection, judged.start
    show_reaching(opened, judged.start, judged.end)
    _execute(connection, "told_last", {"moment": moment})
    ((old_until,),) = connection.execute("SELECT old_until FROM asked").fetchall()
    for table in (PROVISIONED_IOPS, ENTITLEMENT, VOLUME_IO_STAT):
        opened.show(table.name, _files(opened, table.name, old_until, moment))
    silent = connection.execute("SELECT source, told_at, told_until FROM silent_source").fetchall()
    opened.show(
        DISK_IO_STAT.name,
        [
            path
            for source, told_at, told_until in silent
            for path in _files(opened, DISK_IO_STAT.name, told_at, told_until)
            if layout.source_of(path) == source
        ],
    )
    _execute(connection, "told_before")
    _execute(connection, "counted")
    _show_samples_of_counted(opened)
    _execute(connection, "counted_by_both")
    _execute(connection, "volume_row")


def _show_samples_of_counted(opened: OpenLake) -> None:
    """Let ``disk_io_stat`` be the samples that may tell of what storages counted."""
    ((since, until),) = opened.connection.execute(
        "SELECT min(stretch.valid_from) - to_microseconds(max(max_gap_us)), "
        "max(stretch.valid_to) + to_microseconds(max(max_gap_us)) FROM storage_count AS stretch, setting"
    ).fetchall()
    paths = _files(opened, DISK_IO_STAT.name, since, until) if since else []
    select = opened.select(DISK_IO_STAT.name, paths)
    if since:
        opened.shown.setdefault(DISK_IO_STAT.name, set()).update(paths)
        select += f" WHERE sampled_at >= TIMESTAMPTZ '{since.isoformat()}' AND sampled_at <= '{until.isoformat()}'"
    opened.show_rows(DISK_IO_STAT.name, select)


def _files(opened: OpenLake, table: str, since: datetime, until: datetime) -> list[Path]:
    # A run may begin before midnight and read after it.
    days = utc_day(since - timedelta(days=1)), utc_day(until + timedelta(days=1))
    by_day = layout.by_day(opened.files[table]).items()
    return [path for day, paths in by_day if days[0] <= day <= days[1] for path in paths]


def _execute(connection: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, Any] | None = None) -> None:
    parsed.run(connection, connection.extract_statements(_statement(name)), values or {})
