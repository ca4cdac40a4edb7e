"""What monitoring is told of the lake as files: how large it is, how much room is left, when it was merged."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ioledger.lake import merged
from ioledger.lake.access import refuse_unlisted
from ioledger.lake.quarantine import QUARANTINE
from ioledger.metrics.family import NEVER, Family, Sample
from ioledger.model.tables import FACTS, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.metrics.family import Asked

OTHER: Final = "other"
"""What lies in a lake beside its tables: closed months, what builds remember, what was set aside."""

BYTES: Final = Family(
    "ioledger_lake_size_bytes", "Bytes in the files of a table, or in all others (`other`).", ("table",)
)
FILES: Final = Family("ioledger_lake_files", "Files of a table, or all others (`other`).", ("table",))
UNMERGED: Final = Family(
    "ioledger_lake_unmerged_files", "Files of facts that hold one run, which compaction has not merged."
)
COMPACTED: Final = Family(
    "ioledger_lake_last_compaction_timestamp_seconds",
    "When `lake compact` wrote the newest of the merged files that are there.",
)
SET_ASIDE: Final = Family(
    "ioledger_lake_set_aside_files", "Files that `lake verify --quarantine` took out of the tables and nobody put back."
)
ROOM: Final = Family(
    "ioledger_lake_filesystem_avail_bytes", "Bytes that ordinary users can still write to the lake's file system."
)
WHOLE: Final = Family("ioledger_lake_filesystem_size_bytes", "Bytes of the lake's file system, used or not.")
BUILD: Final = Family("ioledger_build_info", "1, with the version of ioledger that wrote these numbers.", ("version",))

_WHY: Final = "why.txt"


class Storage:
    """The files of a lake, and the program."""

    title: Final = "The lake"
    families: Final = (BYTES, FILES, UNMERGED, COMPACTED, SET_ASIDE, ROOM, WHOLE, BUILD)

    def samples(self, asked: Asked) -> Iterator[Sample]:
        """Return the values; every table has its series, also where it has no files."""
        sizes, counts = dict.fromkeys((*TABLES, OTHER), 0), dict.fromkeys((*TABLES, OTHER), 0)
        unmerged = set_aside = 0
        compacted_at = NEVER
        for table, file_name, told in _files(asked.lake):
            name = table if table in TABLES else OTHER
            sizes[name] += told.st_size
            counts[name] += 1
            set_aside += table == QUARANTINE and file_name != _WHY
            if table in FACTS and file_name.endswith(".parquet"):
                if merged.run_range(file_name):
                    compacted_at = max(compacted_at, told.st_mtime)
                else:
                    unmerged += 1
        for name in (*TABLES, OTHER):
            yield Sample(BYTES, sizes[name], (name,))
            yield Sample(FILES, counts[name], (name,))
        yield Sample(UNMERGED, unmerged)
        yield Sample(COMPACTED, compacted_at)
        yield Sample(SET_ASIDE, set_aside)
        of_disk = os.statvfs(asked.lake)
        yield Sample(ROOM, of_disk.f_bavail * of_disk.f_frsize)
        yield Sample(WHOLE, of_disk.f_blocks * of_disk.f_frsize)
        yield Sample(BUILD, 1, (version("ioledger"),))


def _files(lake: Path) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield the directory of the lake, the name and the facts of every file, but for those that are just going."""
    for directory, _, names in os.walk(lake, onerror=refuse_unlisted, followlinks=True):
        table = Path(directory).relative_to(lake).parts[:1]
        for name in names:
            with suppress(FileNotFoundError):
                yield "".join(table), name, os.stat(f"{directory}/{name}")  # noqa: PTH116 - a lake has many files


STORAGE: Final = Storage()
