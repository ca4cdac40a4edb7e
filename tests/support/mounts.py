"""Small real file systems, which only root may mount."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def mounted(point: Path, options: str) -> Iterator[Path]:
    """Mount a file system in memory at a new directory, with options such as ``size=4m``, for the block."""
    point.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(point)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system takes root")
    try:
        yield point
    finally:
        subprocess.run(["umount", "--lazy", str(point)], check=True)


@contextmanager
def full(point: Path, room_bytes: int) -> Iterator[None]:
    """Leave so much room on a file system for the block, and no more."""
    state = os.statvfs(point)
    filler = point / "filler"
    filler.write_bytes(bytes(max(0, state.f_bavail * state.f_frsize - room_bytes)))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def bound(source: Path, point: Path) -> Iterator[None]:
    """Show a directory at another one for the block, also when its files are in use at the end."""
    subprocess.run(["mount", "--bind", str(source), str(point)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(point)], check=True)


def make_read_only(point: Path) -> None:
    """Let nobody write to a file system any more, not even root."""
    subprocess.run(["mount", "-o", "remount,ro", str(point)], check=True)


def make_writable(point: Path) -> None:
    subprocess.run(["mount", "-o", "remount,rw", str(point)], check=True)
