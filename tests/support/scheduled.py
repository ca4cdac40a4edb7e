"""Reads units and crontabs as systemd and cron do, as far as ioledger writes them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def settings(unit: Path) -> dict[str, str]:
    """Give the settings of a unit by name; one that is there twice is a mistake."""
    lines = [line for line in unit.read_text().splitlines() if line and not line.startswith(("#", "["))]
    pairs = [(name, value) for name, _, value in (line.partition("=") for line in lines)]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def command_of(unit: Path) -> list[str]:
    """Give the words of the command of a unit that is run without replacing variables."""
    command = settings(unit)["ExecStart"]
    assert command.startswith(":")
    return [word.replace("%%", "%") for word in shlex.split(command[1:])]


def cron_lines(crontab: Path) -> list[tuple[str, str, str]]:
    """Give time, user and what the shell gets of every line of a file for /etc/cron.d (crontab(5))."""
    found = []
    for line in crontab.read_text().splitlines():
        if line.startswith("#") or line.partition(" ")[0].endswith("/bin/sh"):
            continue
        *when, user, command = line.split(maxsplit=6)
        assert "%" not in command.replace(r"\%", "")
        found.append((" ".join(when), user, command.replace(r"\%", "%")))
    return found
