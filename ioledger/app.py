"""What every command of the command line is handed: where the lake is, the configuration, the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ioledger import config
from ioledger.copies import Copies
from ioledger.errors import StoreRefusedError
from ioledger.lake.remote.location import location

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ioledger.clock import Clock
    from ioledger.lake.remote.location import Location
    from ioledger.lake.remote.working_copy import WorkingCopy


@dataclass(frozen=True, slots=True)
class App:
    """The surroundings of one command.

    ``config_file`` is the configuration that was named, or the usual one; ``config_named`` tells
    whether it was named and so has to exist. ``lake_option`` outranks what the configuration says.
    ``is_of_machine`` tells that a command is about this machine: of a lake in an object store it is
    content with what this machine collected.
    """

    clock: Clock
    config_file: Path = config.DEFAULT_FILE
    config_named: bool = False
    lake_option: Location | None = None
    is_of_machine: bool = False
    copies: Copies = field(default_factory=Copies, compare=False)

    def configuration(self) -> config.Configuration:
        """Read ioledger.toml; without one that was named, an absent file means the defaults."""
        if not self.config_named and not self.config_file.exists():
            return config.Configuration()
        return config.load(self.config_file)

    @property
    def directory(self) -> Path:
        """The directory that relative paths of the configuration start from."""
        return self.config_file.parent

    def location(self) -> Location:
        """Return where the lake is, or is to be: what --lake or the configuration says; nothing is checked."""
        where = self.lake_option or location(self.configuration().lake)
        return self.directory / where if isinstance(where, Path) and self.lake_option is None else where

    def lake(self) -> Path:
        """Return the directory of the lake, which is not checked.

        Of a lake in an object store it is the working copy, brought up to date by the first call; raises
        LakeError if that cannot be done.
        """
        where = self.location()
        if isinstance(where, Path):
            return where
        if self.is_of_machine and (spool := self.working_copy()) is not None and spool.is_spool():
            return spool.path
        return self.copies.current(where, self.configuration().object_store)

    def working_copy(self) -> WorkingCopy | None:
        """Return the working copy of a lake in an object store as it is; None where the lake is a directory."""
        where = self.location()
        return None if isinstance(where, Path) else self.copies.opened(where, self.configuration().object_store)

    def made_lake(self) -> Path:
        """Return the directory of the lake as ``lake`` does, after a lake in an object store was made."""
        where = self.location()
        return where if isinstance(where, Path) else self.copies.made(where, self.configuration().object_store)

    def record_reading(self, action: str, what: Mapping[str, object], now: datetime) -> None:
        """Add an entry to the audit log of what is about to leave the lake; to that in the object store, too.

        A user who may not write the lake or its store is warned that there is none. Raises LakeError if the
        entry cannot be stored otherwise, or another machine added one meanwhile; nothing may leave then.
        """
        from ioledger.lake import audit  # noqa: PLC0415 - it loads pyarrow, which a word of help need not wait for

        number = audit.record_reading(self.lake(), action, what, now)
        try:
            self.copies.put_back()
        except StoreRefusedError:
            if number is not None:  # or else no later command could bring the working copy up to date
                audit.withdraw(self.lake(), number)
                audit.tell_of_none(action, self.location())
