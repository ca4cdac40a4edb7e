"""Whether what ioledger stands on is there, in versions that it was made for."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from ioledger.health.check import Check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ioledger.app import App

_OWN: Final = "ioledger"
_NAMED: Final = ("duckdb", "pyarrow")
"""What bugs are reported with."""


def checks(app: App) -> Iterator[Check]:
    """Check Python, the packages that ioledger asks for, and those that the configured sources ask for."""
    yield python(platform.python_version(), metadata(_OWN)["Requires-Python"])
    wanted = [Requirement(text) for text in requires(_OWN) or ()]
    extras = {"", *(table.type for table in app.configuration().sources.values())}
    needed = [each for each in wanted if each.marker is None or _is_for(each, extras)]
    yield packages(needed, _installed)


def _is_for(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def python(running: str, supported: str) -> Check:
    """Tell whether this Python is one of those that are supported."""
    told = f"Python {running}"
    if SpecifierSet(supported).contains(running, prereleases=True):
        return Check("Python", f"{told}, and {supported} is supported")
    return Check("Python", told, f"install ioledger with Python {supported}")


def packages(wanted: Iterable[Requirement], installed: Callable[[str], str | None]) -> Check:
    """Tell which packages are missing or of a version that is not supported; ``installed`` gives a version."""
    found = {str(each.name): (each, installed(each.name)) for each in wanted}
    wrong = {
        name: f"{name} {is_there}" if is_there else f"no {name}"
        for name, (each, is_there) in found.items()
        if is_there is None or not each.specifier.contains(is_there, prereleases=True)
    }
    if wrong:
        asked = " ".join(f"'{name}{found[name][0].specifier}'" for name in wrong)
        return Check("packages", ", ".join(wrong.values()), f"run `pip install {asked}`")
    told = ", ".join(f"{name} {found[name][1]}" for name in (_OWN, *_NAMED) if name in found)
    return Check("packages", f"ioledger {installed(_OWN)}, {told} and {len(found) - len(_NAMED)} more are supported")
