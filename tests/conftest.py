"""What tests of several areas start from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from components import begin_run
from installed_wheel import Installation, installation

if TYPE_CHECKING:
    from pathlib import Path


def pytest_configure(config: pytest.Config) -> None:
    """Have one run of components, whose first process is the one that no other process of the run started."""
    if not hasattr(config, "workerinput"):
        config.add_cleanup(begin_run())


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return the wheel of this checkout, built and installed once, however many processes run the tests."""
    base: Path = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "wheel"
    shared.mkdir(exist_ok=True)
    return installation(shared)
