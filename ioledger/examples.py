"""Examples below the help of commands."""

from __future__ import annotations


def examples(*commands: str) -> str:
    """Return what click prints below a command's options, given commands without the name of the program."""
    return "\b\n" + "\n".join(["Examples:", *(f"  ioledger {command}" for command in commands)])
