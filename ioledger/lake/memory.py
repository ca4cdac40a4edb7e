"""What a source keeps between its runs, beside the lake's files.

It is a convenience that may be lost: whatever it says can be told, with more work, from the rows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ioledger.errors import LakeError
from ioledger.lake import files, layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def recall(lake: Path, source: str) -> dict[str, Any] | None:
    """Return what was remembered last for a source; None where there is nothing, or nothing whole."""
    try:
        remembered = json.loads(layout.memory_file(lake, source).read_bytes())
    except (OSError, ValueError):
        return None
    return remembered if isinstance(remembered, dict) else None


def remember(lake: Path, source: str, values: Mapping[str, Any]) -> None:
    """Keep JSON for the source's next run, in place of what was kept; LakeError if it cannot be written."""
    path = layout.memory_file(lake, source)
    try:
        files.make_directories(path.parent)
        files.write_whole(path, json.dumps(values, separators=(",", ":")).encode())
    except OSError as error:
        raise LakeError(
            f"{path} cannot be written: {error.strerror}; make the lake writable and collect again"
        ) from error
