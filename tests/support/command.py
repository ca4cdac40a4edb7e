"""The `ioledger` script beside the Python that runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT = Path(sys.executable).with_name("ioledger")

PLUGIN = Path(__file__).with_name("plugin")
"""A distribution of another maker, installed by being on PYTHONPATH: a slow source and a broken command."""

WITH_PLUGIN = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(PLUGIN), os.environ.get("PYTHONPATH")]))}


def ioledger(
    *words: str | Path, cwd: Path, prefix: Sequence[str] = (), env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as a job would, ``prefix`` before it; stdout and stderr are kept apart."""
    return subprocess.run([*prefix, SCRIPT, *words], cwd=cwd, env=env, capture_output=True, text=True, check=False)
