"""What every command of the command line is handed: where the lake is, the configuration, the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ioledger import config

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.clock import Clock


@dataclass(frozen=True, slots=True)
class App:
    """The surroundings of one command.

    ``config_file`` is the configuration that was named, or the usual one; ``config_named`` tells
    whether it was named and so has to exist. ``lake_option`` outranks what the configuration says.
    """

    clock: Clock
    config_file: Path = config.DEFAULT_FILE
    config_named: bool = False
    lake_option: Path | None = None

    def configuration(self) -> config.Configuration:
        """Read ioledger.toml; without one that was named, an absent file means the defaults."""
        if not self.config_named and not self.config_file.exists():
            return config.Configuration()
        return config.load(self.config_file)

    @property
    def directory(self) -> Path:
        """The directory that relative paths of the configuration start from."""
        return self.config_file.parent

    def lake(self) -> Path:
        """Return where the lake is, or is to be; nothing is checked."""
        return self.lake_option or self.directory / self.configuration().lake
