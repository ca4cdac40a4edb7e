"""Locks on file systems that refuse them, and on disks that are full."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

import pytest
from lakes import new_lake

from ioledger.errors import BusyError, LakeError
from ioledger.lake import locks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def refuse(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, number: int) -> None:
    """Let a call end with an error, as no file system of a test machine does."""

    def call(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(owner, name, call)


@pytest.mark.parametrize(
    "lock",
    [locks.publishing, locks.swapping, locks.reading, locks.unread, lambda lake: locks.exclusive(lake, "upkeep")],
)
def test_a_file_system_without_locks_is_told_in_a_sentence(
    lock: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = new_lake(tmp_path)
    refuse(monkeypatch, fcntl, "flock", errno.ENOLCK)
    with pytest.raises(LakeError, match=r"cannot be locked: No locks available; put it on a file system"), lock(lake):  # type: ignore[attr-defined]
        pass


def test_a_full_disk_keeps_nobody_from_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = new_lake(tmp_path)
    refuse(monkeypatch, os, "pwrite", errno.ENOSPC)
    with (
        locks.exclusive(lake, "upkeep"),
        pytest.raises(BusyError, match="in use by process unknown"),
        locks.exclusive(lake, "upkeep"),
    ):
        pass
