"""Whether the object store in which the lake lies answers, and what was collected here and has not arrived there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ioledger.clock import utc_text
from ioledger.errors import IoledgerError
from ioledger.health.check import Check, of_error
from ioledger.lake.remote.backlog import backlog, is_working_copy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.app import App

LONGEST_WAIT: Final = timedelta(minutes=15)
"""Longer than any store is busy; what waits longer waits for somebody."""

_MIB: Final = 2**20


def checks(app: App) -> Iterator[Check]:
    """Check the store of a lake that lies in one."""
    copy = app.working_copy()
    if copy is None:
        return
    try:
        copy.require_made()
    except IoledgerError as error:
        yield of_error("store", error)
    else:
        yield Check("store", f"{copy.store.address} answers")
    if not is_working_copy(copy.path):
        return
    waiting = backlog(copy.path)
    if waiting.since is None:
        yield Check("spool", f"all that was collected here is in {copy.store.address}")
        return
    since = datetime.fromtimestamp(waiting.since, UTC)
    found = f"{waiting.byte_count / _MIB:.1f} MiB that were collected here since {utc_text(since)} wait in {copy.path}"
    is_late = app.clock.now() - since > LONGEST_WAIT
    yield Check("spool", found, f"see why {copy.store.address} does not take them" if is_late else None)
