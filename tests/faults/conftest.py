"""What tests of faults share, and how many they tried, which `make faults` keeps for docs/promises.md."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faulted_sites import Sites, sites
from full_lakes import lake_with_rows_in_every_table
from long_runs import heading, keep_figures

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
def tried(request: pytest.FixtureRequest) -> Iterator[Callable[[str], None]]:
    """Count what was tried, by its name."""
    counts: Counter[str] = Counter()
    yield lambda what: counts.update([what])
    if FIGURES in os.environ:
        figures = {"tried": dict(sorted(counts.items())), "failed": request.session.testsfailed}
        keep_figures(Path(os.environ[FIGURES]), {**heading("make faults"), **figures})
