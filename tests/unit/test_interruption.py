"""A query ends when the command is told to stop, in whatever thread and on whatever connection it runs."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import duckdb
import pytest

from ioledger import interruption
from ioledger.lake import connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb import DuckDBPyConnection

ENDLESS = "SELECT sum(range) FROM range(10000000000000)"
ENDS_WITHIN_SECONDS = 60


def second(first: DuckDBPyConnection) -> DuckDBPyConnection:
    return connections.cursor_of(first)


@pytest.mark.parametrize("opened", [lambda first: first, second], ids=["connection", "cursor"])
def test_a_running_query_ends(opened: Callable[[DuckDBPyConnection], DuckDBPyConnection]) -> None:
    first = connections.new()
    connection, ended, runs = opened(first), threading.Event(), threading.Event()
    connection.create_function("begun", lambda: runs.set() or 0, [], "BIGINT")

    def ask() -> None:
        with pytest.raises(duckdb.InterruptException):
            connection.execute(f"{ENDLESS} WHERE range >= begun()")
        ended.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    assert runs.wait(ENDS_WITHIN_SECONDS)
    interruption.interrupt_all()
    assert ended.wait(ENDS_WITHIN_SECONDS)
    asking.join()


def test_connections_that_are_closed_or_gone_are_passed_over() -> None:
    closed = connections.new()
    closed.close()
    connections.new()
    gc.collect()
    interruption.interrupt_all()
    with pytest.raises(duckdb.ConnectionException):
        closed.interrupt()  # which is what was passed over


def test_a_connection_answers_after_it_was_interrupted() -> None:
    connection = connections.new()
    interruption.interrupt_all()
    assert connection.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
