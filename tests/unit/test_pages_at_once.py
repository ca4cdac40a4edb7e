"""Two commands that are asked for the same page at once: each gives a whole one, and the last stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.pages.publication import published

if TYPE_CHECKING:
    from pathlib import Path


def test_a_page_that_two_write_at_once_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with published() as first:
        first(path, "the first, which is longer")
        with published() as second:
            second(path, "the second")
        assert path.read_text(encoding="utf-8") == "the second"
    assert path.read_text(encoding="utf-8") == "the first, which is longer"
    assert list(tmp_path.iterdir()) == [path]
