"""What a test of any source needs of the system behind it: a site that it can fill and disturb."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from collectors.registry import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


class Site(Protocol):
    """A system that a source reads, under a test's control.

    ``settings`` are the keys of the source's table in ioledger.toml, but for its type; secrets stand in
    ``environment``, and ``secrets`` are all texts that may appear in no log, error or file.
    """

    settings: dict[str, object]
    environment: dict[str, str]
    secrets: tuple[str, ...]

    def lose_part(self) -> None:
        """From now on one page or item cannot be read; the others can."""

    def hang(self) -> None:
        """From now on take requests and never answer."""

    def refuse(self) -> None:
        """From now on refuse our credentials; nothing where there are none."""

    def mend(self) -> None:
        """Be as before."""


@dataclass(frozen=True)
class Rig:
    """How the contract of all sources is tried on one of them.

    ``running(items)`` has a site with that many rows of the table ``items_in``, at most ``most_items``;
    ``tables`` are those that the source may fill. Where a site cannot be disturbed in a way, the knob is
    named in ``without``, with the reason. ``timeout_seconds`` is what a request takes at most on a busy
    machine while nothing is disturbed.
    """

    source_type: str
    tables: tuple[str, ...]
    items_in: str
    running: Callable[[int], AbstractContextManager[Site]]
    most_items: int = 10_000
    without: tuple[tuple[str, str], ...] = ()
    timeout_seconds: int = 1


def all_rigs() -> dict[str, Rig]:
    """Return the rigs of all modules here that end in ``_site``, by the type of source."""
    modules = [importlib.import_module(file.stem) for file in Path(__file__).parent.glob("*_site.py")]
    rigs = [rig for module in modules for rig in (*getattr(module, "RIGS", ()), getattr(module, "RIG", None)) if rig]
    return {rig.source_type: rig for rig in rigs}


def class_of(rig: Rig) -> Any:  # noqa: ANN401 - any class that follows Source
    """Return the class of the source that a rig is for."""
    (entry_point,) = entry_points(group=SOURCES, name=rig.source_type)
    return entry_point.load()
