"""Volumes put straight into the database of a Cinder: thousands of them, which its API would take hours to make.

What is in the tables is what Cinder 29 itself writes; Cinder reads it, and answers as of volumes that it made.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
POOL = "cinder@fake1#fake"
MANY = 1000


def insert(database: str, count: int, projects: Sequence[str], type_ids: Sequence[str]) -> None:
    """Put so many volumes into a database, one made each second, of all projects and types by turns.

    Every third is attached to a guest; beside each ten lies one that was deleted, which nobody may see.
    """
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        _insert(connection, "volumes", (_volume(number, projects, type_ids) for number in range(count)))
        deleted = (_volume(number, projects, type_ids, is_deleted=True) for number in range(0, count, 10))
        _insert(connection, "volumes", deleted)
        _insert(connection, "volume_attachment", (_attachment(number) for number in range(0, count, 3)))


def volume_id(number: int) -> str:
    """Return the id of a volume by its number."""
    return str(UUID(int=0xC1DE << 64 | number))


def server_id(number: int) -> str:
    """Return the id of the guest that a volume is attached to."""
    return str(UUID(int=0x5E4E << 64 | number))


def _volume(
    number: int, projects: Sequence[str], type_ids: Sequence[str], *, is_deleted: bool = False
) -> dict[str, Any]:
    made = _text(BEGIN + timedelta(seconds=number))
    return {
        "id": str(UUID(int=0xDE1E << 64 | number)) if is_deleted else volume_id(number),
        "created_at": made,
        "updated_at": made if number % 2 else None,
        "deleted": is_deleted,
        "deleted_at": made if is_deleted else None,
        "user_id": "b" * 32,
        "project_id": projects[number % len(projects)],
        "host": POOL,
        "size": 1 + number % 500,
        "availability_zone": "nova",
        "status": "deleted" if is_deleted else "available" if number % 3 else "in-use",
        "attach_status": "detached" if number % 3 or is_deleted else "attached",
        "display_name": f"data-{number}" if number % 5 else "",
        "volume_type_id": type_ids[number % len(type_ids)],
        "bootable": False,
        "multiattach": False,
        "shared_targets": False,
        "use_quota": True,
    }


def _attachment(number: int) -> dict[str, Any]:
    attached = _text(BEGIN + timedelta(seconds=number + 1))
    return {
        "id": str(UUID(int=0xA77A << 64 | number)),
        "created_at": attached,
        "deleted": False,
        "volume_id": volume_id(number),
        "instance_uuid": server_id(number),
        "attached_host": "kvm-01",
        "mountpoint": "/dev/vdb",
        "attach_time": attached,
        "attach_mode": "rw",
        "attach_status": "attached",
    }


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"


def _insert(connection: sqlite3.Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    rows_of_all = list(rows)
    if rows_of_all:
        names = list(rows_of_all[0])
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"  # noqa: S608
        connection.executemany(statement, rows_of_all)
