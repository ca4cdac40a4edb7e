"""Runs the notebooks of this directory and keeps what they show; `make docs` does so."""

from __future__ import annotations

import os
import sys
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

NOTEBOOKS = Path(__file__).parent


def run(path: Path) -> nbformat.NotebookNode:
    """Run a notebook where it lies and return it with what it shows now; CellExecutionError if a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    metadata = deepcopy(notebook.metadata)  # running adds which Python it was
    with TemporaryDirectory() as runtime:  # sockets lie in it: their paths have to be short
        surroundings = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "JUPYTER_RUNTIME_DIR": runtime,
            "IPYTHONDIR": runtime,
        }
        with patch.dict(os.environ, surroundings):
            client = NotebookClient(
                notebook,
                timeout=300,
                startup_timeout=300,
                record_timing=False,
                coalesce_streams=True,  # how a cell's prints are cut into messages is a matter of time
                resources={"metadata": {"path": NOTEBOOKS}},
                config=Config({"KernelManager": {"transport": "ipc", "ip": f"{runtime}/kernel"}}),
            )
            done = client.execute()
    done.metadata = metadata
    return done


if __name__ == "__main__":
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        nbformat.write(run(path), path)
