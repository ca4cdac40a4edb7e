"""The list of seeded defects still fits the code, and its page tells of each."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

RUNNER: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "defects" / "run.py"))
DEFECTS = RUNNER["defects"]()


@pytest.mark.parametrize("defect", DEFECTS, ids=[str(defect.number) for defect in DEFECTS])
def test_a_seeded_defect_changes_the_code(defect: Any) -> None:  # noqa: ANN401 - a class of the runner's
    assert RUNNER["with_defect"](defect) != (RUNNER["TREE"] / defect.file).read_text(encoding="utf-8")


def test_the_defects_are_numbered_from_one() -> None:
    assert [defect.number for defect in DEFECTS] == list(range(1, len(DEFECTS) + 1))


def test_the_page_of_the_last_run_tells_of_every_defect_and_of_no_survivor() -> None:
    text = RUNNER["PAGE"].read_text(encoding="utf-8")
    assert all(f"| {defect.number} | {defect.title} | {defect.bill} |" in text for defect in DEFECTS)
    assert text.count("\n| ") == len(DEFECTS) + 1
    assert "survived" not in text
