"""Whether this ioledger may read what another one wrote: files of a lake tell the version of their schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ioledger.errors import NewerVersionError, shown
from ioledger.model.tables import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY: Final = "ioledger.schema_version"
"""Where Parquet files have it, in their metadata."""

_MOST_DIGITS: Final = 18
"""Python refuses to read numbers of thousands of digits, and whoever broke a file may have put them there."""


def is_known(version: object) -> bool:
    """Tell whether this ioledger reads what is of a version; other values than whole numbers are of none."""
    return type(version) is int and 1 <= version <= SCHEMA_VERSION


def refuse_newer(what: object, version: object) -> None:
    """Raise NewerVersionError for a version that this ioledger does not read.

    ``what`` is of it: a path, as a rule. Reading it all the same would give other amounts than are meant.
    """
    if not is_known(version):
        raise NewerVersionError(
            f"{what} has schema version {shown(version)}, and this ioledger reads {_readable()}; upgrade ioledger to "
            "the version that wrote it, or a newer one"
        )


def refuse_newer_file(path: object, metadata: Mapping[bytes, bytes] | None) -> None:
    """Do so for a Parquet file by its metadata; one that tells none is not by ioledger, and is taken as it is."""
    told = (metadata or {}).get(KEY.encode())
    if told is not None:
        refuse_newer(path, int(told) if told.isdigit() and len(told) <= _MOST_DIGITS else told.decode(errors="replace"))


def _readable() -> str:
    return f"1 to {SCHEMA_VERSION}" if SCHEMA_VERSION > 1 else "version 1"
