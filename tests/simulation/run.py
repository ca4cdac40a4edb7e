"""Lives through seeds and says what they went through, and what broke.

``python tests/simulation/run.py 100..199`` lives through these seeds, ``137`` through that one; with ``--mutants`` it
looks for the first of them that finds each mistake of ``simulation.mutants``. With ``--figures`` what the seeds went
through goes into docs/promises. The exit code is 1 if a seed fails, or a mistake is not found.

A thousand seeds take hours: ``--minutes`` ends with those that were begun by then, which are the first of them.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Final

TREE: Final = Path(__file__).parents[2]
sys.path[:0] = [str(TREE), str(TREE / "tests" / "support")]

import click  # noqa: E402 - found where the tests find it
from long_runs import heading, keep_figures  # noqa: E402
from simulation.life import BILLS_EVERY  # noqa: E402
from simulation.machine import Figures  # noqa: E402
from simulation.mutants import MUTANTS  # noqa: E402
from simulation.seeds import first_seed, simulated  # noqa: E402

if TYPE_CHECKING:
    from collections import Counter

    from simulation.life import Result

FIGURES: Final = TREE / "docs" / "promises" / "simulation.json"

SHOWN_CALLS: Final = 25
"""How many of the last calls of a failing seed are shown."""


def seeds_of(text: str) -> list[int]:
    """Read ``137``, or ``100..199`` with both ends."""
    first, _, last = text.partition("..")
    return list(range(int(first), int(last or first) + 1))


def _simulated_until(until: float, seed: int) -> Result | None:
    return simulated(seed) if time.time() < until else None


def _run_seeds(seeds: list[int], minutes: float, workers: int, *, is_kept: bool) -> int:
    figures, lived, failed = Figures(), 0, 0
    until = time.time() + 60 * minutes
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for result in pool.map(partial(_simulated_until, until), seeds):
            if result is None:
                break
            figures.add(result.figures)
            lived += 1
            if result.finding:
                failed += 1
                _tell(result)
    click.echo(f"{lived} seeds, {failed} failed")
    click.echo(f"file calls: {figures.steps.total()}, of these {_counts(figures.steps)}")
    for what in sorted({what for what, _ in figures.crashes}):
        _histogram(f"{what} at", figures.crashes, what)
    for what in sorted({what for what, _ in figures.faults}):
        _histogram(f"{what} at", figures.faults, what)
    click.echo(f"besides: {_counts(figures.events)}")
    if is_kept and lived:
        keep_figures(FIGURES, _kept(seeds[:lived], failed, figures))
    return 1 if failed else 0


def _kept(seeds: list[int], failed: int, figures: Figures) -> dict[str, object]:
    return {
        **heading(f"make simulate SEEDS={seeds[0]}..{seeds[-1]}"),
        "lives": len(seeds),
        "failed": failed,
        "file_calls": figures.steps.total(),
        "crashes": _by_kind(figures.crashes),
        "faults": _by_kind(figures.faults),
        "events": dict(sorted(figures.events.items())),
    }


def _by_kind(counts: Counter[tuple[str, str]]) -> dict[str, int]:
    return {
        each: sum(n for (kind, _), n in counts.items() if kind == each) for each in sorted({kind for kind, _ in counts})
    }


def _histogram(title: str, counts: Counter[tuple[str, str]], what: str) -> None:
    found = {step: count for (kind, step), count in counts.items() if kind == what}
    listed = ", ".join(f"{step} {count}" for step, count in sorted(found.items(), key=lambda each: (-each[1], each[0])))
    click.echo(f"{title}: {sum(found.values())}: {listed}")


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _tell(result: Result) -> None:
    click.echo(f"\nSEED {result.seed} FAILED: {result.finding}\n\nthe last calls before it:")
    click.echo("\n".join(result.trace[-SHOWN_CALLS:]))
    click.echo(f"\nto replay it: make simulate SEEDS={result.seed} (its trace is {result.digest[:12]})\n")


def _run_mutants(seeds: list[int]) -> int:
    wanted = [seed for seed in seeds if seed % BILLS_EVERY]
    missed = 0
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for mistake, found in zip(MUTANTS, pool.map(first_seed, MUTANTS, [wanted] * len(MUTANTS)), strict=True):
            missed += found is None
            told = f"seed {found.seed}: {found.finding[:160]!r}" if found and found.finding else "NOT FOUND"
            click.echo(f"{mistake:<56} {told}")
    click.echo(f"{len(MUTANTS)} mistakes, {missed} not found by {len(wanted)} seeds")
    return 1 if missed else 0


@click.command()
@click.argument("seeds")
@click.option("--mutants", "is_of_mutants", is_flag=True, help="Find mistakes that are made on purpose.")
@click.option("--minutes", type=float, default=float("inf"), help="Begin no life after so long.")
@click.option("--workers", default=os.cpu_count(), show_default=True)
@click.option("--figures", "is_kept", is_flag=True, help="Keep what the seeds went through in docs/promises.")
def main(seeds: str, minutes: float, workers: int, *, is_of_mutants: bool, is_kept: bool) -> None:
    """Simulate seeds."""
    if is_of_mutants:
        sys.exit(_run_mutants(seeds_of(seeds)))
    sys.exit(_run_seeds(seeds_of(seeds), minutes, workers, is_kept=is_kept))


if __name__ == "__main__":
    main()
