"""Usage records: what each disk did and what each volume held, hour by hour, as metering.md says."""

from importlib import resources


def statement(name: str) -> str:
    """Return the SQL of one of this package's ``.sql`` files, named without its suffix."""
    return resources.files("reports.usage").joinpath(f"{name}.sql").read_text(encoding="utf-8")
