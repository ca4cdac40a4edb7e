"""Publishes an export: the file and its control totals appear together and whole, or not at all."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

from ioledger.clock import utc_text
from ioledger.errors import BusyError, ConfigurationError, LakeError
from ioledger.lake import files
from reports.exports import formats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from reports.exports.batch import Export
    from reports.exports.formats import FileFormat

_log = logging.getLogger(__name__)


def refuse_unfit(name: str, table: str) -> None:
    """Raise ConfigurationError if a format cannot take a table."""
    if table not in formats.load(name).TABLES:
        raise ConfigurationError(
            f"the format {name} cannot hold rows of {table}; valid are {', '.join(formats.taking(table))}"
        )


def write_file(export: Export, name: str, path: Path) -> None:
    """Write an export as the file ``path``, and its control totals beside it, as ``path`` with ``.totals.json``.

    Raises ConfigurationError if the file cannot be written, BusyError if another process is writing it, and
    LakeError if what was written does not tie with the control totals. Nothing new is then left.
    """
    module = cast("FileFormat", formats.load(name))
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{path} is no file; name one that is to be written")
    totals_path = path.with_name(f"{path.name}.totals.json")
    try:
        with _reserved(path), _reserved(totals_path):
            written = files.temporary(path)
            module.write(export, written)
            left_out = _left_out(export, module)
            _refuse_difference(export, module, written, left_out)
            digest = _flushed(written)
            files.temporary(totals_path).write_bytes(_totals_file(export, name, digest, left_out))
            _flushed(files.temporary(totals_path))
            export.announce(digest)
            files.publish(totals_path)
            files.publish(path)
            if left_out:
                _log.warning("ioledger: %s is without %s", path.name, _counted(left_out))
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror or error}; nothing of it was kept, "
            "name a file in a directory with room that this user can write"
        ) from error


@contextmanager
def _reserved(path: Path) -> Iterator[None]:
    """Be the only one who writes the temporary file of ``path``, and remove it if it did not get its name."""
    temporary = files.temporary(path)
    with temporary.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_own = os.fstat(stream.fileno()).st_ino == temporary.stat().st_ino
        except (BlockingIOError, FileNotFoundError):
            is_own = False
        if not is_own:
            raise BusyError(f"another process is writing {path}; wait for it to end, or name another file")
        try:
            yield
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _counted(left_out: Mapping[str, int]) -> str:
    told = ", ".join(f"{count} {why.replace('_', ' ')}" for why, count in left_out.items())
    return f"{sum(left_out.values())} of the rows: {told}"


def _left_out(export: Export, module: FileFormat) -> Mapping[str, int] | None:
    count = formats.leaving_out(module)
    return None if count is None else count(export)


def _refuse_difference(export: Export, module: FileFormat, written: Path, left_out: Mapping[str, int] | None) -> None:
    count = formats.row_counter(module)
    expected = export.totals.row_count - sum((left_out or {}).values())
    found = expected if count is None else count(written)
    if found != expected:
        raise LakeError(
            f"{found} rows of {export.table.name} were written, and {export.period} has {expected}; "
            "nothing was kept, export again and report it if it stays so"
        )


def _flushed(path: Path) -> str:
    """Make a file durable and return its SHA-256, in hex."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
    return files.digest(path)


def _totals_file(export: Export, name: str, digest: str, left_out: Mapping[str, int] | None) -> bytes:
    content = {
        "period": export.period,
        "start": utc_text(export.start),
        "end": utc_text(export.end),
        "table": export.table.name,
        "format": name,
        "status": export.status,
        "account_id": export.account_id,
        "row_count": export.totals.row_count,
        "totals": export.totals.as_json(),
        **({} if left_out is None else {"left_out": dict(left_out)}),
        "sha256": digest,
        "provenance": dict(export.provenance),
    }
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
