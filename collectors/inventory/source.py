"""What the storage and the control-plane source of inventory files share: settings and reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import AfterValidator, model_validator

from collectors.inventory.csv_file import read_csv
from collectors.inventory.parquet_file import read_parquet
from collectors.inventory.toml_file import read_toml
from ioledger.config import ConfiguredPath, StrictModel
from ioledger.errors import DataError, counted, one_of
from ioledger.health.check import Check
from ioledger.model.records import Reading
from ioledger.model.tables import FACTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ioledger.model.records import Row
    from ioledger.model.tables import Table

FORMATS: Final[Mapping[str, Callable[[bytes, str, Table], list[Row]]]] = {
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".toml": read_toml,
}
"""The formats by the suffix of the file's name, in lower case."""


def _of_a_known_format(path: Path) -> Path:
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"an inventory file's name ends in one of {one_of(FORMATS)}; {path.name!r} does not")
    return path


InventoryFile = Annotated[ConfiguredPath, AfterValidator(_of_a_known_format)]
"""A file of a known format; a relative path starts where the configuration lies."""


class InventorySettings(StrictModel):
    """The files of one source, by table: every field is the path of one, and one at least is set."""

    @model_validator(mode="after")
    def _some_file(self) -> Self:
        if not any(self.model_dump().values()):
            msg = f"no inventory file is named; set at least one of {one_of(type(self).model_fields)}"
            raise ValueError(msg)
        return self


def read_files(settings: InventorySettings) -> Reading:
    """Read every file that is set, whole.

    Raises DataError for a file that cannot be read or holds a bad row: then nothing is read.
    """
    files: dict[str, Path | None] = settings.model_dump()
    return Reading(tables={name: read_table(path, FACTS[name]) for name, path in files.items() if path is not None})


def examine_files(settings: InventorySettings) -> list[Check]:
    """Read every file that is set and count its rows; raises as ``read_files``."""
    return [Check(f"file of {name}", counted(len(rows), "row")) for name, rows in read_files(settings).tables.items()]


def read_table(path: Path, table: Table) -> list[Row]:
    """Read one table from a file whose suffix is one of ``FORMATS``.

    Rows hold the table's columns but for ``source``, ``run_id`` and ``observed_at``; what is NULL
    is left out. Raises DataError, which names the file, the place and what is valid there.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read: {reason}; put the file there, readable for who collects") from error
    return FORMATS[path.suffix.lower()](data, str(path), table)
