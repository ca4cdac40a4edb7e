"""Our usage beside that of another system, volume by volume and day by day, and why they differ."""

from importlib import resources


def statement(name: str) -> str:
    """Return the SQL of one of this package's ``.sql`` files, named without its suffix."""
    return resources.files("reports.reconcile").joinpath(f"{name}.sql").read_text(encoding="utf-8")
