"""Writes the lakes, checks them in turn with bare scans, and refuses to time a check that finds something else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks.check.contenders import BARE_SCAN, CHECK, Measured
from benchmarks.check.month import planted as planted_in_month
from benchmarks.check.month import write_month
from benchmarks.check.volumes import JUDGED, write_volumes
from benchmarks.check.volumes import planted as planted_in_volumes
from benchmarks.measure import WrongResultError
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.check.contenders import Finding
    from benchmarks.check.month import Month
    from policies.judged import Judged

_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Round:
    """What a bare scan and a check of the same files took, one right after the other."""

    scan: Measured
    check: Measured


@dataclass(frozen=True)
class Lake:
    """What was checked: its rows by what they are, the bytes of its files, and the rounds."""

    what: str
    row_count: int
    file_bytes: int
    finding_count: int
    target_seconds: int
    rounds: Sequence[Round]


def measure_volumes(volume_count: int, repetitions: int, directory: Path, tell: Callable[[str], None]) -> Lake:
    """Measure the check of many volumes at a moment, in a lake below ``directory`` that is removed at the end.

    ``tell`` hears what is going on. Raises WrongResultError if a rule finds more or less than is planted.
    """
    with TemporaryDirectory(dir=directory) as temporary:
        lake = Path(temporary)
        tell(f"writing {volume_count:,} volumes")
        write_volumes(lake, volume_count)
        planted = planted_in_volumes(volume_count)
        return Lake(
            what=f"{volume_count:,} volumes at a moment",
            row_count=volume_count,
            file_bytes=_bytes(lake),
            finding_count=sum(planted.values()),
            target_seconds=20,
            rounds=_rounds(lake, JUDGED, repetitions, partial(compare_counts, planted), tell),
        )


def measure_month(month: Month, repetitions: int, directory: Path, tell: Callable[[str], None]) -> Lake:
    """Measure the check of a whole period, likewise. Raises WrongResultError if an interval is not as planted."""
    with TemporaryDirectory(dir=directory) as temporary:
        lake = Path(temporary)
        tell(f"writing {month.disk_count:,} disks, {month.day_count} days")
        write_month(lake, month)
        planted = [
            (code, resource, start.isoformat(), end.isoformat())
            for code, resource, start, end in planted_in_month(month)
        ]
        return Lake(
            what=f"{month.disk_count:,} disks over {month.day_count} days",
            row_count=month.sample_count,
            file_bytes=_bytes(lake),
            finding_count=len(planted),
            target_seconds=60,
            rounds=_rounds(lake, month.judged, repetitions, partial(compare_intervals, planted), tell),
        )


def compare_counts(planted: Mapping[str, int], findings: Sequence[Finding]) -> None:
    """Raise WrongResultError, naming the first rule that has more or fewer findings than are planted."""
    found = Counter(code for code, *_ in findings)
    for code in sorted({*found, *planted}):
        if found[code] != planted.get(code, 0):
            raise WrongResultError(f"{code} found {found[code]}, and {planted.get(code, 0)} are planted")


def compare_intervals(planted: Sequence[Finding], findings: Sequence[Finding]) -> None:
    """Raise WrongResultError, naming the first finding that is not planted with these ends, or not found."""
    differing = sorted({*findings} ^ {*planted}, key=str)
    if differing:
        word = "was found, and is not planted" if differing[0] in findings else "is planted, and was not found"
        raise WrongResultError(f"{' '.join(map(str, differing[0]))} {word}")


def _rounds(
    lake: Path,
    judged: Judged,
    repetitions: int,
    compare: Callable[[Sequence[Finding]], None],
    tell: Callable[[str], None],
) -> list[Round]:
    _contend(BARE_SCAN, lake, judged)  # so that nobody waits for the disk
    rounds = []
    for repetition in range(1, repetitions + 1):
        tell(f"{repetition} of {repetitions}: bare scan, check")
        scan = _contend(BARE_SCAN, lake, judged)
        check = _contend(CHECK, lake, judged)
        compare(check.findings)
        rounds.append(Round(scan, check))
    return rounds


def _contend(name: str, lake: Path, judged: Judged) -> Measured:
    command = [sys.executable, "-m", "benchmarks.check.contenders", name, str(lake)]
    command += [judged.start.isoformat(), judged.end.isoformat()]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise WrongResultError(f"{name} did not finish: {reason[0]}")
    told = json.loads(done.stdout)
    return Measured(**{**told, "findings": [tuple(finding) for finding in told["findings"]]})


def _bytes(lake: Path) -> int:
    return sum(path.stat().st_size for paths in layout.all_files(lake).values() for path in paths)
