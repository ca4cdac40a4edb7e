"""What the keys of QoS specs sell, worked out by hand from what Cinder, Nova and the drivers do with them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from collectors.controlplanes.cinder_limits import Spec, keys_not_understood, limits_of


def sold(consumer: str, size_gib: int = 10, **keys: object) -> dict[str, object]:
    return limits_of(Spec("tried", consumer, {key: str(value) for key, value in keys.items()}), {}, size_gib)


def test_every_cap_of_the_hypervisor_with_burst_and_length() -> None:
    keys = {
        "total_iops_sec": 1000, "total_iops_sec_max": 1100, "total_iops_sec_max_length": 11,
        "read_iops_sec": 2000, "read_iops_sec_max": 2200, "read_iops_sec_max_length": 22,
        "write_iops_sec": 3000, "write_iops_sec_max": 3300, "write_iops_sec_max_length": 33,
        "total_bytes_sec": 4000, "total_bytes_sec_max": 4400, "total_bytes_sec_max_length": 44,
        "read_bytes_sec": 5000, "read_bytes_sec_max": 5500, "read_bytes_sec_max_length": 55,
        "write_bytes_sec": 6000, "write_bytes_sec_max": 6600, "write_bytes_sec_max_length": 66,
        "size_iops_sec": 4096,
    }  # fmt: skip
    assert sold("front-end", **keys) == {
        "sold_cap_total_iops": 1000, "sold_cap_total_iops_burst": 1100, "sold_cap_total_iops_burst_seconds": 11,
        "sold_cap_read_iops": 2000, "sold_cap_read_iops_burst": 2200, "sold_cap_read_iops_burst_seconds": 22,
        "sold_cap_write_iops": 3000, "sold_cap_write_iops_burst": 3300, "sold_cap_write_iops_burst_seconds": 33,
        "sold_cap_total_bps": 4000, "sold_cap_total_bps_burst": 4400, "sold_cap_total_bps_burst_seconds": 44,
        "sold_cap_read_bps": 5000, "sold_cap_read_bps_burst": 5500, "sold_cap_read_bps_burst_seconds": 55,
        "sold_cap_write_bps": 6000, "sold_cap_write_bps_burst": 6600, "sold_cap_write_bps_burst_seconds": 66,
    }  # fmt: skip


def test_the_consumer_says_which_side_is_limited() -> None:
    keys = {"total_iops_sec": 1000, "minIOPS": 300}
    assert sold("front-end", **keys) == {"sold_cap_total_iops": 1000}
    assert sold("back-end", **keys) == {"sold_min_iops": 300, "sold_max_iops": 1000}
    assert sold("both", **keys) == {"sold_cap_total_iops": 1000, "sold_min_iops": 300, "sold_max_iops": 1000}


@pytest.mark.parametrize(
    ("keys", "size_gib", "cap"),
    [
        ({"per_gb": 30}, 10, 300),
        ({"per_gb": 30, "per_gb_min": 500}, 10, 500),
        ({"per_gb": 30, "per_gb_min": 500}, 20, 600),
        ({"per_gb": 30, "max": 250}, 10, 250),
        ({"per_gb": 30, "per_gb_min": 500, "max": 400}, 10, 400),
        ({"per_gb": 0, "per_gb_min": 500}, 10, 500),
    ],
)
def test_a_cap_for_each_gb_is_that_of_the_size_within_its_bounds(keys: dict[str, int], size_gib: int, cap: int) -> None:
    named = {f"write_iops_sec_{suffix}": value for suffix, value in keys.items()}
    assert sold("front-end", size_gib, write_iops_sec=7, **named) == {"sold_cap_write_iops": cap}


def test_bytes_for_each_gb_as_well() -> None:
    assert sold("front-end", 3, read_bytes_sec_per_gb=1048576) == {"sold_cap_read_bps": 3145728}


def test_the_least_for_each_gb_alone_is_nothing() -> None:
    assert sold("front-end", total_iops_sec_per_gb_min=500) == {}


@pytest.mark.parametrize(
    ("keys", "size_gib", "limits"),
    [
        # SolidFire: three numbers, and a slope for each further GB
        ({"minIOPS": 100, "maxIOPS": 200, "burstIOPS": 300}, 10, (100, 200, 300, None, None)),
        ({"qos:minIOPS": 100, "qos:maxIOPS": 200}, 10, (100, 200, None, None, None)),
        (
            {"minIOPS": 100, "maxIOPS": 200, "burstIOPS": 300, "scaledIOPS": "True", "scaleMin": 2, "scaleMax": 4,
             "scaleBurst": 6},
            11, (120, 240, 360, None, None),
        ),
        ({"minIOPS": 100, "maxIOPS": 200, "scaledIOPS": "True", "scaleMax": 4}, 1, (100, 200, None, None, None)),
        ({"minIOPS": 100, "scaleMin": 2}, 11, (100, None, None, None, None)),
        # NetApp ONTAP: keys in any case, one of each pair
        ({"MINiops": 50, "maxiops": 90}, 10, (50, 90, None, None, None)),
        ({"minIOPSperGiB": 5, "maxIOPSperGiB": 10}, 7, (35, 70, None, Decimal(5), Decimal(10))),
        # Pure Storage: a number outranks that for each GB
        ({"maxIOPS_per_GB": 100}, 7, (None, 700, None, None, Decimal(100))),
        ({"maxIOPS": 500, "maxIOPS_per_GB": 100}, 7, (None, 500, None, None, None)),
        ({"maxIOPS": 0, "maxIOPS_per_GB": 1000000}, 200, (None, 100000000, None, None, Decimal(1000000))),
        # Dell PowerFlex: the lesser of both, at a size in steps of 8 GB
        ({"maxIOPSperGB": 10}, 10, (None, 160, None, None, Decimal(10))),
        ({"maxIOPS": 100, "maxIOPSperGB": 10}, 10, (None, 100, None, None, Decimal(10))),
        ({"maxIOPS": 1000, "maxIOPSperGB": 10}, 8, (None, 80, None, None, Decimal(10))),
        # RBD: the hypervisor's names
        ({"total_iops_sec": 1000, "total_iops_sec_max": 2000}, 10, (None, 1000, 2000, None, None)),
        ({"read_iops_sec": 1000, "total_bytes_sec": 1000}, 10, (None, None, None, None, None)),
    ],
)  # fmt: skip
def test_limits_of_the_storage(
    keys: dict[str, object], size_gib: int, limits: tuple[int | Decimal | None, ...]
) -> None:
    names = ("sold_min_iops", "sold_max_iops", "sold_burst_iops", "sold_min_iops_per_gib", "sold_max_iops_per_gib")
    expected = {name: value for name, value in zip(names, limits, strict=True) if value is not None}
    assert sold("back-end", size_gib, **keys) == expected
    assert sold("front-end", size_gib, **{key: keys[key] for key in keys if "_sec" not in key}) == {}


def test_a_limit_of_0_is_none() -> None:
    assert sold("both", total_iops_sec=0, total_iops_sec_max=0, minIOPS=0, maxIOPS=0, read_bytes_sec_per_gb=0) == {}


def test_without_a_spec_drivers_look_in_the_type_itself() -> None:
    extra_specs = {"volume_backend_name": "gold", "qos:minIOPS": "100", "maxIOPS": "200", "total_iops_sec": "7"}
    assert limits_of(None, extra_specs, 1) == {"sold_min_iops": 100, "sold_max_iops": 200}
    assert limits_of(Spec("caps", "front-end", {}), extra_specs, 1) == {}
    assert limits_of(None, {}, 1) == {}


@pytest.mark.parametrize("value", ["1.5", "-1", "1k", "", "1e3", "٣", "9223372036854775808", "99999999999999999999"])
def test_what_is_no_number_that_a_column_holds_sells_nothing_and_is_named(value: str) -> None:
    spec = Spec("odd", "both", {"total_iops_sec": value, "minIOPS": value})
    assert limits_of(spec, {}, 1) == {}
    assert keys_not_understood([spec]) == ["minIOPS of odd", "total_iops_sec of odd"]


def test_a_product_that_no_column_holds_is_no_limit() -> None:
    most = 2**63 - 1
    assert sold("both", 2, total_iops_sec_per_gb=most, minIOPSperGiB=most, maxIOPSperGB=most) == {}


def test_keys_that_nobody_reads_are_named() -> None:
    specs = [
        Spec("caps", "front-end", {"total_iops_sec": "1", "maxIOPS": "1", "size_iops_sec": "4096", "iops": "1"}),
        Spec("array", "back-end", {"maxIOPS": "1", "maxBWS": "1", "scaledIOPS": "True", "read_bytes_sec_max": "1",
                                   "total_iops_sec_per_gb": "1", "peakIOPSperGiB": "5"}),
        Spec("both", "both", {"maxIOPS": "1", "total_iops_sec_max_length": "1"}),
    ]  # fmt: skip
    assert keys_not_understood(specs) == [
        "peakIOPSperGiB of array",
        "total_iops_sec_per_gb of array",
        "iops of caps",
        "maxIOPS of caps",
    ]
