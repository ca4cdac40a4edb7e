"""Publishes pages: all that were asked for, each whole, or none of them."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ioledger.errors import ConfigurationError
from ioledger.lake import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def published(option: str = "--to") -> Iterator[Callable[[Path, str], None]]:
    """Give what writes a page at a path; pages get their names at the end of the block, if it ends well.

    Raises ConfigurationError if one cannot be written, which names the ``option`` that says where.
    """
    paths: list[Path] = []

    def write(path: Path, page: str) -> None:
        if path.exists() and not path.is_file():
            raise ConfigurationError(f"{path} is no file; name one that is to be written")
        paths.append(path)
        with _told(path, option):
            files.make_directories(path.parent)
            with files.temporary(path).open("wb") as stream:
                stream.write(page.encode())
                stream.flush()
                os.fsync(stream.fileno())

    try:
        yield write
        for path in paths:
            with _told(path, option):
                files.temporary(path).replace(path)
        for directory in {path.parent for path in paths}:
            files.sync_directory(directory)
    finally:
        for path in paths:
            with suppress(OSError):
                files.temporary(path).unlink(missing_ok=True)


@contextmanager
def _told(path: Path, option: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror or error}; name a place with {option} that has room and that "
            "this user can write"
        ) from error
