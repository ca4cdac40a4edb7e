"""A scheduler and workers of Dask as people start them, with counts of what they send and hold."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROOT = Path(__file__).parents[2]


class Cluster(NamedTuple):
    """A scheduler and its workers; ``counts`` has what each process notes of itself."""

    address: str
    workers: Sequence[subprocess.Popen[bytes]]
    counts: Path

    def sent_bytes(self) -> int:
        """Return what all processes have sent, but for heartbeats, which depend on the time alone."""
        return sum(json.loads(path.read_bytes())["sent_bytes"] for path in self.counts.glob("*.json"))

    def worker_peaks_bytes(self) -> list[int]:
        """Return the most memory that each worker has had."""
        return [json.loads((self.counts / f"{worker.pid}.json").read_bytes())["peak_bytes"] for worker in self.workers]


@contextmanager
def cluster(directory: Path, worker_count: int) -> Iterator[Cluster]:
    """Start a scheduler and workers of one thread, whose logs and counts lie in an empty ``directory``."""
    from distributed import Client  # noqa: PLC0415 - an extra, and large

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]
    worker = ["distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    with ExitStack() as stack:
        stack.enter_context(_running(scheduler, directory))
        workers = [stack.enter_context(_running(worker, directory)) for _ in range(worker_count)]
        with Client(address, timeout=120) as client:
            client.wait_for_workers(worker_count, timeout=120)
        yield Cluster(address, workers, directory)


@contextmanager
def _running(module: Sequence[str], directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", *module, "--preload", "benchmarks.distributed.counting"]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "COUNT_IN": str(directory)}
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, cwd=directory, stdout=log, stderr=log)  # noqa: S603 - Dask's own commands
    try:
        yield process
    finally:
        process.kill()
        process.wait()
