"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ioledger.errors import IoledgerError


@dataclass(frozen=True, slots=True)
class Check:
    """What `doctor` found of one thing.

    ``name`` is what was looked at (connection, rights, clock), ``found`` what is there, and ``mend`` what
    somebody has to do; None where nothing is wrong. ``source`` is the source that it is about, if any.
    """

    name: str
    found: str
    mend: str | None = None
    source: str | None = None


def of_error(name: str, error: IoledgerError, source: str | None = None) -> Check:
    """Return what an error tells: the end of its sentence is what is to be done."""
    told, _, mend = str(error).rpartition("; ")
    return Check(name, told or mend, mend, source)
