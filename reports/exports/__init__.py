"""Exports: the usage records or charges of a billing month, for programs other than this one."""

from importlib import resources


def statement(name: str) -> str:
    """Return the SQL of one of this package's ``.sql`` files, named without its suffix."""
    return resources.files("reports.exports").joinpath(f"{name}.sql").read_text(encoding="utf-8")
