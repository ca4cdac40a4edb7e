"""The JSON of CloudStack's listUsageRecords, for billing that reads CloudStack; docs/exports.md has its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reports.exports import statement
from reports.exports.lines import lines

if TYPE_CHECKING:
    from pathlib import Path

    from reports.exports.batch import Export

TABLES: Final = ("usage_record",)

_START: Final = b'{"listusagerecordsresponse":{"count":'
_COUNT_WIDTH: Final = 20
_FIRST_OF_ROW: Final = (b'{"usagetype":6,', b'{"usagetype":21,')


def write(export: Export, path: Path) -> None:
    """Write a record of type 6 for each allocation, and of the types 21 to 24 for what each disk did.

    The file has a line for each record. How many there are is known in the end and stands at the start,
    where CloudStack has it.
    """
    count = 0
    with path.open("wb") as stream:
        stream.write(_START + b" " * _COUNT_WIDTH + b',"usagerecord":[')
        for part in lines(export, statement("cloudstack")):
            stream.write(part if count else part.removeprefix(b","))
            count += part.count(b"\n")
        stream.write(b"\n]}}\n")
        stream.seek(len(_START))
        stream.write(f"{count:{_COUNT_WIDTH}}".encode())


def count_rows(path: Path) -> int:
    """Count the usage records of which there are lines."""
    with path.open("rb") as stream:
        return sum(1 for line in stream if line.startswith(_FIRST_OF_ROW))
