"""Closing a billing month: what was billed is frozen, and what came late is corrected in the open month."""

from importlib import resources


def statement(name: str) -> str:
    """Return the SQL of one of this package's ``.sql`` files, named without its suffix."""
    return resources.files("reports.closing").joinpath(f"{name}.sql").read_text(encoding="utf-8")
