"""Shows of a lake only what concerns some disks and volumes, so that few rows are metered of a large lake."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, ENTITLEMENT, PROVISIONED_IOPS, VOLUME_ALIAS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    import duckdb

    from ioledger.lake.reader import OpenLake
    from reports.usage.samples import Files


@contextmanager
def shown(
    opened: OpenLake, files: Files, days: Sequence[date], vm_ids: Sequence[str], volume_ids: Sequence[str]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Show the facts of some days that concern some guests and volumes, and all runs."""
    connection = opened.connection
    name_volumes(opened)
    of_volumes = f"list_contains({_listed(volume_ids)}, volume_id)"
    only = {
        COLLECTION_RUN.name: "true",
        DISK_IO_STAT.name: f"list_contains({_listed(vm_ids)}, vm_id)",
        PROVISIONED_IOPS.name: of_volumes,
        ENTITLEMENT.name: of_volumes,
    }
    # In tables: DuckDB would open all files again wherever a view is used.
    for table, condition in only.items():
        paths = files.of(table, days)
        opened.show(table, paths)
        connection.from_query(opened.select(table, paths)).filter(condition).create(f"of_subject_{table}")
        connection.execute(f"CREATE OR REPLACE VIEW stored_{table} AS FROM of_subject_{table}")
    yield connection
    for table in only:
        opened.show(table, ())
        connection.execute(f"DROP TABLE of_subject_{table}")


def name_volumes(opened: OpenLake) -> None:
    """Read the names of volumes once, from all days."""
    connection = opened.connection
    if connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'known_name'").fetchall()[0][0]:
        return
    aliases = opened.files[VOLUME_ALIAS.name]
    opened.show(VOLUME_ALIAS.name, aliases)
    opened.show(COLLECTION_RUN.name, opened.files[COLLECTION_RUN.name] if aliases else ())
    connection.execute("CREATE TABLE known_name AS FROM volume_name")
    connection.execute("CREATE OR REPLACE VIEW volume_name AS FROM known_name")


def _listed(texts: Sequence[str]) -> str:
    """Write texts as a list in SQL."""
    quoted = ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
    return f"[{quoted}]::VARCHAR[]"
