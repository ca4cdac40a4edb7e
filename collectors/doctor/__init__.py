"""What ioledger can find out about its own surroundings: what does not fit together, and how to mend it."""

from importlib import resources


def statement(name: str) -> str:
    """Return the SQL of one of this package's ``.sql`` files, named without its suffix."""
    return resources.files("collectors.doctor").joinpath(f"{name}.sql").read_text(encoding="utf-8")
