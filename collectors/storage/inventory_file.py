"""Allocations and pools of any storage that can write a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from collectors.inventory.source import InventoryFile, InventorySettings, examine_files, read_files
from collectors.source import LONGEST_RUN_SECONDS

if TYPE_CHECKING:
    from collectors.source import Occasion
    from ioledger.clock import Clock
    from ioledger.health.check import Check
    from ioledger.model.records import Kind, Reading


class StorageInventory:
    """Inventory files as a storage source."""

    class Settings(InventorySettings):
        """One file for each table, at least one."""

        provisioned_iops: InventoryFile | None = None
        storage_pool: InventoryFile | None = None
        volume_alias: InventoryFile | None = None

    kind: ClassVar[Kind] = "storage"
    longest_run_seconds = LONGEST_RUN_SECONDS

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def read(self, occasion: Occasion) -> Reading:  # noqa: ARG002 - files say what holds, not when
        """Read all files; DataError when one cannot be read or has a bad row."""
        return read_files(self._settings)

    def examine(self, clock: Clock) -> list[Check]:  # noqa: ARG002 - likewise
        """Read all files and count their rows; raises as ``read``."""
        return examine_files(self._settings)

    def close(self) -> None:
        """Nothing is kept open."""
