"""Freezes a billing month: copies what its bill stands on, and writes the manifest last."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from datetime import timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from ioledger.errors import LakeError
from ioledger.lake import audit, connections, files, layout, reader, settings
from ioledger.lake.schema import arrow_schema
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN, SCHEMA_VERSION, USAGE_RECORD
from reports.charges import stored
from reports.charges.bill import usage_of
from reports.closing import archive, statement
from reports.closing.archive import billed_usage
from reports.closing.late import corrected_since, late, revised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from reports.charges.parts import Month
    from reports.charges.stored import Bill
    from reports.closing.archive import Closed
    from reports.closing.late import Late
    from reports.closing.objections import Objection

_READ_ONLY: Final = 0o444
_OWN: Final = "SELECT * FROM usage_record WHERE window_start >= getvariable('part_start')"


class Total(NamedTuple):
    """What the lines of a bill of one currency, correction and kind add up to; None where none has an amount."""

    currency: str | None
    correction: str | None
    charge_kind: str
    line_count: int
    cost: Decimal | None
    amount: Decimal | None


def freeze(lake: Path, bill: Bill, accepted: Sequence[Objection], because: str | None, now: datetime) -> Closed:
    """Close the month of a bill that is stored in the lake.

    ``accepted`` are the objections that do not count, and ``because`` is why. The month is closed at once
    or not at all: its directory gets its name when everything is in it. Raises LakeError if the lake
    cannot be read or written.
    """
    target = archive.directory_of(lake, bill.month.name)
    made = target.with_name(f".{target.name}{files.TEMPORARY_SUFFIX}")
    try:
        if made.exists():
            shutil.rmtree(made)
        files.make_directories(made)
        last = audit.head(lake)
        manifest = _fill(lake, made, bill, now) | {
            "accepted": [objection._asdict() for objection in accepted],
            "because": because,
            "audit": None if last is None else last._asdict(),
        }
        files.write_whole(made / archive.MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode())
        for path in made.rglob("*"):
            if path.is_file():
                path.chmod(_READ_ONLY)
        audit.record(lake, "close", _told(made, manifest), now)
        made.rename(target)
        files.sync_directory(target.parent)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""  # a write that finds no room names no file
        raise LakeError(
            f"{bill.month.name} cannot be closed: {where}{error.strerror or error}; nothing of it is closed, make the "
            "lake writable and run the command again"
        ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)  # which is gone where the month is closed
    return archive.Closed(target, manifest)


def _told(made: Path, manifest: Mapping[str, Any]) -> dict[str, object]:
    """Say for the audit log what is closed, and by the digest of its manifest, which has all else."""
    facts = {name: manifest[name] for name in ("period", "totals", "accepted", "because")}
    return {**facts, "manifest_sha256": files.digest(made / archive.MANIFEST)}


def _fill(lake: Path, made: Path, bill: Bill, now: datetime) -> dict[str, Any]:
    """Put everything but the manifest into the directory of a month, and return what the manifest says."""
    month, line = bill.month, settings.load(lake)
    months = archive.all_closed(lake)
    with reader.open_lake(lake) as opened:
        _copy(stored.path_of(lake, month), made / archive.BILL)
        since = corrected_since(month.start, line)
        came = [late(opened, lake, months, closed, since) for closed in months]
        for day, records in _usage(opened, lake, bill, came):
            directory = layout.derived_partition(made, USAGE_RECORD.name, day)
            files.make_directories(directory)
            if isinstance(records, pa.Table):
                files.write_parquet(directory / "usage.parquet", records, sealed=True)
            else:
                for path in records:
                    _copy(path, directory / path.name)
            files.sync_directory(directory)
        too_late = [rows for each in came for rows in each.too_late.values()]
        if too_late:
            files.write_parquet(made / archive.NOT_CORRECTED, pa.concat_tables(too_late), sealed=True)
        known = _known_runs(opened, month, line, now)
        files.write_parquet(made / archive.INPUTS, known, sealed=True)
    text = (lake / layout.SETTINGS).read_text(encoding="utf-8") if (lake / layout.SETTINGS).exists() else ""
    return {
        "period": month.name,
        "start": month.start.isoformat(),
        "end": month.end.isoformat(),
        "closed_at": now.isoformat(),
        "ioledger": version("ioledger"),
        "schema_version": SCHEMA_VERSION,
        "event_cutoff": month.end.isoformat(),
        "arrival_cutoff": now.isoformat(),
        "last_runs": _last_runs(known),
        "settings": text,
        "rate_cards": hashlib.sha256(bill.rate_cards.encode()).hexdigest(),
        "totals": told(totals_of(bill.lines)),
        "previous": {months[-1].period: files.digest(months[-1].directory / archive.MANIFEST)} if months else {},
        "files": {str(path.relative_to(made)): files.digest(path) for path in sorted(made.rglob("*.parquet"))},
    }


def _known_runs(opened: OpenLake, month: Month, line: Timeline, now: datetime) -> pa.Table:
    """Return the runs until now that a month can rest on, with the digests of their rows."""
    longest = timedelta(seconds=max(each.max_allocation_age_seconds for each in line))
    opened.show(COLLECTION_RUN.name, opened.files[COLLECTION_RUN.name])
    since = {"since": month.start - longest, "known_at": now}
    return opened.connection.sql(statement("input"), params=since).to_arrow_table()


def _usage(
    opened: OpenLake, lake: Path, bill: Bill, came: Sequence[Late]
) -> Iterator[tuple[date, list[Path] | pa.Table]]:
    """Give the usage records that a bill stands on, by UTC date: of its month, and of closed ones that it corrects.

    ``came`` is what came late, for each closed month. Where hours of closed months lie on a date, these are as
    they are billed now; else its files can be copied.
    """
    month = bill.month
    months = [each.month for each in came]
    present = layout.by_day(layout.files(lake, USAGE_RECORD.name))
    own = usage_of(lake, month)
    corrected = {day for each in came for day in each.changed}
    for day in sorted({*own, *corrected}):
        before = [closed for closed in months if utc_day(closed.start) <= day <= utc_day(closed.end)]
        parts = [
            revised(opened, present.get(day, ()), billed_usage(months, closed).get(day, ()), (closed.start, closed.end))
            for closed in before
        ]
        if not any(map(len, parts)):
            yield day, own[day]
            continue
        opened.show(USAGE_RECORD.name, own.get(day, ()))
        opened.connection.execute("SET VARIABLE part_start = $1", [month.start])
        parts.append(opened.connection.sql(_OWN).to_arrow_table())
        columns = list(USAGE_RECORD.names)
        schema = arrow_schema(USAGE_RECORD.name)
        whole = pa.concat_tables([part.select(columns).cast(schema) for part in parts])
        yield day, whole.sort_by([(name, "ascending") for name in USAGE_RECORD.key])


def totals_of(lines: pa.Table) -> list[Total]:
    """Return what the lines of a bill add up to."""
    with connections.new() as connection:
        connection.register("line", lines)
        return [Total(*row) for row in connection.execute(statement("totals")).fetchall()]


def told(totals: Iterable[Total]) -> list[dict[str, Any]]:
    """Return totals as a manifest has them: with amounts as text, so that no reader rounds them."""
    return [
        {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in total._asdict().items()}
        for total in totals
    ]


def _last_runs(known: pa.Table) -> dict[str, str]:
    """Return the last run of each source that was known."""
    last: dict[str, str] = {}
    for source, run_id in zip(known.column("source").to_pylist(), known.column("run_id").to_pylist(), strict=True):
        last[source] = max(run_id, last.get(source, ""))
    return last


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as written:
        shutil.copyfileobj(read, written)
        written.flush()
        os.fsync(written.fileno())
