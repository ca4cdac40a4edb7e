"""What every source is: a class with settings, a kind, and one way to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ioledger.clock import Clock
    from ioledger.model.records import Kind, Reading


class Source(Protocol):
    """A place that facts are read from.

    The class is named by an entry point of the group ``ioledger.sources``; the entry point's name
    is the ``type`` in ioledger.toml, and the other keys of the source's table are validated by
    ``Settings`` and handed to the constructor.
    """

    Settings: ClassVar[type[BaseModel]]
    kind: ClassVar[Kind]

    def read(self, clock: Clock) -> Reading:
        """List everything the source has, once.

        Raises SourceError when the listing itself fails: the run is then stored as failed. Items
        that could not be read are rows with NULLs, or are named in ``Reading.error``.
        """
        ...
