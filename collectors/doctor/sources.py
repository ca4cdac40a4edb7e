"""Examines the configured sources, all at once; one that does not answer costs the others nothing."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from threading import Thread
from typing import TYPE_CHECKING, Final

from ioledger.errors import IoledgerError, SourceError
from ioledger.health.check import Check, of_error
from ioledger.shortage import is_shortage, of_shortage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.source import Source
    from ioledger.clock import Clock

PATIENCE_SECONDS: Final = 120.0
"""Longer than a source needs that asks a silent server three times in vain, by its usual settings."""

_log = logging.getLogger(__name__)


def examine_sources(
    sources: Mapping[str, Source], clock: Clock, patience_seconds: float = PATIENCE_SECONDS
) -> dict[str, list[Check]]:
    """Return what each source found of itself, by name and in their order.

    A source that is not heard of in time has one check that says so; its thread is left alone.
    """
    found: dict[str, list[Check]] = {}
    threads = {
        # A daemon, so that a source that never answers does not keep the process from ending.
        name: Thread(target=_examine, args=(name, source, clock, found), name=f"examine-{name}", daemon=True)
        for name, source in sources.items()
    }
    until = time.monotonic() + patience_seconds
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join(max(0.0, until - time.monotonic()))
    silent = [Check("connection", f"no answer within {patience_seconds:.0f} s", "see whether the service is up")]
    return {name: found.get(name, silent) for name in sources}


def _examine(name: str, source: Source, clock: Clock, found: dict[str, list[Check]]) -> None:
    try:
        with closing(source):
            checks = source.examine(clock)
    except IoledgerError as error:
        checks = [of_error("connection", error)]
    except Exception as error:  # noqa: BLE001 - a defect in one source must not cost the others their lines
        checks = [_of_other(name, error)]
    found[name] = checks


def _of_other(name: str, error: Exception) -> Check:
    """Tell of an error that no source has a sentence for."""
    if is_shortage(error):
        return of_error("connection", SourceError(of_shortage(error)))
    _log.error("%s: a defect of ioledger ended its examination", name, exc_info=error)
    return Check("connection", f"{type(error).__name__}: {error}", "report this defect of ioledger")
