"""What is broken in a lake, as people are told, and what has to leave readers' sight for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

RUN_GOES: Final = "collect it again if its source still knows it; --quarantine sets the whole run aside"
FILE_GOES: Final = "restore the file; --quarantine sets it aside, with every run that lost rows by it"
ROWS_GO: Final = "--quarantine sets these rows aside; the run stays"
MADE_AGAIN: Final = "--quarantine removes the file; what it holds can be made again"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one file; ``run_id`` where it concerns one run alone."""

    path: Path
    table: str
    source: str | None
    run_id: str | None
    what: str
    remedy: str


@dataclass(slots=True)
class Report:
    """What was found in a lake, and what is to be done about it.

    ``whole``: files of facts that go whole. ``runs``: the runs whose rows go out of a file, by file;
    ``ended`` names those among them that are not to exist any more, as (source, run_id). ``derived``:
    files that can be made again.
    """

    problems: list[Problem] = field(default_factory=list)
    whole: set[Path] = field(default_factory=set)
    runs: dict[Path, set[str]] = field(default_factory=dict)
    ended: set[tuple[str, str]] = field(default_factory=set)
    derived: set[Path] = field(default_factory=set)
    row_count: int = 0
    file_count: int = 0

    def set_aside(self, path: Path, run_id: str) -> None:
        """Note that the rows of a run are to leave a file."""
        self.runs.setdefault(path, set()).add(run_id)
