"""What usage costs: rate cards, the lines of a bill, and exact arithmetic of money."""

from importlib import resources


def statement(name: str) -> str:
    """Return the SQL of one of this package's ``.sql`` files, named without its suffix."""
    return resources.files("reports.charges").joinpath(f"{name}.sql").read_text(encoding="utf-8")
