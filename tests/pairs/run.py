"""Runs any two commands at once on one lake, and writes docs/promises/pairs.json and the table of docs/concurrency.md.

All pairs take hours, so they can be tried in parts: ``--keep --missing`` adds those that no kept run has tried. The
exit code is 1 if a pair does not do what one command after the other does, in one order or the other.
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
from typing import TYPE_CHECKING, Any, Final

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
_SIGNS: Final = {"wrong": "!", "hung": "!", "refused": "r", "waited": "w", "ran": "."}
"""Of several points of a pair the first of these is shown."""

Tried = dict[str, dict[str, str]]
"""A sign for each point of a pair, by its first command and its second."""


@click.command()
@click.option("--points", default=3, show_default=True, help="At how many points of the first the second begins.")
@click.option("--only", default="", help="Only pairs that match this regular expression: FIRST|SECOND.")
@click.option("--missing", is_flag=True, help="Only pairs that no run has tried that was kept.")
@click.option("--minutes", type=float, default=float("inf"), help="Begin no pair after so long.")
@click.option("--workers", default=os.cpu_count(), show_default=True)
@click.option("--directory", type=click.Path(path_type=Path), help="Where the lakes lie [default: $TMPDIR].")
@click.option("--keep", is_flag=True, help="Write the figures and the page.")
def main(  # noqa: PLR0913 - click hands over what each option says
    points: int, only: str, minutes: float, workers: int, directory: Path | None, *, missing: bool, keep: bool
) -> None:
    """Try pairs of commands."""
    kept: Tried = json.loads(FIGURES.read_text(encoding="utf-8"))["tried"]
    pairs = [
        pair
        for pair in all_pairs()
        if re.search(only, "|".join(pair)) and not (missing and kept.get(pair.first, {}).get(pair.second))
    ]
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
    tried = _tried(outcomes)
    counts = _counts(tried)
    click.echo(f"{len(outcomes)} points: {dict(counts)}")
    if keep:
        figures = _figures(_merged(kept, tried), heading(f"make pairs POINTS={points}"))
        keep_figures(FIGURES, figures)
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_TABLE.sub(lambda _: _table(figures), page), encoding="utf-8")
    sys.exit(bool(counts["!"]))


def _tried(outcomes: list[Outcome]) -> Tried:
    """Count for each pair how it went."""
    found: Tried = {}
    for outcome in outcomes:
        first, second = outcome.pair
        row = found.setdefault(first, {})
        row[second] = row.get(second, "") + _SIGNS["wrong" if outcome.problem else outcome.how]
    return found


def _counts(tried: Tried) -> Counter[str]:
    """Count the points of each sign."""
    return Counter("".join(signs for row in tried.values() for signs in row.values()))


def _merged(kept: Tried, tried: Tried) -> Tried:
    """Replace what was kept of pairs that were tried again, and leave out commands that there are not any more."""
    found = {
        first.name: {
            second.name: signs
            for second in ALL
            if (signs := tried.get(first.name, {}).get(second.name) or kept.get(first.name, {}).get(second.name))
        }
        for first in ALL
    }
    return {first: row for first, row in found.items() if row}


def _figures(tried: Tried, head: dict[str, Any]) -> dict[str, Any]:
    counts = _counts(tried)
    return {
        **head,
        "commands": len(ALL),
        "pairs": sum(map(len, tried.values())),
        "pairs_of": len(all_pairs()),
        "points": counts.total(),
        "both_ran": counts["."],
        "one_waited": counts["w"],
        "one_refused": counts["r"],
        "wrong": counts["!"],
        "tried": tried,
    }


def _table(figures: dict[str, Any]) -> str:
    """Draw the matrix: a row for the command that is at work, a column for the one that comes."""
    found: Tried = figures["tried"]
    lines = [" " * 31 + " ".join(f"{number:>2}" for number in range(1, len(ALL) + 1))]
    for number, first in enumerate(ALL, start=1):
        cells = (_sign(found.get(first.name, {}).get(second.name, "")) for second in ALL)
        lines.append(f"{number:>2} {first.name:<28}" + " ".join(f"{cell:>2}" for cell in cells))
    told = (
        f"As of {figures['date']}: {figures['pairs']} of {figures['pairs_of']} ordered pairs of "
        f"{figures['commands']} commands at {figures['points']} points; both ran at {figures['both_ran']}, one waited "
        f"at {figures['one_waited']}, one gave way at {figures['one_refused']}; {figures['wrong']} went wrong."
    )
    return f"{told}\n\n```text\n" + "\n".join(line.rstrip() for line in lines) + "\n```\n"


def _sign(signs: str) -> str:
    return next((sign for sign in _SIGNS.values() if sign in signs), "")


if __name__ == "__main__":
    main()
