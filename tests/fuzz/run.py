"""Hands very many inputs to every parser, and says what became of them.

``python tests/fuzz/run.py 1000000`` reads what is kept in ``corpus`` and a million new inputs; ``--only rate-cards``
those of one parser. Inputs on which a parser breaks are written into the directory that ``--found`` names, and the
exit code is 1. ``--replay FILE --only rate-cards`` hands one input to one parser and shows what comes out.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

TREE: Final = Path(__file__).parents[2]
sys.path[:0] = [str(TREE), str(TREE / "tests" / "support")]

import click  # noqa: E402 - found where the tests find it
from fuzzing.campaign import Result, run  # noqa: E402
from fuzzing.judging import told  # noqa: E402
from fuzzing.target import Refused  # noqa: E402
from fuzzing.targets import TARGETS  # noqa: E402
from long_runs import heading, keep_figures  # noqa: E402

from ioledger.errors import IoledgerError  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fuzzing.target import Target

FIGURES: Final = TREE / "docs" / "promises" / "fuzzing.json"
LEAST_PERCENT: Final = 90


@click.command()
@click.argument("inputs", type=int, default=10_000)
@click.option("--only", multiple=True, type=click.Choice(list(TARGETS)), help="One parser; may be repeated.")
@click.option("--seed", type=int, default=0, help="The same seed makes the same inputs.")
@click.option("--found", type=click.Path(path_type=Path), default=Path(".cache/fuzzing"), help="Where findings go.")
@click.option("--replay", type=click.Path(path_type=Path, exists=True), help="Hand one file to one parser.")
@click.option("--figures", is_flag=True, help="Measure branches, and write the figures of docs/promises.")
def main(  # noqa: PLR0913 - as many options
    inputs: int, only: Sequence[str], seed: int, found: Path, replay: Path | None, *, figures: bool
) -> None:
    """Fuzz parsers."""
    targets = [TARGETS[name] for name in only or TARGETS]
    if replay is not None:
        for target in targets:
            _replay(target, replay.read_bytes())
        return
    started = time.monotonic()
    results = run(targets, inputs, seed, lambda done: click.echo(f"\r{done} inputs", nl=False, err=True))
    click.echo("", err=True)
    seconds = time.monotonic() - started
    _show(results)
    is_broken = _keep(results, found)
    if figures:
        is_broken |= not _write(targets, results, f"make fuzz INPUTS={inputs} SEED={seed}", seconds)
    sys.exit(1 if is_broken else 0)


def _replay(target: Target, data: bytes) -> None:
    try:
        target.read(data)
    except (IoledgerError, Refused) as error:
        click.echo(f"{target.name}: refused: {error}")
    else:
        click.echo(f"{target.name}: taken")


def _show(results: Mapping[str, Result]) -> None:
    click.echo(f"{'parser':<22}{'inputs':>9}{'taken':>9}{'refused':>9}{'broken':>7}{'ms each':>9}")
    for each in (*results.values(), _sum(results)):
        milliseconds = 1000 * each.seconds / max(1, each.inputs)
        broken = len(each.findings)
        click.echo(f"{each.target:<22}{each.inputs:>9}{each.taken:>9}{each.refused:>9}{broken:>7}{milliseconds:>9.2f}")


def _sum(results: Mapping[str, Result]) -> Result:
    total = Result("all")
    for each in results.values():
        total.taken, total.refused = total.taken + each.taken, total.refused + each.refused
        total.seconds += each.seconds
        total.findings += each.findings
    return total


def _keep(results: Mapping[str, Result], found: Path) -> bool:
    kinds = told(finding for each in results.values() for finding in each.findings)
    for number, (finding, count) in enumerate(kinds.values(), start=1):
        path = found / f"{finding.target}-{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(finding.data)
        click.echo(f"{path}: {count} of {finding.target} at {finding.where}: {finding.how}")
    return bool(kinds)


def _write(targets: Sequence[Target], results: Mapping[str, Result], command: str, seconds: float) -> bool:
    from fuzzing.reached import reached  # noqa: PLC0415 - it wants coverage, which nothing else needs

    branches = reached([target.name for target in targets])
    low = {module: each for module, each in branches.items() if each["percent"] < LEAST_PERCENT}
    for module, each in low.items():
        click.echo(f"{module}: {each['percent']} % of its branches are reached; missing: {each['missing']}")
    total = _sum(results)
    figures = {
        **heading(command),
        "seconds": round(seconds),
        "inputs": total.inputs,
        "taken": total.taken,
        "refused": total.refused,
        "broken": len(total.findings),
        "parsers": {
            each.target: {
                "inputs": each.inputs,
                "taken": each.taken,
                "refused": each.refused,
                "broken": len(each.findings),
            }
            for each in results.values()
        },
        "branches": {
            module: {name: each[name] for name in ("branches", "reached", "percent")}
            for module, each in branches.items()
        },
    }
    keep_figures(FIGURES, figures)
    return not low


if __name__ == "__main__":
    main()
