"""Which side counts where storage and hypervisor both limit a disk, as SQL is told of it."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from lakes import NOON

from ioledger.lake.reader import connect_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

INSTANT = timedelta(microseconds=1)

SETTINGS: list[dict[str, Any]] = [
    {
        "valid_from": NOON,
        "policy_mode": "hypervisor_wins",
        "policy_modes": [
            {"mode": "storage_wins", "offering_id": "gold", "account_id": "acme"},
            {"mode": "either_or", "account_id": "acme"},
            {"mode": "storage_wins", "pool_id": "ssd"},
        ],
    },
    {"valid_from": NOON + timedelta(hours=1), "max_gap_seconds": 60},
    {"valid_from": NOON + timedelta(hours=2), "policy_mode": "storage_wins"},
    {"valid_from": NOON + timedelta(hours=3), "policy_modes": []},
]

Names = tuple[str | None, str | None, str | None]
"""An offering, a pool and an account."""


def modes(names: Sequence[Names], moment: datetime, settings: Sequence[dict[str, Any]] = SETTINGS) -> list[str]:
    """Ask for the modes of all names in one statement."""
    with closing(connect_tables({}, settings)) as connection:
        connection.execute("CREATE TABLE asked (place BIGINT, offering VARCHAR, pool VARCHAR, account VARCHAR)")
        connection.executemany("INSERT INTO asked VALUES ($1, $2, $3, $4)", [(i, *of) for i, of in enumerate(names)])
        sql = "SELECT policy_mode_at(offering, pool, account, $moment) FROM asked ORDER BY place"
        return [mode for (mode,) in connection.execute(sql, {"moment": moment}).fetchall()]


def test_without_settings_it_is_either_side_for_everything() -> None:
    assert modes([("gold", "ssd", "acme"), (None, None, None)], NOON, ()) == ["either_or", "either_or"]


def test_of_the_exceptions_of_which_every_name_matches_the_first_counts() -> None:
    asked: dict[Names, str] = {
        ("gold", "ssd", "acme"): "storage_wins",
        ("gold", None, "acme"): "storage_wins",
        ("silver", "ssd", "acme"): "either_or",
        ("gold", "ssd", "other"): "storage_wins",
        ("gold", "hdd", "other"): "hypervisor_wins",
        (None, "ssd", None): "storage_wins",
        (None, None, None): "hypervisor_wins",
        ("Gold", "SSD", "ACME"): "hypervisor_wins",
        ("", "", ""): "hypervisor_wins",
    }
    assert modes(list(asked), NOON) == list(asked.values())


@pytest.mark.parametrize(
    ("moment", "of_acme", "of_others"),
    [
        (NOON - INSTANT, "either_or", "either_or"),
        (NOON, "either_or", "hypervisor_wins"),
        (NOON + timedelta(hours=2) - INSTANT, "either_or", "hypervisor_wins"),
        (NOON + timedelta(hours=2), "either_or", "storage_wins"),
        (NOON + timedelta(hours=3), "storage_wins", "storage_wins"),
    ],
)
def test_a_mode_holds_from_its_own_microsecond_on_and_what_a_table_leaves_out_is_kept(
    moment: datetime, of_acme: str, of_others: str
) -> None:
    assert modes([(None, None, "acme"), (None, None, "other")], moment) == [of_acme, of_others]


@pytest.fixture(scope="module")
def told() -> Iterator[dict[tuple[bool | None, bool | None, str], str | None]]:
    """Give the side that loses, by whether the volume is provisioned, the disk capped, and the mode."""
    offerings = ("either_or", "storage_wins", "hypervisor_wins")
    exceptions = [{"mode": mode, "offering_id": mode} for mode in offerings]
    with closing(connect_tables({}, [{"valid_from": NOON, "policy_modes": exceptions}])) as connection:
        rows = connection.execute(
            """
            SELECT
                provisioned,
                capped,
                offering_id,
                losing_side_at(provisioned, capped, offering_id, NULL, NULL, $moment)
            FROM (VALUES (true), (false), (NULL)) AS storage (provisioned)
            CROSS JOIN (VALUES (true), (false), (NULL)) AS hypervisor (capped)
            CROSS JOIN (SELECT unnest($offerings) AS offering_id)
            """,
            {"moment": NOON, "offerings": list(offerings)},
        ).fetchall()
        yield {(provisioned, capped, mode): side for provisioned, capped, mode, side in rows}


def test_a_side_loses_only_where_both_limit_the_disk(
    told: dict[tuple[bool | None, bool | None, str], str | None],
) -> None:
    assert {key: side for key, side in told.items() if side} == {
        (True, True, "storage_wins"): "hypervisor",
        (True, True, "hypervisor_wins"): "storage",
    }
    assert len(told) == 27


def test_what_is_asked_for_may_be_any_expression() -> None:
    with closing(connect_tables({}, SETTINGS)) as connection:
        sql = """
            SELECT policy_mode_at((SELECT min(name) FROM asked), told.name, upper(told.name), setting.valid_from)
            FROM asked AS told, setting
            WHERE EXISTS (FROM setting WHERE policy_mode_at(NULL, told.name, NULL, setting.valid_from) = 'storage_wins')
            ORDER BY setting.valid_from
            LIMIT 2
        """
        connection.execute("CREATE TABLE asked AS SELECT 'ssd' AS name")
        assert connection.execute(sql).fetchall() == [("either_or",), ("storage_wins",)]
