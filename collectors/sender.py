"""Puts what was collected into the object store in which the lake lies; collecting never waits for it."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from ioledger.errors import IoledgerError, LakeError
from ioledger.lake.remote.backlog import backlog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.lake.remote.working_copy import WorkingCopy

_AGAIN_SECONDS: Final = 5.0
"""How soon a store that was away is tried again."""

_END_SECONDS: Final = 5.0
"""How long sending may go on after a stop signal; what is not sent then stays in the spool."""

_LOOK_EVERY_SECONDS: Final = 10.0
"""How often at most it is looked how much waits, unless sending has just ended."""

_MIB: Final = 2**20

_log = logging.getLogger(__name__)


class Sender:
    """Sends new runs of a working copy from a thread of its own, and knows whether its spool has room."""

    def __init__(self, copy: WorkingCopy, spool_mib: int) -> None:
        self._copy = copy
        self._spool_mib = spool_mib
        self._unsent_bytes, self._looked_at = 0, -_LOOK_EVERY_SECONDS
        self._has_news, self._is_ending = Event(), Event()
        self._is_away = False
        # A daemon, so that a store that does not answer does not keep the process from ending.
        self._thread = Thread(target=self._run, name="send", daemon=True)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send for the block, what an earlier process left first; what is on its way at its end gets a few seconds."""
        self._has_news.set()
        self._thread.start()
        try:
            yield
        finally:
            self._is_ending.set()
            self._has_news.set()
            self._thread.join(_END_SECONDS)

    def is_stuck(self) -> bool:
        """Tell whether a request is on its way still that the end of sending did not wait for."""
        return self._thread.is_alive()

    def tell(self) -> None:
        """Have what is new sent soon; returns at once."""
        self._has_news.set()

    def require_room(self) -> None:
        """Raise LakeError if no more may be collected until the store takes what there is."""
        # Looked at here, for a store that is slow, or does not answer, tells nothing for a long time.
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_EVERY_SECONDS:
            self._unsent_bytes, self._looked_at = backlog(self._copy.path).byte_count, now
        if self._unsent_bytes > self._spool_mib * _MIB:
            raise LakeError(
                f"{self._unsent_bytes // _MIB} MiB of what was collected wait for {self._copy.store.address} in "
                f"{self._copy.path}, and spool_mib allows {self._spool_mib}: nothing more is collected; see why the "
                "store does not take it, or allow more"
            )

    def send(self) -> bool:
        """Send what there is; tell whether nothing is left."""
        try:
            self._copy.send()
        except IoledgerError as error:
            if not self._is_away:
                _log.warning("%s; what is collected is kept in %s until then", error, self._copy.path)
            self._is_away = True
            return False
        if self._is_away:
            _log.info("%s has taken all that was kept for it", self._copy.store.address)
        self._is_away, self._looked_at = False, -_LOOK_EVERY_SECONDS
        return True

    def _run(self) -> None:
        while not self._is_ending.is_set():
            if self._is_away:  # news do not bring it back
                self._is_ending.wait(_AGAIN_SECONDS)
            else:
                self._has_news.wait()
            self._has_news.clear()
            try:
                self.send()
            except (OSError, IoledgerError) as error:  # the disk of the spool
                _log.warning("nothing can be sent: %s", error)
                self._is_away = True
