"""Lives through a simulated year, tells of each week, and judges whether anything grew.

``python tests/soak/run.py --days 365`` writes about 20 MB for each day below its directory, which has to be new, and
removes them. The exit code is 1 if something grew, went wrong, or was counted wrongly.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

TREE: Final = Path(__file__).parents[2]
sys.path[:0] = [str(TREE), str(TREE / "tests" / "support")]

import click  # noqa: E402 - found where the tests find it
from long_runs import heading, keep_figures  # noqa: E402
from soak.verdict import LEAST_DAYS, judge  # noqa: E402
from soak.year import Year, at_virtual_speed  # noqa: E402

from ioledger.schedule.files import Installation, files  # noqa: E402

if TYPE_CHECKING:
    from soak.figures import Day
    from soak.verdict import Judged

_MIB: Final = 2**20
_WEEK: Final = 7


class _Report:
    """What is told while it goes on, and what is left of it."""

    def __init__(self, minutes: float | None) -> None:
        self.days: list[Day] = []
        self.year: Year | None = None
        self._until = None if minutes is None else time.monotonic() + 60 * minutes
        self._began = time.monotonic()

    def add(self, day: Day) -> None:
        self.days.append(day)
        if day.number % _WEEK == _WEEK - 1 or day.number < _WEEK:
            self._tell(day)
        if self.year and self._until is not None and time.monotonic() > self._until:
            self.year.end_after_this_day()

    def _tell(self, day: Day) -> None:
        commands = ", ".join(f"{name} {seconds:.1f}" for name, seconds in day.command_cpu_seconds.items())
        click.echo(
            f"{time.monotonic() - self._began:8.0f} s  day {day.number + 1}: {day.held.memory_bytes / _MIB:.1f} MiB, "
            f"{day.held.objects} objects, {day.held.handles} open files, {day.held.threads} threads; "
            f"{day.files} files, {day.stored_bytes / _MIB:.0f} MiB; "
            f"a run {day.run_ms:.1f} ms (99 %: {day.run_99_ms:.1f}), CPU {day.run_cpu_ms:.1f} ms, "
            f"{day.run_times:.2f} yardsticks; CPU seconds of the day: {commands}"
        )


def _tell_verdict(judged: list[Judged]) -> None:
    for each in judged:
        says = "flat" if each.is_flat else "GROWS"
        click.echo(f"{says:<5} {each.name}: {each.early:.6g} early, {each.late:.6g} late, at most {each.most:.6g}")


def _figures(year: Year, report: _Report, judged: list[Judged], seconds: float) -> dict[str, Any]:
    last = report.days[-1]
    return {
        **heading(f"make soak DAYS={len(report.days)}"),
        "simulated_days": len(report.days),
        "disks": year.fleet.disk_count,
        "runs": year.run_count,
        "samples": year.sample_count,
        "took_seconds": round(seconds),
        "events": dict(sorted(year.events.items())),
        "failures": year.failures,
        "reads_stored": year.fleet.stored_reads,
        "reads_metered": year.counted_reads(),
        "at_the_end": {**last.held._asdict(), "files": last.files, "stored_bytes": last.stored_bytes},
        "judged": [{**each._asdict(), "is_flat": each.is_flat} for each in judged],
        "days": [
            {
                "day": day.number + 1, **day.held._asdict(), "files": day.files, "stored_bytes": day.stored_bytes,
                "run_ms": round(day.run_ms, 2), "run_99_ms": round(day.run_99_ms, 2),
                "run_cpu_ms": round(day.run_cpu_ms, 2), "run_times": round(day.run_times, 3),
            }
            for day in report.days[:: max(1, len(report.days) // 52)]
        ],
    }  # fmt: skip


def _be_in_the_environment_of_the_unit() -> None:
    """Begin anew if this process, in which the service lives, has not the environment that its unit gives it."""
    installed = Installation(*map(Path, ("/program", "/python", "/configuration", "/lake")))
    unit = files(installed)["ioledger-collect.service"]
    given = dict(line.split("=", 2)[1:] for line in unit.splitlines() if line.startswith("Environment="))
    if given.items() - os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **given})  # noqa: S606 - the same program


@click.command()
@click.option("--days", default=365, show_default=True, help="How many days pass.")
@click.option("--disks", default=200, show_default=True, help="How many disks there are at any moment.")
@click.option("--minutes", type=float, help="End with the day in which so many minutes have passed here.")
@click.option(
    "--directory", type=click.Path(path_type=Path), default=TREE / ".cache" / "soak", help="Where the lake is."
)
@click.option("--to", "to", type=click.Path(path_type=Path), help="Write the figures there, as JSON.")
def main(days: int, disks: int, minutes: float | None, directory: Path, to: Path | None) -> None:
    """Live through a simulated year."""
    logging.disable(logging.CRITICAL)  # what goes wrong on purpose
    directory.mkdir(parents=True)
    report = _Report(minutes)
    began = time.monotonic()
    try:
        year = report.year = Year(directory, timedelta(days=days), disks, report.add)
        with at_virtual_speed(year.clock):
            year.live()
        judged = judge(report.days)
        figures = _figures(year, report, judged, time.monotonic() - began)
    finally:
        shutil.rmtree(directory)
    if to:
        keep_figures(to, figures)
    _tell_verdict(judged)
    click.echo(f"{year.run_count} runs, {year.sample_count} samples; {dict(sorted(year.events.items()))}")
    click.echo(f"reads: {figures['reads_stored']} stored, {figures['reads_metered']} metered")
    for failure in year.failures[:20]:
        click.echo(f"FAILED {failure}")
    grew = len(report.days) >= LEAST_DAYS and not all(each.is_flat for each in judged)
    sys.exit(1 if grew or year.failures or figures["reads_stored"] != figures["reads_metered"] else 0)


if __name__ == "__main__":
    _be_in_the_environment_of_the_unit()
    main()
