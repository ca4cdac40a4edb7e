"""Windows of usage and charges in a PostgreSQL database: its schema `ioledger`, and how a window is replaced."""

from importlib import resources


def statement(name: str) -> str:
    """Return the SQL of one of this package's ``.sql`` files, named without its suffix."""
    return resources.files("reports.exports.postgres").joinpath(f"{name}.sql").read_text(encoding="utf-8")
