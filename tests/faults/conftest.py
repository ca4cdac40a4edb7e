"""What tests of faults share, and how many they tried, which `make faults` keeps for docs/promises.md."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faulted_sites import Sites, sites
from full_lakes import lake_with_rows_in_every_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIGURES = "IOLEDGER_FAULTS_TO"
"""The variable that names the file for the figures."""


@pytest.fixture(scope="session")
def made_sites(tmp_path_factory: pytest.TempPathFactory) -> Sites:
    """Return the site before each of its commands, made once, however many processes run the tests."""
    base = tmp_path_factory.getbasetemp()
    return sites((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "sites")


@pytest.fixture(scope="session")
def full_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lake with rows in every table; whoever changes it puts back what was there."""
    return lake_with_rows_in_every_table(tmp_path_factory.mktemp("full-lake"))


@pytest.fixture(scope="session")
def tried() -> Iterator[Callable[[str], None]]:
    """Count what was tried, by its name."""
    counts: Counter[str] = Counter()
    yield lambda what: counts.update([what])
    if FIGURES in os.environ:
        words = ["git", "rev-parse", "HEAD"]
        commit = subprocess.run(words, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
        told = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "commit": commit.stdout.strip(), "run": "make faults"}
        text = json.dumps({**told, "tried": dict(sorted(counts.items()))}, indent=1)
        Path(os.environ[FIGURES]).write_text(text + "\n", encoding="utf-8")
