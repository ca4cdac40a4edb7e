"""The working copies that one command uses of lakes in object stores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ioledger.errors import ConfigurationError

if TYPE_CHECKING:
    from ioledger.config import ObjectStoreTable
    from ioledger.lake.remote.location import StoreAddress
    from ioledger.lake.remote.working_copy import WorkingCopy


class Copies:
    """Opens working copies, brings each up to date once, and puts what a command did into the stores."""

    def __init__(self) -> None:
        self._opened: dict[StoreAddress, WorkingCopy] = {}
        self._current: set[StoreAddress] = set()

    def opened(self, address: StoreAddress, table: ObjectStoreTable) -> WorkingCopy:
        """Return the working copy of a lake as it is; raises ConfigurationError where no store can be used."""
        if address not in self._opened:
            try:
                from ioledger.lake.remote.store import open_store  # noqa: PLC0415 - an extra, for those who have such lakes
                from ioledger.lake.remote.working_copy import WorkingCopy  # noqa: PLC0415 - likewise
            except ModuleNotFoundError as error:
                if error.name != "obstore":
                    raise
                raise ConfigurationError(
                    f"the lake {address} needs the client of object stores, which is not installed; install "
                    "ioledger[object-store]"
                ) from error
            directory = table.working_copy or _state_directory() / address.directory_name
            self._opened[address] = WorkingCopy(directory, open_store(address, table))
        return self._opened[address]

    def current(self, address: StoreAddress, table: ObjectStoreTable) -> Path:
        """Return the directory of the working copy of a lake, brought up to date by the first call."""
        copy = self.opened(address, table)
        if address not in self._current:
            copy.bring_up_to_date()
            self._current.add(address)
        return copy.path

    def made(self, address: StoreAddress, table: ObjectStoreTable) -> Path:
        """Return the directory of the working copy of a lake that is made unless it is there."""
        self.opened(address, table).create()
        return self.current(address, table)

    def put_back(self) -> None:
        """Put what was done to copies that were brought up to date into their stores; raises LakeError."""
        for address in self._current:
            self._opened[address].put_back()


def _state_directory() -> Path:
    """Return where programs keep what has to stay, by the XDG Base Directory Specification."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "ioledger"
