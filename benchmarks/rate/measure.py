"""Writes a month, rates and exports it in turn with bare scans, and refuses results that have more or less in them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from benchmarks.measure import WrongResultError
from benchmarks.rate.contenders import BARE_SCAN, EXPORT, RATE, Measured
from benchmarks.rate.month import write_month
from ioledger.lake import layout
from ioledger.model.tables import CHARGE, USAGE_RECORD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.rate.contenders import Found
    from benchmarks.rate.month import Month

_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Round:
    """What a bare scan, a rating and an export of the same files took, one right after the other."""

    scan: Measured
    rate: Measured
    export: Measured


@dataclass(frozen=True)
class Rated:
    """What was rated: usage records, the bytes of their files, the lines of the bill, and the rounds."""

    month: Month
    file_bytes: int
    line_count: int
    rounds: Sequence[Round]


def measure(month: Month, repetitions: int, directory: Path, tell: Callable[[str], None]) -> Rated:
    """Rate and export a month in a lake below ``directory`` that is removed at the end; ``tell`` hears of each step.

    Raises WrongResultError if a bill or an export does not hold what the usage records do.
    """
    with TemporaryDirectory(dir=directory) as temporary:
        lake = Path(temporary)
        tell(f"writing {month.record_count:,} usage records")
        write_month(lake, month)
        file_bytes = sum(path.stat().st_size for path in layout.files(lake, USAGE_RECORD.name))
        _contend(BARE_SCAN, lake)  # so that nobody waits for the disk
        rounds = []
        for repetition in range(1, repetitions + 1):
            tell(f"{repetition} of {repetitions}: bare scan, rate, export")
            taken = Round(*(_contend(name, lake) for name in (BARE_SCAN, RATE, EXPORT)))
            compare(taken.scan.found, taken.rate.found)
            compare(taken.scan.found, taken.export.found)
            rounds.append(taken)
        (bill,) = layout.files(lake, CHARGE.name)
        return Rated(month, file_bytes, pq.read_metadata(bill).num_rows, rounds)


def compare(counted: Found, made: Found) -> None:
    """Raise WrongResultError, naming the first meter of which there is more or less than in the usage records."""
    for meter in sorted({*counted, *made}):
        if counted.get(meter) != made.get(meter):
            raise WrongResultError(
                f"there is {made.get(meter)} of {meter} in what was made, and {counted.get(meter)} in the usage records"
            )


def _contend(name: str, lake: Path) -> Measured:
    command = [sys.executable, "-m", "benchmarks.rate.contenders", name, str(lake)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise WrongResultError(f"{name} did not finish: {reason[0]}")
    return Measured(**json.loads(done.stdout))
