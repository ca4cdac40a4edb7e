"""Gnocchi's own arithmetic on readings; runs where Gnocchi is installed.

``python gnocchi_rates.py READINGS RESULT SECONDS METHOD``: READINGS is a file of numpy with ``disk``, ``sampled_us``
and counters. RESULT gets ``ops``, reads and writes as rows of disk, hour in microseconds and amount, and what Gnocchi
would keep of all counters: ``byte_count`` and ``value_count``.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from gnocchi.carbonara import AggregatedTimeSerie, Aggregation, BoundTimeSerie

if TYPE_CHECKING:
    import numpy.typing as npt

_COUNTED: Final = ("read_ops", "write_ops")


def rates(
    stamps: npt.NDArray[np.datetime64], values: npt.NDArray[np.float64], granularity: np.timedelta64, method: str
) -> Any:  # noqa: ANN401 - Gnocchi ships no types
    """Return the rates of one counter as Gnocchi stores them for an archive policy."""
    grouped = BoundTimeSerie.from_data(stamps, values).group_serie(granularity)
    return AggregatedTimeSerie.from_grouped_serie(grouped, Aggregation(method, granularity, None))


def kept_bytes(series: Any) -> int:  # noqa: ANN401 - likewise
    """Return the bytes of a stored series, in the pieces in which Gnocchi writes them."""
    return sum(len(part.serialize(key)[1]) for key, part in series.split())


def main(source: str, target: str, seconds: int, method: str) -> None:
    """Work through a file of readings with a granularity and a method of aggregation."""
    given = np.load(source)
    granularity = np.timedelta64(seconds, "s")
    found, byte_count, value_count = [], 0, 0
    borders = np.flatnonzero(np.diff(given["disk"], prepend=-1, append=-1))
    for first, end in pairwise(borders):
        stamps = (given["sampled_us"][first:end] * 1000).view("datetime64[ns]")
        for name in set(given.files) - {"disk", "sampled_us"}:
            values = given[name][first:end].astype(float)
            value_count += len(values)
            byte_count += kept_bytes(rates(stamps, values, granularity, "mean"))
            rated = rates(stamps, values, granularity, method)
            byte_count += kept_bytes(rated)
            if name in _COUNTED:
                hours = rated.timestamps.astype("datetime64[h]").astype("datetime64[us]").astype(np.int64)
                disk = np.full(len(hours), given["disk"][first])
                found.append(np.column_stack([disk, hours, rated.values]))
    np.savez(target, ops=np.concatenate(found), byte_count=byte_count, value_count=value_count)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
