"""What the commands import when they run: loaded once, before any of them is forked."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Final

_LATER: Final = (
    "pandas",
    "pyarrow.csv",
    "pyarrow.dataset",
    "collectors.controlplanes.inventory_file",
    "collectors.hypervisors.synthetic",
    "collectors.storage.inventory_file",
    "reports.exports.formats.csv",
)
"""What a command imports in the middle of its work; pyarrow does so itself with two of them."""


def preload() -> None:
    for name in ("lake", "collect", "usage", "rate", "close", "export"):
        for entry in entry_points(group="ioledger.commands", name=name):
            entry.load()
    for module in _LATER:
        import_module(module)
