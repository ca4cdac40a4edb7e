"""What a source keeps between its runs, beside the lake's files.

It is a convenience that may be lost: whatever it says can be told, with more work, from the rows.
"""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ioledger.errors import UNREADABLE, LakeError
from ioledger.lake import files, layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def recall(lake: Path, source: str) -> dict[str, Any] | None:
    """Return what was remembered last for a source; None where there is nothing, or nothing whole."""
    try:
        remembered = json.loads(layout.memory_file(lake, source).read_bytes())
    except UNREADABLE:
        return None
    return remembered if isinstance(remembered, dict) else None


def remember(lake: Path, source: str, values: Mapping[str, Any]) -> None:
    """Keep JSON for the source's next run, in place of what was kept; LakeError if it cannot be written."""
    layout.refuse_vanished(lake)
    path = layout.memory_file(lake, source)
    try:
        files.make_directories(path.parent)
        files.write_whole(path, json.dumps(values, separators=(",", ":")).encode())
    except OSError as error:
        raise LakeError(
            f"{path} cannot be written: {error.strerror}; make the lake writable and collect again"
        ) from error


class Refusal(NamedTuple):
    """That a collector stored nothing of a source: on which machine, when by the lake's file system, and why."""

    machine: str
    at: datetime
    reason: str


def machine() -> str:
    """Name this machine as its administrators do."""
    return socket.gethostname()


def tell_refusal(lake: Path, source: str, reason: str) -> None:
    """Leave word in the lake that this machine stored nothing of a source, for whoever looks from elsewhere.

    A run that is refused leaves no row, and its machine's log is seen there alone. It is no error if no
    word can be left.
    """
    path = layout.refusal_file(lake, source)
    with suppress(OSError, LakeError):
        layout.refuse_vanished(lake)
        files.make_directories(path.parent)
        files.write_whole(path, json.dumps({"machine": machine(), "reason": reason}).encode())


def refusal(lake: Path, source: str) -> Refusal | None:
    """Return the last refusal of a source; None if there was none."""
    path = layout.refusal_file(lake, source)
    try:
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        told = json.loads(path.read_bytes())
        return Refusal(str(told["machine"]), at, str(told["reason"]))
    except (*UNREADABLE, KeyError, TypeError):
        return None
