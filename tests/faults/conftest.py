"""What tests of faults share, and how many they tried, which `make faults` keeps for docs/promises.md."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faulted_sites import Sites, sites

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
def tried() -> Iterator[Callable[[str], None]]:
    """Count what was tried, by its name."""
    counts: Counter[str] = Counter()
    yield lambda what: counts.update([what])
    if FIGURES in os.environ:
        Path(os.environ[FIGURES]).write_text(json.dumps(dict(sorted(counts.items()))), encoding="utf-8")
