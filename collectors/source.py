"""What every source is: a class with settings, a kind, and one way to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import BaseModel

    from ioledger.clock import Clock
    from ioledger.health.check import Check
    from ioledger.model.records import Kind, Reading, Row


LONGEST_RUN_SECONDS: Final = 240
"""How long a run may take of a source that has no other reason: no deadline of its own is near it."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a source is handed for one run.

    ``clock`` is the run's: no step of the wall clock reaches it, and all times in rows come from it.
    ``remembered`` is what the source's last reading asked to be remembered; None at the first run,
    and where it was lost. ``last_rows`` then looks up, slowly, the last row with an epoch that the
    lake holds of each of the source's disks (vm_id, device, epoch and counters).
    """

    clock: Clock
    remembered: Mapping[str, Any] | None = None
    last_rows: Callable[[], Iterable[Row]] = tuple


class Source(Protocol):
    """A place that facts are read from.

    The class is named by an entry point of the group ``ioledger.sources``; the entry point's name
    is the ``type`` in ioledger.toml, and the other keys of the source's table are validated by
    ``Settings`` and handed to the constructor. A run that takes a minute longer than
    ``longest_run_seconds`` is stuck for good.
    """

    Settings: ClassVar[type[BaseModel]]
    kind: ClassVar[Kind]
    longest_run_seconds: int

    def read(self, occasion: Occasion) -> Reading:
        """List everything the source has, once.

        One run of a source follows another, but each is in another thread, which ends with the run.
        Raises SourceError when the listing itself fails: the run is then stored as failed. Items
        that could not be read are rows with NULLs, or are named in ``Reading.error``.
        """
        ...

    def examine(self, clock: Clock) -> list[Check]:
        """Look at what a run needs, for `doctor`: cheaply, changing nothing, and with nothing remembered.

        Raises SourceError, DataError or ConfigurationError where no more can be told; their sentence
        says what is to be mended.
        """
        ...

    def close(self) -> None:
        """Let go of what is kept between runs, such as connections; nothing is read after it.

        It is not called where a run is stuck or the process is killed: what is kept must not outlive it.
        """
        ...
