"""Explains a charge or a usage record: everything that it came from, made again on the way."""

from importlib import resources


def statement(name: str) -> str:
    """Return the SQL of one of this package's ``.sql`` files, named without its suffix."""
    return resources.files("reports.explain").joinpath(f"{name}.sql").read_text(encoding="utf-8")
