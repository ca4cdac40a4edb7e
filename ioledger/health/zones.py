"""Whether this machine knows the billing time zones, and all parts of it in the same way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import TZPATH, ZoneInfo

from ioledger.health.check import Check
from ioledger.lake import layout, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.app import App

LOOKS_AHEAD_DAYS: Final = 400
"""Far enough to see both changes of the clocks of the year that is billed next."""

_HOUR: Final = timedelta(hours=1)


def checks(app: App) -> Iterator[Check]:
    """Check the zones of the lake's settings; raises ConfigurationError for one that is not known."""
    line = settings.load(layout.require(app.lake()))
    for name in dict.fromkeys(each.billing_time_zone for each in line):
        yield zone(name, system_zone(name), package_zone(name), app.clock.now())


def system_zone(name: str, places: tuple[str, ...] = TZPATH) -> ZoneInfo | None:
    """Return a zone as the machine's own data has it; None where it has none."""
    path = next((path for place in places if (path := Path(place, name)).is_file()), None)
    if path is None:
        return None
    with path.open("rb") as stream:
        return ZoneInfo.from_file(stream, name)


def package_zone(name: str) -> ZoneInfo | None:
    """Return a zone as the package tzdata has it; None where it has none."""
    path = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return ZoneInfo.from_file(stream, name)


def zone(name: str, of_system: ZoneInfo | None, of_package: ZoneInfo | None, now: datetime) -> Check:
    """Tell whether a zone's hours are the same by the machine's data, which count, and by the package's."""
    release = f"package tzdata {version('tzdata')}"
    if of_system is None or of_package is None:
        return Check("time zone", f"{name} is known to {'the machine' if of_system else release} alone")
    other = _first_difference(of_system, of_package, now)
    if other is None:
        return Check("time zone", f"{name} is the same by the machine's data and by the {release}")
    return Check(
        "time zone",
        f"{name} is {_offset(of_system, other)} from UTC by the machine's data, which count, and "
        f"{_offset(of_package, other)} by the {release}, from {other:%Y-%m-%dT%H:%MZ} on",
        "update both: `apt-get install --only-upgrade tzdata` and `pip install --upgrade tzdata`",
    )


def _first_difference(one: ZoneInfo, other: ZoneInfo, now: datetime) -> datetime | None:
    start = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = (start + number * _HOUR for number in range(LOOKS_AHEAD_DAYS * 24))
    return next((hour for hour in hours if _offset(one, hour) != _offset(other, hour)), None)


def _offset(zone: ZoneInfo, moment: datetime) -> str:
    return f"{moment.astimezone(zone):%z}"
