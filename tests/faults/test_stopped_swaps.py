"""Whoever swaps files is told to stop, or meets a bad disk, just when the journal has its name: nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lakes import MINUTE, NOON, a_run, content, new_lake, read, sample

from ioledger.errors import LakeError
from ioledger.lake import files, journal
from ioledger.lake.compaction import compact
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AFTER_THE_DAY = NOON + 14 * 60 * MINUTE
TWICE = NOON + MINUTE


def run_again(lake: Path) -> None:
    write_run(lake, a_run(sample(at=TWICE, read_ops=8), at=TWICE))


SWAPS: dict[str, tuple[Callable[[Path], object], list[int]]] = {
    "a compaction": (lambda lake: compact(lake, AFTER_THE_DAY), [0, 1, 2]),
    "a run that comes again": (run_again, [0, 8, 2]),
}


@pytest.mark.parametrize("stopped_by", [KeyboardInterrupt(), OSError(5, "Input/output error")], ids=["signal", "EIO"])
@pytest.mark.parametrize("what", SWAPS)
def test_files_that_count_already_stay(
    what: str, stopped_by: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap, reads = SWAPS[what]
    moments = [NOON + number * MINUTE for number in range(3)]
    lake = new_lake(tmp_path, *(a_run(sample(at=at, read_ops=n), at=at) for n, at in enumerate(moments)))
    if swap is run_again:
        compact(lake, AFTER_THE_DAY)
    sync = files.sync_directory

    def stopped(directory: Path) -> None:
        if directory.name == journal.DIRECTORY and any(directory.iterdir()):
            raise stopped_by
        sync(directory)

    with monkeypatch.context() as patched:
        patched.setattr(files, "sync_directory", stopped)
        with pytest.raises((KeyboardInterrupt, LakeError, OSError)):
            swap(lake)
    for _ in range(2):
        assert read(lake, "SELECT read_ops FROM disk_io_stat ORDER BY sampled_at") == [(n,) for n in reads]
        compact(lake, AFTER_THE_DAY)
    assert not [name for name in content(lake) if name.endswith((journal.HIDDEN_SUFFIX, ".json"))]
