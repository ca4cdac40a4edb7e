"""What runs warm: a process that does one thing each time it is asked, and says how long it took.

``python -m benchmarks.collection.driver bulk URI`` makes the bulk statistics call on a connection that
it keeps; ``… driver run CONFIGURATION`` makes whole runs of the configured sources, as the service of
``ioledger collect --every`` does, with what that command loads. For every line on standard input there
is one on standard output: the seconds that it took. The end of standard input ends the process.
"""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def bulk(uri: str) -> Iterator[Callable[[], None]]:
    """Yield what asks for the state and the block statistics of all guests at once."""
    import libvirt  # noqa: PLC0415 - a driver loads what it needs alone

    connection = libvirt.openReadOnly(uri)
    wanted = libvirt.VIR_DOMAIN_STATS_STATE | libvirt.VIR_DOMAIN_STATS_BLOCK
    try:
        yield lambda: connection.getAllDomainStats(wanted)
    finally:
        connection.close()


@contextmanager
def run(configuration: str) -> Iterator[Callable[[], None]]:
    """Yield what reads every configured source once and stores what it says; RuntimeError if not all could be read."""
    from collectors.beat import Beat  # noqa: PLC0415
    from collectors.registry import build_sources  # noqa: PLC0415 - likewise
    from collectors.runner import collect_one  # noqa: PLC0415
    from collectors.without_pandas import keep_pandas_out  # noqa: PLC0415
    from ioledger import config  # noqa: PLC0415
    from ioledger.clock import SystemClock  # noqa: PLC0415

    import_module("ioledger.cli")  # for their memory: the command loads them
    import_module("collectors.cli")
    keep_pandas_out()
    logging.disable(logging.INFO)
    path = Path(configuration)
    settings, clock = config.load(path), SystemClock()
    lake = path.parent / settings.lake
    sources = build_sources(settings, path.parent)

    def collect() -> None:
        for name, source in sources.items():
            outcome = collect_one(lake, name, source, Beat(lake, clock, sources))
            if outcome.status != "ok":
                raise RuntimeError(f"a run of {name} is {outcome.status}: {outcome.error}")

    try:
        yield collect
    finally:
        for source in sources.values():
            source.close()


def main() -> None:
    """Do what the first argument names, with the second, for every line of standard input."""
    with {"bulk": bulk, "run": run}[sys.argv[1]](sys.argv[2]) as work:
        for _ in sys.stdin:
            began = time.perf_counter()
            work()
            sys.stdout.write(f"{time.perf_counter() - began}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
