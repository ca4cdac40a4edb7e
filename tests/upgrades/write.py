"""Writes the lake of this version, and what it answers, for versions to come.

``python tests/upgrades/write.py schema-2`` makes ``tests/upgrades/lakes/schema-2`` and ``tests/upgrades/columns.csv``.
Do so when the schema has a new version, or a column was added; what was kept for earlier versions stays as it is.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

TREE: Final = Path(__file__).parents[2]
sys.path[:0] = [str(TREE), str(TREE / "tests" / "support")]

import frozen_lakes  # noqa: E402 - found where the tests find it


def main(name: str) -> None:
    """Keep a lake under a name."""
    with frozen_lakes.COLUMNS.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(frozen_lakes.columns())
    target = frozen_lakes.LAKES / name
    target.mkdir(parents=True)
    with TemporaryDirectory() as directory:
        frozen_lakes.write_lake(Path(directory))
        frozen_lakes.pack(Path(directory), target / "lake.tar.xz")
        for answer, text in frozen_lakes.answers(Path(directory) / "lake").items():
            (target / f"{answer}.csv").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
