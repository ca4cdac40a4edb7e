"""Runs any two commands at once on one lake, and writes docs/promises/pairs.json and the table of docs/concurrency.md.

The exit code is 1 if a pair does not do what one command after the other does, in one order or the other.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final

TREE: Final = Path(__file__).parents[2]
sys.path[:0] = [str(TREE), str(TREE / "tests" / "support")]

import click  # noqa: E402 - found where the tests find it
from long_runs import heading, keep_figures  # noqa: E402
from pairs.commands import ALL  # noqa: E402
from pairs.running import all_pairs, judged  # noqa: E402

if TYPE_CHECKING:
    from pairs.matrix import Outcome

FIGURES: Final = TREE / "docs" / "promises" / "pairs.json"
PAGE: Final = TREE / "docs" / "concurrency.md"

_TABLE: Final = re.compile(r"(?<=<!-- matrix -->\n).*(?=<!-- end of the matrix -->)", re.DOTALL)
_SIGNS: Final = {"wrong": "!", "refused": "r", "waited": "w", "ran": "."}
"""Of several points of a pair the first of these is shown."""


@click.command()
@click.option("--points", default=3, show_default=True, help="At how many points of the first the second begins.")
@click.option("--only", default="", help="Only pairs that match this regular expression: FIRST|SECOND.")
@click.option("--minutes", type=float, default=float("inf"), help="Begin no pair after so long.")
@click.option("--workers", default=os.cpu_count(), show_default=True)
@click.option("--directory", type=click.Path(path_type=Path), help="Where the lakes lie [default: $TMPDIR].")
@click.option("--keep", is_flag=True, help="Write the figures and the page.")
def main(  # noqa: PLR0913 - click hands over what each option says
    points: int, only: str, minutes: float, workers: int, directory: Path | None, *, keep: bool
) -> None:
    """Try pairs of commands."""
    pairs = [pair for pair in all_pairs() if re.search(only, "|".join(pair))]
    place, began = Path(mkdtemp(dir=directory)), time.time()
    outcomes = []
    try:
        for outcome in judged(place, pairs, points, workers, began + minutes * 60):
            outcomes.append(outcome)
            if outcome.problem:
                where = f"{' | '.join(outcome.pair)} on the lake {outcome.kind}, at call {outcome.point}"
                click.echo(f"\n{where}: {outcome.problem}")
            if len(outcomes) % 100 == 0:
                click.echo(f"{len(outcomes)} points after {time.time() - began:.0f} s", err=True)
    finally:
        shutil.rmtree(place)
    figures = _figures(outcomes, points)
    click.echo(json.dumps(figures, indent=1))
    if keep:
        keep_figures(FIGURES, figures)
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_TABLE.sub(lambda _: _table(outcomes, figures), page), encoding="utf-8")
    sys.exit(bool(figures["wrong"]))


def _figures(outcomes: list[Outcome], points: int) -> dict[str, object]:
    how = Counter(outcome.how for outcome in outcomes)
    return {
        **heading(f"make pairs POINTS={points}"),
        "commands": len(ALL),
        "pairs": len({outcome.pair for outcome in outcomes}),
        "pairs_of": len(ALL) ** 2,
        "points": len(outcomes),
        "both_ran": how["ran"],
        "one_waited": how["waited"],
        "one_refused": how["refused"],
        "wrong": sum(outcome.problem is not None for outcome in outcomes),
    }


def _table(outcomes: list[Outcome], figures: dict[str, object]) -> str:
    """Draw the matrix: a row for the command that is at work, a column for the one that comes."""
    found: dict[tuple[str, str], set[str]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.pair, set()).add("wrong" if outcome.problem else outcome.how)
    lines = [" " * 31 + " ".join(f"{number:>2}" for number in range(1, len(ALL) + 1))]
    for number, first in enumerate(ALL, start=1):
        cells = (_sign(found.get((first.name, second.name), set())) for second in ALL)
        lines.append(f"{number:>2} {first.name:<28}" + " ".join(f"{cell:>2}" for cell in cells))
    told = (
        f"The last run, of {figures['date']}: {figures['pairs']} of {figures['pairs_of']} ordered pairs of "
        f"{figures['commands']} commands at {figures['points']} points; both ran at {figures['both_ran']}, one waited "
        f"at {figures['one_waited']}, one gave way at {figures['one_refused']}; {figures['wrong']} went wrong."
    )
    return f"{told}\n\n```text\n" + "\n".join(line.rstrip() for line in lines) + "\n```\n"


def _sign(how: set[str]) -> str:
    return next((sign for name, sign in _SIGNS.items() if name in how), "")


if __name__ == "__main__":
    main()
