"""Names what of a lake this user may not list or read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ioledger.errors import LakeError
from ioledger.shortage import is_shortage

if TYPE_CHECKING:
    from pathlib import Path
    from typing import NoReturn


def listed(directory: Path) -> list[Path]:
    """Return what lies in a directory, in no order; one that is not there holds nothing.

    Raises LakeError if it cannot be listed.
    """
    try:
        return list(directory.iterdir())
    except OSError as error:
        refuse_unlisted(error)
        return []


def refuse(cannot: str, error: OSError) -> NoReturn:
    """Raise LakeError, which says what ``cannot`` be done and asks for access.

    What the process lacks is no fault of the lake, and raised as it is.
    """
    if is_shortage(error):
        raise error
    raise LakeError(f"{cannot}: {error.strerror or error}; give this user access to it") from error


def refuse_unlisted(error: OSError) -> None:
    """Raise LakeError for a directory that cannot be listed; one that is not there holds nothing."""
    if not isinstance(error, FileNotFoundError):
        refuse(f"{error.filename} cannot be listed", error)
