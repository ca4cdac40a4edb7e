"""Preloaded into a scheduler or worker of Dask: notes after each message what the process sent and held so far.

COUNT_IN names the directory that takes one file of each process, named by its id.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed.comm.tcp import TCP

from benchmarks.peak import peak_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

_FILE = Path(os.environ["COUNT_IN"], f"{os.getpid()}.json")


def _counting(send: Callable[..., Coroutine[Any, Any, int]]) -> Callable[..., Coroutine[Any, Any, int]]:
    sent = {"sent_bytes": 0, "heartbeat_bytes": 0}

    async def counted(self: TCP, message: object, *args: object, **kwargs: object) -> int:
        is_heartbeat = isinstance(message, dict) and message.get("op") == "heartbeat_worker"
        count = await send(self, message, *args, **kwargs)
        sent["heartbeat_bytes" if is_heartbeat else "sent_bytes"] += count
        _note(sent)
        return count

    return counted


def _note(sent: Mapping[str, int]) -> None:
    temporary = _FILE.with_suffix(".tmp")
    temporary.write_text(json.dumps({**sent, "peak_bytes": peak_bytes()}), encoding="ascii")
    temporary.replace(_FILE)


TCP.write = _counting(TCP.write)
