"""What a process lacks is told as that, and blamed on no file."""

from __future__ import annotations

import errno
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clocks import HeldClock
from full_lakes import lake_with_rows_in_every_table
from lakes import MINUTE, NOON, a_run, content, new_lake, sample

from ioledger.app import App
from ioledger.cli import run
from ioledger.shortage import is_shortage

SHORTAGES = [
    MemoryError(),
    pa.ArrowMemoryError("malloc of size 64 failed"),
    pa.ArrowException("Unknown error: Failed to launch worker thread: Resource temporarily unavailable"),
    RuntimeError("can't start new thread"),
    duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 16.0 MiB"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    OSError(errno.EMFILE, "Too many open files"),
]


@pytest.mark.parametrize("error", SHORTAGES, ids=lambda error: f"{type(error).__name__} {error}"[:40])
def test_a_file_is_not_blamed_and_not_set_aside_for_what_the_process_lacks(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = new_lake(tmp_path, a_run(sample()), a_run(sample(at=NOON)))
    before = content(lake)

    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(pq, "read_table", refuse)
    monkeypatch.setattr(pq, "ParquetFile", refuse)
    for words in (["lake", "verify", "--quarantine"], ["lake", "compact"]):
        assert run(["--lake", str(lake), *words]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert "restore" not in told
        assert "cannot be read" not in told
    assert content(lake) == before


@pytest.mark.parametrize(
    "words",
    ["check", "export charges --period 2025-11 --as csv --to bill.csv", "statement 2025-11 --to statements"],
)
def test_nobody_is_told_to_remove_what_was_made_for_what_the_process_lacks(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = lake_with_rows_in_every_table(tmp_path)
    monkeypatch.chdir(tmp_path)
    asked = []
    now = NOON + timedelta(days=1)
    run(["check"], App(HeldClock(now), lake_option=lake))  # which the next compares itself with
    capsys.readouterr()

    def refuse(*_: object, **__: object) -> None:
        asked.append(words)
        raise pa.ArrowException("Unknown error: Failed to launch worker thread: Resource temporarily unavailable")

    monkeypatch.setattr(pq, "ParquetFile", refuse)
    code = run(words.split(), App(HeldClock(now + MINUTE), lake_option=lake))
    told = capsys.readouterr().err
    assert (code, len(asked)) == (2, 1), told
    assert "remove it" not in told
    assert "may not have the memory, threads" in told


def test_nobody_is_told_to_give_access_for_open_files_that_are_lacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = new_lake(tmp_path, a_run(sample()))

    def refuse(path: Path) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    for lacking in ("read_text", "iterdir"):
        with monkeypatch.context() as lacks:
            lacks.setattr(Path, lacking, lambda path, **_: refuse(path))
            assert run(["--lake", str(lake), "usage", "build"]) == 2
        told = capsys.readouterr().err
        assert "may not have the memory, threads or open files" in told
        assert "give this user access" not in told


def test_a_shortage_behind_another_error_is_one() -> None:
    behind = ValueError("the keyword is not supported")
    behind.__context__ = MemoryError()
    assert is_shortage(behind)
    assert not is_shortage(OSError(errno.EIO, "Input/output error"))
    assert not is_shortage(duckdb.InvalidInputException("no magic bytes"))
