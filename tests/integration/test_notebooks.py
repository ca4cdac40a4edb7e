"""The notebooks run from top to bottom, and show what was committed with them."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"
RUN = runpy.run_path(str(NOTEBOOKS / "run.py"))["run"]


def shown(notebook: nbformat.NotebookNode) -> list[tuple[str, list[str]]]:
    """Give the code of each cell and what a reader sees below it."""
    return [
        (cell.source, [part for output in cell.outputs for part in texts(output)])
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def texts(output: Any) -> list[str]:  # noqa: ANN401 - one of the four kinds of output
    if output.output_type == "stream":
        return [output.text]
    data = output.data
    return [
        *(data[kind] for kind in ("text/plain", "text/html") if kind in data),
        *([words(data["image/svg+xml"])] if "image/svg+xml" in data else []),
    ]


def words(picture: str) -> str:
    """Give what is written in a picture; how it is drawn may change."""
    return " ".join(
        text.strip()
        for element in ET.fromstring(picture).iter()  # noqa: S314 - we drew it
        if not element.tag.endswith("style")
        for text in [element.text or ""]
        if text.strip()
    )


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_it_shows_what_was_committed_with_it(path: Path) -> None:
    committed = nbformat.read(path, as_version=4)
    assert shown(RUN(path)) == shown(committed), "run `make docs` and see whether the notebook still tells the truth"
