"""Every mistake of tests/mistakes/mistakes.toml is made, and what is then read is what docs/mistakes.md says."""

from __future__ import annotations

import shutil
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from mistaken import AFTER, PLACES, Told, make, mistakes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MISTAKES = mistakes()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a place when it is first asked for."""

    @cache
    def made(name: str) -> Path:
        directory = tmp_path_factory.mktemp(name)
        if name in AFTER:
            shutil.copytree(made(AFTER[name]), directory, dirs_exist_ok=True)
        PLACES[name](directory)
        return directory

    return made


@pytest.mark.parametrize("mistake", MISTAKES, ids=[each["about"] for each in MISTAKES])
def test_a_mistake_is_told_in_one_sentence_with_what_to_do(
    mistake: dict[str, Any], place: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = make(mistake, place(mistake["place"]), tmp_path, capsys)

    assert told == Told(2, mistake["says"])
    assert "\n" not in told.text


def test_the_likeliest_mistakes_are_all_there() -> None:
    assert len(MISTAKES) >= 40
    assert len({each["about"] for each in MISTAKES}) == len(MISTAKES)
