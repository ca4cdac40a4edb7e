"""Kills real commands with SIGKILL, in the middle of what they do and at random moments, and judges what is left.

``python tests/kills/run.py 500`` kills until so many are dead. ``--life 17`` goes through one life again: all that is
aimed in it falls on the same calls. ``--mistake`` makes one of ``simulation.mutants`` on purpose, which has to be
found. The exit code is 1 if a promise was not kept, or too few kills came where they were aimed.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

TREE: Final = Path(__file__).parents[2]
sys.path[:0] = [str(TREE), str(TREE / "tests" / "support")]

import click  # noqa: E402 - found where the tests find it
from kills.lives import AIMED_AT, AIMS, Figures, Lives  # noqa: E402
from kills.preloaded import preload  # noqa: E402
from kills.site import COMMANDS  # noqa: E402
from long_runs import heading, keep_figures  # noqa: E402
from simulation.ledger import BrokenPromiseError  # noqa: E402
from simulation.mutants import MUTANTS, mutated  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

SEED: Final = 1
SIGNALS: Final = ("SIGKILL", "SIGTERM", "SIGINT")
OTHERS: Final = ("open", "mkdir", "unlink", "flock", "none of these")
LEAST_SHARE: Final = 10
"""At least one in so many is inside of each of the steps that are aimed at, where many are killed.

A command that is told to stop comes out of its step before it ends.
"""
MANY: Final = 100

_own: list[Lives] = []
"""The lives of this process, which all start from the same site."""


def _begin(seed: int, mistake: str | None, is_quick: bool, number: int) -> None:  # noqa: FBT001 - as a pool calls it
    preload()
    held = TemporaryDirectory(prefix="ioledger-kills-")  # on a real disk, where TMPDIR says
    applied: list[Any] = []

    def apply() -> None:
        if mistake is not None:
            applied.append(mutated(mistake))
            applied[-1].__enter__()

    lives = Lives(Path(held.name), seed, apply, is_quick=is_quick, number=number)
    lives.held = held  # type: ignore[attr-defined]
    _own.append(lives)


def _live(number: int) -> tuple[int, Figures, str | None]:
    lives = _own[0]
    try:
        return number, lives.live(number), None
    except BrokenPromiseError as error:
        return number, lives.figures, str(error)


@click.command()
@click.argument("kills", type=int, default=0)
@click.option("--seed", default=SEED, show_default=True, help="Where numbers are drawn from.")
@click.option("--life", type=int, help="Go through this life alone.")
@click.option("--workers", default=2, show_default=True, help="How many lives go on at a time.")
@click.option("--mistake", type=click.Choice(list(MUTANTS)), help="Make this mistake on purpose.")
@click.option("--by", type=click.Choice(SIGNALS), default=SIGNALS[0], show_default=True, help="The signal to send.")
@click.option("--quick", "is_quick", is_flag=True, help="Leave out usage build and export, which take the longest.")
@click.option("--to", type=click.Path(path_type=Path), help="Write the figures as JSON.")
def main(  # noqa: PLR0913 - click hands over what each option says
    *,
    kills: int,
    seed: int,
    life: int | None,
    workers: int,
    mistake: str | None,
    by: str,
    is_quick: bool,
    to: Path | None,
) -> None:
    """Kill commands until KILLS are dead."""
    figures, findings = Figures(), dict[int, str]()
    context = get_context("spawn")
    told = (seed, mistake, is_quick, signal.Signals[by])
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=told) as pool:
        numbers = {aim: count(first, len(AIMS)) for first, aim in enumerate(AIMS)}
        going: set[Future[tuple[int, Figures, str | None]]] = set()
        if life is not None:
            going.add(pool.submit(_live, life))
        while True:
            while len(going) < workers and sum(figures.commands.values()) < kills and not findings:
                going.add(pool.submit(_live, next(numbers[_least(figures)])))
            if not going:
                break
            done, going = wait(going, return_when=FIRST_COMPLETED)
            for each in done:
                number, found, finding = each.result()
                figures.add(found)
                if finding:
                    findings[number] = finding
                    click.echo(f"\nLIFE {number} FAILED: {finding}\nto try it again: {sys.argv[0]} --life {number}")
            if sys.stderr.isatty():
                click.echo(f"\r{sum(figures.commands.values())} killed", nl=False, err=True)
    _show(figures)
    inside = {step: sum(n for (_, at), n in figures.kills.items() if at == step) for step in AIMED_AT}
    killed = sum(figures.commands.values())
    few = [step for step, n in inside.items() if by == SIGNALS[0] and killed >= MANY and n * LEAST_SHARE < killed]
    for step in few:
        click.echo(f"only {inside[step]} of {killed} kills were inside of {step}")
    if to is not None:
        keep_figures(to, _told(figures, inside, findings, seed) | {"signal": by})
    sys.exit(1 if findings or few else 0)


def _least(figures: Figures) -> str:
    """Return what the fewest kills were aimed at."""
    aimed = Counter({aim: sum(n for (at, _), n in figures.aimed.items() if at == aim) for aim in AIMS})
    return min(AIMS, key=aimed.__getitem__)


def _show(figures: Figures) -> None:
    """Print how many were killed, by command and step."""
    steps = [*AIMED_AT, *OTHERS]
    width = max(map(len, COMMANDS))

    def row(title: str, cells: Iterable[object]) -> str:
        columns = zip(cells, [*steps, "killed"], strict=True)
        return " ".join([title.ljust(width), *(f"{cell!s:>{max(7, len(step))}}" for cell, step in columns)])

    click.echo(row("", [*steps, "killed"]))
    for name in COMMANDS:
        click.echo(row(name, [*(figures.kills[name, step] for step in steps), figures.commands[name]]))
    totals = [sum(figures.kills[name, step] for name in COMMANDS) for step in steps]
    click.echo(row("all", [*totals, sum(figures.commands.values())]))
    for aim in AIMS:
        moments = {moment or "drawn": n for (at, moment), n in sorted(figures.aimed.items()) if at == aim}
        click.echo(f"aimed at {aim}: " + ", ".join(f"{n} {moment}" for moment, n in moments.items()))
    click.echo(", ".join(f"{what}: {n}" for what, n in sorted(figures.seen.items())))


def _told(figures: Figures, inside: dict[str, int], findings: dict[int, str], seed: int) -> dict[str, Any]:
    return {
        **heading(f"make kills RUNS={sum(figures.commands.values())}"),
        "seed": seed,
        "kills": sum(figures.commands.values()),
        "by_command": {name: figures.commands[name] for name in COMMANDS},
        "inside_of": inside,
        "by_command_and_step": {
            name: {step: n for (command, step), n in sorted(figures.kills.items()) if command == name}
            for name in COMMANDS
        },
        "lakes_judged_as_left": figures.seen["lakes as kills left them"],
        "lakes_healed": figures.seen["lakes healed"],
        "bills_compared_with_the_truth": figures.seen["bills compared with the truth"],
        "findings": list(findings.values()),
    }


if __name__ == "__main__":
    main()
