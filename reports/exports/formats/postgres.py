"""A database of PostgreSQL, by ADBC: each billing period of a table is replaced in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ioledger.errors import ConfigurationError
from reports.exports.postgres import schema, window
from reports.exports.postgres.session import session

if TYPE_CHECKING:
    from reports.exports.batch import Export

TABLES: Final = ("usage_record", "charge")


def send(export: Export, to: str) -> None:
    """Replace the export's period in the database at the URI ``to``, or leave the database as it was.

    Raises ConfigurationError for rows of one account and where the database cannot be written to, and
    LakeError where the rows cannot be read or the database makes other sums of them.
    """
    if export.account_id is not None:
        raise ConfigurationError(
            "--account cannot go with --as postgres, which replaces the whole period; leave it out, and give the "
            "account a role that sees its own rows: docs/exports-postgres.md"
        )
    with session(to) as cursor:
        schema.install(cursor)
        window.replace(cursor, export)
        export.announce(None)
