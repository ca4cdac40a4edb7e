"""What a user meets who may not write."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def without_overriding_permissions() -> list[str]:
    """Give the words before a command under which root, too, may not write what is read-only."""
    if os.geteuid() != 0:
        return []
    return ["/usr/bin/setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


@contextmanager
def read_only(lake: Path) -> Iterator[None]:
    """Let nobody make, rename or remove a file in a lake for the block."""
    directories = [lake, *(path for path in lake.rglob("*") if path.is_dir())]
    for directory in directories:
        directory.chmod(0o555)
    try:
        yield
    finally:
        for directory in directories:
            directory.chmod(0o755)
