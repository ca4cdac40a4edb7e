"""What six limits at a time come to in one number."""

from __future__ import annotations

import pytest

from collectors.storage.ceph_rbd_limits import LARGEST, Limit, limit


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, Limit(None, None)),
        ({"iops_limit": 0}, Limit(None, None)),
        ({"iops_limit": 500}, Limit(500, None)),
        ({"iops_limit": 500, "iops_burst": 800}, Limit(500, 800)),
        ({"iops_limit": 500, "iops_burst": 500}, Limit(500, 500)),
        # librbd enforces the limit without such a burst.
        ({"iops_limit": 500, "iops_burst": 499}, Limit(500, None)),
        ({"iops_burst": 800}, Limit(None, None)),
        # Whoever may read without end has no maximum.
        ({"read_iops_limit": 100}, Limit(None, None)),
        ({"write_iops_limit": 100, "write_iops_burst": 200}, Limit(None, None)),
        ({"read_iops_limit": 100, "write_iops_limit": 50}, Limit(150, None)),
        ({"read_iops_limit": 100, "read_iops_burst": 400, "write_iops_limit": 50}, Limit(150, 450)),
        ({"iops_limit": 500, "read_iops_limit": 100}, Limit(500, None)),
        ({"iops_limit": 500, "read_iops_limit": 100, "write_iops_limit": 50}, Limit(150, None)),
        ({"iops_limit": 120, "iops_burst": 900, "read_iops_limit": 100, "write_iops_limit": 50}, Limit(120, 150)),
        ({"iops_limit": LARGEST}, Limit(LARGEST, None)),
        ({"iops_limit": LARGEST + 1}, Limit(None, None)),
        ({"bps_limit": 4096}, Limit(None, None)),
    ],
)
def test_the_lowest_bound_on_reads_and_writes_together_is_told(limits: dict[str, int], expected: Limit) -> None:
    assert limit({f"rbd_qos_{name}": str(value) for name, value in limits.items()}, "iops") == expected


def test_bytes_are_told_by_their_own_limits() -> None:
    settings = {"rbd_qos_bps_limit": "4096", "rbd_qos_iops_limit": "7", "rbd_qos_bps_burst": "8192"}
    assert limit(settings, "bps") == Limit(4096, 8192)
