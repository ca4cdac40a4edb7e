"""The wheel holds all that the code reads, and nothing but our four packages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zipfile import ZipFile

from installed_wheel import CHECKOUT

if TYPE_CHECKING:
    from installed_wheel import Installation

PACKAGES = ("collectors", "ioledger", "policies", "reports")


def names_in(installed: Installation) -> set[str]:
    with ZipFile(installed.wheel) as wheel:
        return set(wheel.namelist())


def test_it_holds_every_file_that_the_packages_hold(installed: Installation) -> None:
    files = {
        path.relative_to(CHECKOUT).as_posix()
        for package in PACKAGES
        for path in (CHECKOUT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name.rpartition(".")[2] for name in files} >= {"py", "sql", "toml", "typed"}
    assert files - names_in(installed) == set()


def test_its_top_level_is_ours_alone(installed: Installation) -> None:
    top = {name.partition("/")[0] for name in names_in(installed)}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)


def test_every_package_says_that_it_is_typed(installed: Installation) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= names_in(installed)
