"""What offerings sell: IOPS for the storage, rates for the hypervisor, and the defaults of the whole cloud."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
"""Python itself would read 1_000 as well, spaces, and digits of any script."""

GREATEST: Final = 2**63 - 1
"""What the lake's columns take; CloudStack's own are Java's long."""

DEFAULTS_PREFIX: Final = "vm.disk.throttling."

RATES: Final[Mapping[str, tuple[str, str]]] = {
    "sold_cap_read_iops": ("diskIopsReadRate", f"{DEFAULTS_PREFIX}iops_read_rate"),
    "sold_cap_write_iops": ("diskIopsWriteRate", f"{DEFAULTS_PREFIX}iops_write_rate"),
    "sold_cap_read_bps": ("diskBytesReadRate", f"{DEFAULTS_PREFIX}bytes_read_rate"),
    "sold_cap_write_bps": ("diskBytesWriteRate", f"{DEFAULTS_PREFIX}bytes_write_rate"),
}
"""By column: the key of an offering's rate (operations or bytes per second), and the global setting that
stands in for a rate of 0. ``…Max`` and ``…MaxLength`` (seconds) follow the former."""

RIGHT_IN_VOLUMES: Final = ("sold_cap_write_iops", "sold_cap_read_bps")
"""The rates that listVolumes tells rightly: it fills the two others from these (apache/cloudstack issue 14048)."""


@dataclass(frozen=True)
class Offering:
    """A disk or service offering.

    ``has_own_iops``: each volume has the minimum and maximum that its buyer asked for.
    """

    has_own_iops: bool
    iops: Mapping[str, int]
    rates: Mapping[str, int]


def offering_of(item: Mapping[str, Any]) -> Offering:
    """Read an offering; raises ValueError for a figure that is none."""
    rates: dict[str, int] = {}
    for column, (key, _) in RATES.items():
        rates |= set_only(
            {
                column: limit(item, key),
                f"{column}_burst": limit(item, f"{key}Max"),
                f"{column}_burst_seconds": limit(item, f"{key}MaxLength"),
            }
        )
    return Offering(item.get("iscustomizediops") is True, iops_of(item), rates)


def iops_of(item: Mapping[str, Any]) -> dict[str, int]:
    """Read the minimum and the maximum that an offering or a volume has, where it has them."""
    return set_only({"sold_min_iops": limit(item, "miniops"), "sold_max_iops": limit(item, "maxiops")})


def caps(rates: Mapping[str, int], defaults: Mapping[str, int]) -> dict[str, int]:
    """Return the caps that apply: each rate, or else the cloud's default, with the burst above it.

    A burst without a rate caps nothing, and neither does a length without a burst.
    """
    found = {}
    for column in RATES:
        rate = rates.get(column) or defaults.get(column)
        if rate is None:
            continue
        found[column] = rate
        burst = f"{column}_burst"
        if burst in rates:
            found |= {name: rates[name] for name in (burst, f"{burst}_seconds") if name in rates}
    return found


def default_of(item: Mapping[str, Any]) -> int:
    """Read a global setting's value; 0 sets nothing. Raises ValueError for what is no figure."""
    return whole(item, "value") or 0


def limit(item: Mapping[str, Any], key: str) -> int | None:
    """Read a limit; 0 and less is none, as CloudStack itself takes it. Raises ValueError for what is no figure."""
    value = whole(item, key)
    return value if value is not None and value > 0 else None


def whole(item: Mapping[str, Any], key: str) -> int | None:
    """Read a whole number, which some versions write as text; None where there is none. Raises ValueError."""
    value = item.get(key)
    if value is None or value == "":
        return None
    number = int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) > GREATEST:
        msg = f"{key} is {value!r}, which is no whole number up to {GREATEST}"
        raise ValueError(msg)
    return number


def text(item: Mapping[str, Any], key: str) -> str | None:
    """Read a text; None where there is none or it is empty. Raises ValueError for what is no text."""
    value = item.get(key)
    if value is None or isinstance(value, str):
        return value or None
    msg = f"{key} is {value!r}, which is no text"
    raise ValueError(msg)


def set_only(values: Mapping[str, int | None]) -> dict[str, int]:
    """Leave out what is not set."""
    return {name: value for name, value in values.items() if value is not None}
