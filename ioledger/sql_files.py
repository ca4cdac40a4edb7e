"""Finds the ``.sql`` files that lie beside the code that runs them."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def statements_of(package: str) -> Callable[[str], str]:
    """Return what gives the SQL of a file of ``package``, which is named without its suffix."""

    def statement(name: str) -> str:
        return resources.files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")

    return statement
