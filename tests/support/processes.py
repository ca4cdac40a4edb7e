"""The processes of this machine, as anybody on it sees them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def command_lines() -> Iterator[tuple[int, list[str]]]:
    """Yield the id and the arguments of every process."""
    for directory in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            pid = int(directory.name)
            if arguments := (directory / "cmdline").read_bytes():
                yield pid, arguments.decode(errors="replace").rstrip("\0").split("\0")


def environment(pid: int) -> str:
    """Return what a process was started with; nothing of one that is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    return ""


def parent(pid: int) -> int | None:
    """Return the id of the process that started one; None for one that is gone."""
    with suppress(OSError):
        _, _, after_command = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
        return int(after_command.split()[1])
    return None
