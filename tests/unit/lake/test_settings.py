"""The settings of a lake: what holds when, and how a mistake is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from lakes import NOON, new_lake

from ioledger.errors import ConfigurationError
from ioledger.lake import layout, settings
from ioledger.lake.settings import BEGINNING_OF_TIME, END_OF_TIME, timeline

if TYPE_CHECKING:
    from pathlib import Path

SECOND = timedelta(seconds=1)


def test_a_lake_without_settings_has_the_defaults_for_ever(tmp_path: Path) -> None:
    (only,) = settings.load(new_lake(tmp_path))
    assert (only.valid_from, only.valid_to) == (BEGINNING_OF_TIME, END_OF_TIME)
    assert only.billing_time_zone == "UTC"
    assert (only.max_gap_seconds, only.max_allocation_age_seconds) == (900, 86_400)
    assert (only.precedence, only.retired) == ((), ())
    assert (only.policy_mode, only.policy_modes) == ("either_or", ())


def test_a_table_changes_what_it_names_and_carries_the_rest_over(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    (lake / layout.SETTINGS).write_text("""
        [[settings]]
        valid_from = 2025-11-23T00:00:00Z
        max_gap_seconds = 60
        retired = []

        [[settings]]
        valid_from = 2025-11-22T13:00:00+01:00
        billing_time_zone = "Asia/Kolkata"
        precedence = ["array-b", "array-a"]
        retired = ["kvm-09"]
    """)
    line = settings.load(lake)
    assert settings.at(line, NOON - SECOND).billing_time_zone == "UTC"
    first, second = settings.at(line, NOON), settings.at(line, NOON + timedelta(days=1))
    assert (first.billing_time_zone, first.max_gap_seconds, first.retired) == ("Asia/Kolkata", 900, ("kvm-09",))
    assert (second.billing_time_zone, second.max_gap_seconds, second.retired) == ("Asia/Kolkata", 60, ())
    assert second.precedence == ("array-b", "array-a")
    assert [s.valid_to for s in line] == [NOON, datetime(2025, 11, 23, tzinfo=UTC), END_OF_TIME]


def test_policy_modes_are_read_in_their_order_and_kept_until_they_change(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    (lake / layout.SETTINGS).write_text("""
        [[settings]]
        valid_from = 2025-11-22T12:00:00Z
        policy_mode = "storage_wins"
        [[settings.policy_modes]]
        mode = "hypervisor_wins"
        offering_id = "gold"
        pool_id = "ssd"
        [[settings.policy_modes]]
        mode = "either_or"
        account_id = "acme"

        [[settings]]
        valid_from = 2025-11-22T12:00:01Z
        max_gap_seconds = 60

        [[settings]]
        valid_from = 2025-11-22T12:00:02Z
        policy_modes = []
    """)
    line = settings.load(lake)
    first, second, third = (settings.at(line, NOON + number * SECOND) for number in range(3))
    assert first.policy_mode == second.policy_mode == third.policy_mode == "storage_wins"
    assert [(each.mode, each.offering_id, each.pool_id, each.account_id) for each in first.policy_modes] == [
        ("hypervisor_wins", "gold", "ssd", None),
        ("either_or", None, None, "acme"),
    ]
    assert second.policy_modes == first.policy_modes
    assert third.policy_modes == ()


def test_spans_of_one_zone_are_one() -> None:
    line = timeline(
        [
            {"valid_from": NOON, "billing_time_zone": "Europe/Berlin"},
            {"valid_from": NOON + SECOND, "max_gap_seconds": 5},
            {"valid_from": NOON + 2 * SECOND, "billing_time_zone": "UTC"},
        ]
    )
    assert [(opens, zone.key) for opens, _, zone in settings.zone_spans(line)] == [
        (BEGINNING_OF_TIME, "UTC"),
        (NOON, "Europe/Berlin"),
        (NOON + 2 * SECOND, "UTC"),
    ]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            {"valid_from": NOON, "max_gap": 5},
            "settings: unknown key 'settings.0.max_gap' (did you mean 'max_gap_seconds'?); valid keys are",
        ),
        ({"max_gap_seconds": 5}, "settings: the key 'settings.0.valid_from' is missing; add it"),
        (
            {"valid_from": NOON, "billing_time_zone": "Mars/Olympus"},
            "received 'Mars/Olympus', which is no time zone; valid are names such as UTC or Europe/Berlin",
        ),
        ({"valid_from": NOON, "billing_time_zone": "../../etc/passwd"}, "which is no time zone"),
        ({"valid_from": NOON.replace(tzinfo=None)}, "key 'settings.0.valid_from': input should have timezone info"),
        ({"valid_from": NOON, "max_gap_seconds": 0}, "input should be greater than 0 (received 0)"),
        ({"valid_from": NOON, "max_gap_seconds": 10**15}, "input should be less than or equal to 3162240000"),
        ({"valid_from": NOON, "max_gap_seconds": 9.5}, "input should be a valid integer (received 9.5)"),
        ({"valid_from": NOON, "max_gap_seconds": True}, "input should be a valid integer (received True)"),
        ({"valid_from": NOON, "precedence": "array-a"}, "input should be a valid list"),
        (
            {"valid_from": NOON, "policy_mode": "storage"},
            "received 'storage', which is no policy mode; valid are either_or, hypervisor_wins, storage_wins",
        ),
        (
            {"valid_from": NOON, "policy_modes": [{"mode": "array_wins", "pool_id": "ssd"}]},
            "settings: key 'settings.0.policy_modes.0.mode': received 'array_wins', which is no policy mode; valid are",
        ),
        (
            {"valid_from": NOON, "policy_modes": [{"mode": "either_or", "pool_id": "ssd"}, {"mode": "either_or"}]},
            "key 'settings.0.policy_modes.1': an exception without offering_id, pool_id and account_id would hold",
        ),
        (
            {"valid_from": NOON, "policy_modes": [{"pool_id": "ssd"}]},
            "settings: the key 'settings.0.policy_modes.0.mode' is missing; add it",
        ),
        (
            {"valid_from": NOON, "policy_modes": [{"mode": "either_or", "offering": "gold"}]},
            "(did you mean 'offering_id'?); valid keys are account_id, mode, offering_id, pool_id",
        ),
        (
            {"valid_from": NOON, "policy_modes": [{"mode": "either_or", "account_id": ""}]},
            "settings: key 'settings.0.policy_modes.0.account_id': string should have at least 1 character",
        ),
    ],
)
def test_a_mistake_is_told_with_its_key(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        timeline([table])
    assert sentence in str(caught.value)


def test_two_tables_from_one_moment_are_refused_in_whatever_zone_they_were_written() -> None:
    kolkata = NOON.astimezone(settings.ZoneInfo("Asia/Kolkata"))
    with pytest.raises(ConfigurationError) as caught:
        timeline([{"valid_from": NOON, "max_gap_seconds": 5}, {"valid_from": kolkata, "retired": []}], "settings.toml")
    assert str(caught.value) == (
        "settings.toml: two [[settings]] tables have valid_from 2025-11-22T12:00:00Z; merge them"
    )


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    path = lake / layout.SETTINGS
    path.write_text("[[settings]\n")
    with pytest.raises(ConfigurationError, match=rf"^{path} cannot be read as TOML: .*line 1.*; correct it there$"):
        settings.load(lake)
