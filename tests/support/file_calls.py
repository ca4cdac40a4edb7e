"""The calls by which Python code lists, opens and changes files, seen before they are made.

What a library does in C, such as DuckDB's reading, passes unseen; all writing of a lake is Python's.
"""

from __future__ import annotations

import fcntl
import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Real = Callable[..., Any]
    On = Callable[[str, Real, tuple[Any, ...], dict[str, Any]], Any]

CHANGES: Final = (
    "fsync", "rename", "replace", "unlink", "remove", "mkdir", "rmdir", "truncate", "ftruncate", "link",
)  # fmt: skip
"""Functions of ``os`` that change files, and the one that makes changes last."""

WATCHED: Final = (*CHANGES, "chmod", "listdir", "pwrite", "scandir")


def see_calls(on: On, names: tuple[str, ...] = WATCHED) -> Callable[[], None]:
    """Have ``on`` make each call: it is given the name, the real function and what that was called with.

    Seen are the functions of ``os`` with these names, ``os.open``, ``io.open`` as ``opens``, through which a path
    is opened, and ``fcntl.flock``. Returns what puts the real functions back.
    """
    places: list[tuple[Any, str, str]] = [(os, name, name) for name in (*names, "open")]
    places += [(io, "open", "opens"), (fcntl, "flock", "flock")]
    real = [(module, attribute, getattr(module, attribute)) for module, attribute, _ in places]
    for module, attribute, name in places:
        setattr(module, attribute, _seen(on, name, getattr(module, attribute)))

    def put_back() -> None:
        for module, attribute, function in real:
            setattr(module, attribute, function)

    return put_back


def _seen(on: On, name: str, function: Real) -> Real:
    def call(*positional: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes and gives
        return on(name, function, positional, named)

    return call


@contextmanager
def seen(on: On) -> Iterator[None]:
    """See the calls of a block."""
    put_back = see_calls(on)
    try:
        yield
    finally:
        put_back()


def is_for_writing(name: str, positional: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """Tell of ``open`` or ``opens`` whether what is opened may be written."""
    if name == "open":
        return bool(positional[1] & (os.O_WRONLY | os.O_RDWR))
    mode = positional[1] if len(positional) > 1 else named.get("mode", "r")
    return bool(set(mode) & set("wax+"))
