"""What the other system counted: a dump of CloudStack's usage records, or a CSV file of any."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, Literal

from ioledger.clock import utc_text
from ioledger.errors import ConfigurationError, DataError, shown, why_unreadable
from ioledger.model.period import parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

Unit = Literal["operations", "bytes"]

_CLOUDSTACK_TYPES: Final[Mapping[int, Unit]] = {21: "operations", 22: "operations", 23: "bytes", 24: "bytes"}
"""Reads and writes of volumes, in CloudStack's numbers of types of usage."""

_CSV_AMOUNTS: Final[Mapping[Unit, tuple[str, ...]]] = {
    "operations": ("operations", "read_ops", "write_ops"),
    "bytes": ("read_bytes", "write_bytes"),
}

_LONGEST: Final = timedelta(hours=26)
"""Longer than any day: a record that is longer does not say on which day something happened."""

_LIMIT: Final = 2**63

_LONGEST_NAME: Final = 60

_DATES: Final = ("startdate", "enddate")

_BETWEEN: Final = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True)
class Record:
    """An amount of the other system.

    ``volume_id`` is its own name of the volume, None where it gives none; ``identity`` is all that the
    file says of the record, the same for one that is listed twice.
    """

    volume_id: str | None
    starts: datetime
    ends: datetime
    unit: Unit
    amount: int
    identity: str


def read(path: Path, zone: ZoneInfo) -> list[Record]:
    """Read a file of either form; times without an offset, and days, are meant in ``zone``.

    Raises ConfigurationError if the file cannot be read, and DataError if it is of neither form, or a
    record lasts longer than a day.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}; name a file that this user can read"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}); write it again as UTF-8") from error
    is_json = text.lstrip().startswith(("{", "["))
    return list(_cloudstack(text, path, zone) if is_json else _csv(text, path, zone))


def _cloudstack(text: str, path: Path, zone: ZoneInfo) -> Iterator[Record]:
    for number, found in enumerate(_usage_records(_documents(text, path), path), start=1):
        where = f"{path}, usage record {number}"
        kind = found.get("usagetype")
        if not isinstance(kind, int):
            raise DataError(f"{where}: usagetype is {kind!r}, and every usage record has a number there")
        if kind not in _CLOUDSTACK_TYPES:
            continue
        starts, ends = (_cloudstack_moment(found.get(name), f"{where}, {name}", zone) for name in _DATES)
        # Releases before 4.12 give the operations that were written the type of the bytes (apache/cloudstack,
        # VmDiskUsageParser); `usage` is the amount in words, such as "12 io write".
        is_operations = str(found.get("usage", "")).endswith(" io write")
        yield _checked(
            Record(
                volume_id=found.get("usageid") or None,
                starts=starts,
                ends=ends,
                unit="operations" if is_operations else _CLOUDSTACK_TYPES[kind],
                amount=_whole_number(found.get("rawusage"), f"{where}, rawusage"),
                identity=json.dumps(found, sort_keys=True, default=str),
            ),
            where,
        )


def _documents(text: str, path: Path) -> Iterator[Any]:
    """Decode one JSON value after the other: pages as a client prints them."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    position = _next_document(text, 0)
    while position < len(text):
        try:
            document, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}, line {error.lineno}: {error.msg}; it has to be JSON to its end") from error
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise DataError(f"{path} cannot be read as JSON: {why_unreadable(error)}; correct it there") from error
        yield document
        position = _next_document(text, position)


def _next_document(text: str, position: int) -> int:
    between = _BETWEEN.match(text, position)
    return between.end() if between else position


def _usage_records(documents: Iterable[Any], path: Path) -> Iterator[dict[str, Any]]:
    """Unpack the pages: the answer of the API, what `cmk` prints of it, lists of either or of records."""
    for document in documents:
        if isinstance(document, list):
            yield from _usage_records(document, path)
        elif isinstance(document, dict) and "usagetype" in document:
            yield document
        elif isinstance(document, dict) and document.keys() <= {"listusagerecordsresponse", "count", "usagerecord"}:
            yield from _usage_records([document.get("listusagerecordsresponse", document.get("usagerecord", []))], path)
        else:
            raise DataError(
                f"{path} holds JSON that is no answer of CloudStack's listUsageRecords; write what "
                "`cmk list usagerecords` prints into it, or give a CSV file"
            )


def _cloudstack_moment(text: object, where: str, zone: ZoneInfo) -> datetime:
    # Some releases print the quotes of their own pattern: 2026-10-01'T'00:00:00+00:00.
    return _moment(text.replace("'", "") if isinstance(text, str) else text, where, zone)


def _csv(text: str, path: Path, zone: ZoneInfo) -> Iterator[Record]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = rows.fieldnames or []
    except csv.Error as error:
        raise DataError(f"{path}, line 1: {error}; it has to be CSV as RFC 4180 has it") from error
    amounts = {unit: [name for name in wanted if name in names] for unit, wanted in _CSV_AMOUNTS.items()}
    if "volume_id" not in names or not {"day", "start"} & {*names} or not any(amounts.values()):
        raise DataError(
            f"{path} has the columns {', '.join(map(_legible, names)) or 'of no name'}; a CSV file needs volume_id, "
            f"day or start, and one or more of {', '.join(name for wanted in _CSV_AMOUNTS.values() for name in wanted)}"
        )
    try:
        for row in rows:
            where = f"{path}, line {rows.line_num}"
            starts, ends = _csv_times(row, where, zone)
            identity = json.dumps([row[name] for name in names])
            for unit, given in amounts.items():
                whole = [name for name in given if name == unit and row[name]]
                told = [_whole_number(row[name], f"{where}, {name}") for name in whole or given if row[name]]
                if told:
                    yield _checked(Record(row["volume_id"] or None, starts, ends, unit, sum(told), identity), where)
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num}: {error}; it has to be CSV as RFC 4180 has it") from error


def _legible(name: str) -> str:
    return name if name.isprintable() and len(name) <= _LONGEST_NAME else shown(name)


def _csv_times(row: Mapping[str, str], where: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    if row.get("start"):
        starts = _moment(row["start"], f"{where}, start", zone)
        return starts, _moment(row["end"], f"{where}, end", zone) if row.get("end") else starts
    try:
        day = date.fromisoformat(row.get("day") or "")
    except ValueError as error:
        raise DataError(f"{where}: day is {row.get('day')!r}; write it as 2026-10-05") from error
    # At noon, for there are days that do not begin at midnight.
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone).astimezone(UTC)
    return noon, noon


def _moment(text: object, where: str, zone: ZoneInfo) -> datetime:
    try:
        return parse_moment(text if isinstance(text, str) else "", zone)
    except ConfigurationError as error:
        raise DataError(f"{where} is {text!r}; write it as 2026-10-05T00:00:00+00:00") from error


def _whole_number(value: object, where: str) -> int:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number != number.to_integral_value() or abs(number) >= _LIMIT:
        raise DataError(f"{where} is {value!r}; valid are whole numbers between -2^63 and 2^63")
    return int(number)


def _checked(record: Record, where: str) -> Record:
    if not timedelta() <= record.ends - record.starts <= _LONGEST:
        raise DataError(
            f"{where} is of {utc_text(record.starts)} to {utc_text(record.ends)}; valid are records of a day at "
            "most, have the other system sum up by days or hours"
        )
    return record
