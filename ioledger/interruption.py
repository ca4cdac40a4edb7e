"""Ends running queries when the command is told to stop.

DuckDB 2.0 raises for a signal, but then waits for the threads of the query, which may go on to its end: of an
endless query on two cores about half were never interrupted. Its own ``interrupt`` ends them at once.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol
from weakref import ref


class Interruptible(Protocol):
    """What runs queries that can be ended, as a DuckDB connection does."""

    def interrupt(self) -> None:
        """End the query that runs, if one does."""


_watched: set[ref[Interruptible]] = set()


def watch(connection: Interruptible) -> None:
    """Have the queries of a connection ended by ``interrupt_all`` for as long as it is there."""
    _watched.add(ref(connection, _watched.discard))


def interrupt_all() -> None:
    """End what runs on any connection of this process; a signal handler may call it."""
    for each in list(_watched):  # a copy that is made in one go: other threads open and close connections
        if (connection := each()) is not None:
            with suppress(Exception):  # it is closed
                connection.interrupt()
