"""What monitoring is told of a lake in an object store: what was collected here and has not arrived there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ioledger.lake.remote.backlog import Backlog, backlog, is_working_copy
from ioledger.metrics.family import Family, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.metrics.family import Asked

UNSENT: Final = Family(
    "ioledger_store_unsent_bytes", "Bytes of runs that were collected here and are not in the object store yet."
)
WAITING: Final = Family(
    "ioledger_store_unsent_seconds", "For how long the oldest of them has been waiting; 0 where none is."
)


class ObjectStore:
    """The runs that wait for the store; of a lake in a directory none does."""

    title: Final = "The object store"
    families: Final = (UNSENT, WAITING)

    def samples(self, asked: Asked) -> Iterator[Sample]:
        """Return the values."""
        waiting = backlog(asked.lake) if is_working_copy(asked.lake) else Backlog(0, None)
        yield Sample(UNSENT, waiting.byte_count)
        yield Sample(WAITING, 0 if waiting.since is None else max(0.0, asked.now.timestamp() - waiting.since))


STORE: Final = ObjectStore()
