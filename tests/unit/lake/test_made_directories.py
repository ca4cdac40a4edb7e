"""A service that makes directories day by day for years remembers a bounded number of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ioledger.lake import files, layout

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_service_remembers_a_bounded_number_of_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout.create(tmp_path / "lake")
    monkeypatch.setattr(files, "_LASTING", lasting := set[tuple[int, int]]())
    monkeypatch.setattr(files, "_MOST_LASTING", 50)
    for day in range(200):
        files.make_directories(tmp_path / "lake" / "disk_io_stat" / f"date={day}" / "source=host")
        assert len(lasting) <= 50
    assert len(list((tmp_path / "lake" / "disk_io_stat").iterdir())) == 200
