"""What a QoS spec of Cinder sells, in the lake's columns.

A spec is a consumer and texts by key; nothing in Cinder says what the keys mean, for hypervisors and
drivers each read those that they know. The meaning of each comes from the source code of who reads it:
Cinder 29's ``volume/manager.py`` (keys for each GB), its drivers, and Nova's ``virt/libvirt/volume``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FRONT_END_CONSUMERS: Final = ("front-end", "both")
BACK_END_CONSUMERS: Final = ("back-end", "both")

AXES: Final[Mapping[str, str]] = {
    "total_iops_sec": "total_iops",
    "read_iops_sec": "read_iops",
    "write_iops_sec": "write_iops",
    "total_bytes_sec": "total_bps",
    "read_bytes_sec": "read_bps",
    "write_bytes_sec": "write_bps",
}
"""The keys of hypervisors; source: Cinder's ``_parse_connection_options``, Nova's ``tune_opts``."""

_FRONT_END_SUFFIXES: Final = ("", "_max", "_max_length", "_per_gb", "_per_gb_min")

_SIZE_OF_AN_OPERATION: Final = "size_iops_sec"
"""The bytes that a cap counts as one operation: known to Nova, and without a column in what was sold."""

_OF_DRIVERS: Final = frozenset(
    {
        # SolidFire; the first two of others as well
        *("miniops", "maxiops", "burstiops", "scalediops", "scalemin", "scalemax", "scaleburst"),
        *("miniopspergib", "maxiopspergib"),  # NetApp ONTAP
        "maxiops_per_gb",  # Pure Storage
        "maxiopspergb",  # Dell PowerFlex
    }
)
"""The keys of drivers that become columns, in lower case, as NetApp's driver reads its own."""

_OF_RBD: Final = frozenset(f"{key}{suffix}" for key in AXES for suffix in ("", "_max"))

_WITHOUT_A_COLUMN: Final = frozenset(
    {"maxbws", "maxbws_per_gb", "maxbwspergb", "maxbps", "maxbpspergib"}
    | (_OF_RBD - {"total_iops_sec", "total_iops_sec_max"})
)
"""Back-end keys that are understood: limits of bytes, and of reads and writes apart, which no column holds."""

_PURE_MOST_IOPS: Final = 100_000_000
"""What Pure's driver sets at most for each GB; source: MAX_IOPS of Cinder's ``drivers/pure.py``."""

_POWERFLEX_GRANULE_GIB: Final = 8
"""Sizes of PowerFlex are multiples of it; source: ``round_to_num_gran`` of Cinder's PowerFlex driver."""

_MOST: Final = 2**63 - 1
_MOST_PER_GIB: Final = 10**12 - 1


@dataclass(frozen=True, slots=True)
class Spec:
    """A QoS spec: its name, for people, who is to enforce it, and its keys as Cinder has them."""

    name: str
    consumer: str
    keys: Mapping[str, str]


def limits_of(spec: Spec | None, extra_specs: Mapping[str, str], size_gib: int) -> dict[str, object]:
    """Return the columns of what a type sells for a volume of this size; what is not limited is left out.

    ``extra_specs`` are the type's, in which drivers look where it has no QoS spec. A limit of 0 is none.
    """
    limits: dict[str, object] = {}
    if spec is None:
        limits |= _back_end(_plain(extra_specs), size_gib, is_rbd=False)
    else:
        if spec.consumer in FRONT_END_CONSUMERS:
            limits |= _front_end(spec.keys, size_gib)
        if spec.consumer in BACK_END_CONSUMERS:
            limits |= _back_end(_plain(spec.keys), size_gib, is_rbd=True)
    return {name: value for name, value in limits.items() if value}


def keys_not_understood(specs: Iterable[Spec]) -> list[str]:
    """Name the keys of specs by which nothing is sold because nobody here knows what they mean.

    A key whose value is no whole number is one of them, and so is one that its consumer does not read.
    """
    named = {(spec.name, key) for spec in specs for key in spec.keys if not _is_understood(spec, key)}
    return [f"{key} of {spec}" for spec, key in sorted(named)]


def _is_understood(spec: Spec, key: str) -> bool:
    plain = _plain_key(key)
    if plain == "scalediops":  # a flag
        return spec.consumer in BACK_END_CONSUMERS
    if _number(spec.keys, key) is None:
        return False
    return (spec.consumer in FRONT_END_CONSUMERS and key in set(_front_end_keys())) or (
        spec.consumer in BACK_END_CONSUMERS and plain in _OF_DRIVERS | _OF_RBD | _WITHOUT_A_COLUMN
    )


def _front_end_keys() -> Iterator[str]:
    yield _SIZE_OF_AN_OPERATION
    for key in AXES:
        for suffix in _FRONT_END_SUFFIXES:
            yield f"{key}{suffix}"


def _plain_key(key: str) -> str:
    """Return a driver's key without the scope before its colon, as SolidFire's driver reads ``qos:minIOPS``."""
    return key.rpartition(":")[2].lower()


def _plain(keys: Mapping[str, str]) -> dict[str, str]:
    return {_plain_key(key): value for key, value in keys.items()}


def _number(keys: Mapping[str, str], key: str) -> int | None:
    text = str(keys.get(key, "")).strip()
    if re.fullmatch(r"[0-9]{1,19}", text) is None:
        return None
    number = int(text)
    return number if number <= _MOST else None


def _front_end(keys: Mapping[str, str], size_gib: int) -> dict[str, object]:
    limits: dict[str, object] = {}
    for key, axis in AXES.items():
        per_gb = _number(keys, f"{key}_per_gb")
        burst = _number(keys, f"{key}_max")
        if per_gb is None:
            base = _number(keys, key)
        else:  # there `_max` is what the product is cut off at, and no burst
            base, burst = max(_number(keys, f"{key}_per_gb_min") or 0, per_gb * size_gib), None
            if (most := _number(keys, f"{key}_max")) is not None:
                base = min(base, most)
        limits[f"sold_cap_{axis}"] = _within(base)
        limits[f"sold_cap_{axis}_burst"] = burst
        if burst:
            limits[f"sold_cap_{axis}_burst_seconds"] = _number(keys, f"{key}_max_length")
    return limits


def _back_end(keys: Mapping[str, str], size_gib: int, *, is_rbd: bool) -> dict[str, object]:
    least, most, burst = (_number(keys, key) for key in ("miniops", "maxiops", "burstiops"))
    if "scalediops" in keys:
        least, most, burst = (
            _scaled(base, _number(keys, slope), size_gib)
            for base, slope in ((least, "scalemin"), (most, "scalemax"), (burst, "scaleburst"))
        )
    if is_rbd:
        most = most or _number(keys, "total_iops_sec")
        burst = burst or _number(keys, "total_iops_sec_max")
    least_per_gib = _number(keys, "miniopspergib")
    if not least and least_per_gib:
        least = least_per_gib * size_gib
    most_per_gib = None
    if not most and (most_per_gib := _number(keys, "maxiopspergib")):
        most = most_per_gib * size_gib
    if not most and (most_per_gib := _number(keys, "maxiops_per_gb")):
        most = min(_PURE_MOST_IOPS, most_per_gib * size_gib)
    if per_granule := _number(keys, "maxiopspergb"):
        granules = -(-size_gib // _POWERFLEX_GRANULE_GIB)
        scaled = per_granule * granules * _POWERFLEX_GRANULE_GIB
        most, most_per_gib = min(most or scaled, scaled), per_granule
    return {
        "sold_min_iops": _within(least),
        "sold_max_iops": _within(most),
        "sold_burst_iops": _within(burst),
        "sold_min_iops_per_gib": _rate(least_per_gib),
        "sold_max_iops_per_gib": _rate(most_per_gib),
    }


def _scaled(base: int | None, slope: int | None, size_gib: int) -> int | None:
    """Return what SolidFire's driver makes of a limit: the first GB has it, each further one adds the slope."""
    return base if base is None or slope is None else base + slope * (size_gib - 1)


def _within(number: int | None) -> int | None:
    """Return a limit, or None for one that no column holds and no storage has."""
    return number if number is not None and number <= _MOST else None


def _rate(number: int | None) -> Decimal | None:
    return Decimal(number) if number is not None and number <= _MOST_PER_GIB else None
