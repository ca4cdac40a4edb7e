"""Lives of single seeds, with or without a mistake that is made on purpose."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from simulation.life import live
from simulation.mutants import mutated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulation.life import Result

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - files that only this simulation flushes need no disk


def simulated(seed: int, mistake: str | None = None) -> Result:
    """Live through one seed, with a mistake made on purpose if one is named."""
    with TemporaryDirectory(prefix="ioledger-simulation-", dir=MEMORY if MEMORY.is_dir() else None) as directory:
        if mistake is None:
            return live(seed, Path(directory))
        with mutated(mistake):
            return live(seed, Path(directory))


def first_seed(mistake: str, seeds: Iterable[int]) -> Result | None:
    """Return the life of the first seed that finds a mistake; None if none does."""
    for seed in seeds:
        result = simulated(seed, mistake)
        if result.finding:
            return result
    return None
