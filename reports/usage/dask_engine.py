"""Runs the shards of a build on Dask distributed (docs/distributed.md): on workers that see the lake."""

from __future__ import annotations

import logging
import os
from collections import deque
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from distributed import CancelledError, Client, Future, KilledWorker, LocalCluster, get_worker
from distributed.comm import CommClosedError

from ioledger.errors import BusyError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from reports.usage.shard import Engine, Metered, Shard

_AHEAD: Final = 3
"""Shards that are handed out at a time, for each thread of a worker, so that none waits for the next day."""

_CONNECTS_WITHIN_SECONDS: Final = 30

_DEAF_TO_CTRL_C: Final = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
"""What a local worker runs first: a terminal sends Ctrl-C to all processes of a command, and the driver ends them."""


@contextmanager
def engine(scheduler: str | None) -> Iterator[Engine]:
    """Give what runs shards on the workers of a scheduler, or on a local cluster of a process for each core.

    The local cluster ends with the block. The engine raises what making a shard raises, and a
    ConfigurationError where workers cannot make any.
    """
    # Told to stop, Dask cancels what may not be there yet, and would show the traceback of that (its utils.sync).
    logging.getLogger("tornado.application").setLevel(logging.CRITICAL)
    with _client(scheduler) as client:
        yield _Workers(client).map


@contextmanager
def _client(scheduler: str | None) -> Iterator[Client]:
    if scheduler is None:
        with (
            LocalCluster(
                n_workers=os.cpu_count(),
                threads_per_worker=1,
                dashboard_address=None,
                host="127.0.0.1",
                silence_logs=logging.ERROR,
                preload=[_DEAF_TO_CTRL_C],
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=_CONNECTS_WITHIN_SECONDS)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise ConfigurationError(
            f"no scheduler of Dask answers at {scheduler}: {error}; name one as tcp://HOST:8786, or start it with "
            "`dask scheduler`"
        ) from error
    with client:
        if not client.nthreads():
            raise BusyError(
                f"the scheduler at {scheduler} has no workers; start some with `dask worker --nthreads 1 {scheduler}`"
            )
        yield client


class _Workers:
    """The workers of a scheduler, as an engine."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def map(self, make: Callable[[Shard], Metered], shards: Iterable[Shard]) -> Iterator[Metered]:
        """Yield what comes of each shard, in order; a few are under way at a time."""
        under_way: deque[tuple[Shard, Future]] = deque()
        ours = version("ioledger")
        for shard in shards:
            # A thread of a worker is one core. Not pure: a shard is made again where the lake has changed.
            future = self._client.submit(_make, make, replace(shard, threads=1), ours, pure=False)
            under_way.append((shard, future))
            if len(under_way) >= _AHEAD * max(1, sum(self._client.nthreads().values())):
                yield self._result(*under_way.popleft())
        while under_way:
            yield self._result(*under_way.popleft())

    def _result(self, shard: Shard, future: Future) -> Metered:
        try:
            made: Metered = future.result()
        except KilledWorker as error:
            raise ConfigurationError(
                f"{shard.part.rpartition('/')[2]} ended every worker that tried it, {error.last_worker.address} the "
                "last; give workers more memory, and look into what they logged"
            ) from error
        except (CommClosedError, CancelledError) as error:
            raise ConfigurationError(
                f"the scheduler of Dask is gone: {error}; start it, and build again: what is stored stays"
            ) from error
        return made


def _make(make: Callable[[Shard], Metered], shard: Shard, ours: str) -> Metered:
    """Make a shard on a worker, if it is of the same version as who asks."""
    worker = get_worker()
    theirs = version("ioledger")
    if theirs != ours:
        raise ConfigurationError(
            f"the worker at {worker.address} runs ioledger {theirs}, and {ours} builds; install the same on both"
        )
    return make(shard)
