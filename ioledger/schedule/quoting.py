"""Paths as systemd, cron and shells read them."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

from ioledger.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_NOT_IN_UNITS: Final = re.compile(r"[\x00-\x1f\x7f]")


def fit_for_units(path: Path) -> Path:
    """Return an absolute path that a line of a unit can hold; raises ConfigurationError for one that none can."""
    if _NOT_IN_UNITS.search(str(path)):
        raise ConfigurationError(
            f"{str(path)!r} holds a control character, which no unit of systemd can hold; choose another path"
        )
    return path


def word(path: Path) -> str:
    r"""Return a path as one word of a unit's line (systemd.syntax(7)), for settings that take several.

    Dollars stay as they are: commands are written with ``:``, which keeps systemd from replacing them.
    """
    return '"' + str(path).replace("\\", r"\\").replace('"', r"\"").replace("%", "%%") + '"'


def cron_command(words: list[str]) -> str:
    """Return a command for a line of a crontab, in which cron has % for the end of a line (crontab(5))."""
    return shlex.join(words).replace("%", r"\%")
