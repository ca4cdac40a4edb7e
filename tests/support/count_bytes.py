"""Preloaded into a scheduler or worker of Dask: writes after each message how many bytes it has sent so far.

COUNT_BYTES_IN names the directory that takes one file of each process, named by its id.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from distributed.comm.tcp import TCP

if TYPE_CHECKING:
    from collections.abc import Callable

_FILE = Path(os.environ["COUNT_BYTES_IN"], str(os.getpid()))


def _counting(send: Callable[..., object]) -> Callable[..., object]:
    sent = 0

    async def counted(*args: object, **kwargs: object) -> int:
        nonlocal sent
        count: int = await send(*args, **kwargs)  # type: ignore[misc]
        sent += count
        _note(sent)
        return count

    return counted


def _note(sent_bytes: int) -> None:
    _FILE.write_text(str(sent_bytes), encoding="ascii")


TCP.write = _counting(TCP.write)
