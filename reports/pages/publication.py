"""Publishes pages: all that were asked for, each whole, or none of them."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from secrets import token_hex
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
    made: dict[Path, Path] = {}

    def write(path: Path, page: str) -> None:
        if path.exists() and not path.is_file():
            raise ConfigurationError(f"{path} is no file; name one that is to be written")
        with _told(path, option):
            files.make_directories(path.parent)
            # Unlike any other name: two commands may be asked for the same page at once.
            made[path] = path.with_name(f".{path.name}.{token_hex(4)}{files.TEMPORARY_SUFFIX}")
            with made[path].open("xb") as stream:
                stream.write(page.encode())
                stream.flush()
                os.fsync(stream.fileno())

    try:
        yield write
        for path, temporary in made.items():
            with _told(path, option):
                temporary.replace(path)
        for directory in {path.parent for path in made}:
            files.sync_directory(directory)
    finally:
        for temporary in made.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def _told(path: Path, option: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror or error}; name a place with {option} that has room and that "
            "this user can write"
        ) from error
