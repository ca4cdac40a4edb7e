"""Finds the charge or the usage record that an id, or its beginning, names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from ioledger.errors import ConfigurationError
from ioledger.lake import layout, reader
from ioledger.model.tables import CHARGE, USAGE_RECORD
from reports.closing import archive

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ioledger.lake.reader import OpenLake

Kind = Literal["charge", "usage_record"]

_ID: Final = re.compile(r"[0-9a-f]{8,64}")
_TOLD_AT_MOST: Final = 10
_ID_COLUMNS: Final[dict[Kind, str]] = {"charge": "charge_id", "usage_record": "usage_record_id"}


class Found(NamedTuple):
    """A row of ``charge`` or ``usage_record``, and the file in which it lies."""

    kind: Kind
    path: Path
    row: dict[str, Any]


_KINDS: Final[tuple[Kind, ...]] = ("charge", "usage_record")


def find(opened: OpenLake, lake: Path, text: str) -> Found:
    """Return what an id names, or a beginning of one that no other has.

    Raises ConfigurationError for a text that is no id, for an unknown one, and for the beginning of
    several, which it names.
    """
    if not _ID.fullmatch(text):
        raise ConfigurationError(
            f"{text!r} is no id; give the charge_id or usage_record_id, or at least its first 8 characters, "
            "which are digits and the letters a to f"
        )
    found = {
        name: (kind, path)
        for kind in _KINDS
        for name, path in _beginning_with(opened, kind, text, files_of(lake, kind))
    }
    if not found:
        raise ConfigurationError(
            f"no charge and no usage record has an id that begins with {text}; `ioledger rate` makes charges, and a "
            "bill that is rated again has other ones where its prices are others"
        )
    if len(found) > 1:
        named = sorted(f"{name} ({kind.replace('_', ' ')})" for name, (kind, _) in found.items())
        more = f" and {len(named) - _TOLD_AT_MOST} more" if len(named) > _TOLD_AT_MOST else ""
        raise ConfigurationError(
            f"{text} is the beginning of {len(named)} ids, {', '.join(named[:_TOLD_AT_MOST])}{more}; give more of it"
        )
    ((name, (kind, path)),) = found.items()
    (row,) = rows(opened, kind, [path], f"{_ID_COLUMNS[kind]} = $1", [name])
    return Found(kind, path, row)


def corrected_by(opened: OpenLake, lake: Path, charge_id: str) -> list[dict[str, Any]]:
    """Return the lines of any bill that correct a line."""
    return rows(opened, "charge", files_of(lake, "charge"), "corrects_charge_id = $1", [charge_id])


def charge(opened: OpenLake, lake: Path, charge_id: str) -> dict[str, Any] | None:
    """Return a line of any bill; None if there is none."""
    return next(iter(rows(opened, "charge", files_of(lake, "charge"), "charge_id = $1", [charge_id])), None)


def files_of(lake: Path, kind: Kind) -> list[Path]:
    """List the files of bills or of usage records; those of closed months come first, and only they have its bill."""
    closed = archive.all_closed(lake)
    if kind == "charge":
        names = {f"{each.period}.parquet" for each in closed}
        frozen = [each.bill for each in closed]
        return frozen + [path for path in layout.files(lake, CHARGE.name) if path.name not in names]
    frozen = [path for each in closed for paths in each.usage().values() for path in paths]
    return frozen + layout.files(lake, USAGE_RECORD.name)


def rows(
    opened: OpenLake, table: str, paths: Sequence[Path], condition: str, values: Sequence[object] = ()
) -> list[dict[str, Any]]:
    """Read the rows of some files that meet a condition, in the order in which they lie there."""
    opened.show(table, paths)
    relation = opened.connection.sql(f"FROM {table} WHERE {condition}", params=list(values))
    found: list[dict[str, Any]] = relation.to_arrow_table().to_pylist()
    opened.show(table, ())
    return found


def _beginning_with(opened: OpenLake, kind: Kind, text: str, paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return the ids that begin with a text and the first file that has each."""
    if not paths:
        return []
    listed = ", ".join(map(reader.literal, paths))
    column = _ID_COLUMNS[kind]
    found = opened.connection.execute(
        f"SELECT DISTINCT {column}, filename FROM read_parquet([{listed}], filename = true, hive_partitioning = false) "
        f"WHERE starts_with({column}, $1)",
        [text],
    ).fetchall()
    by_path = {str(path): place for place, path in enumerate(paths)}
    places: dict[str, int] = {}
    for name, filename in found:
        places[name] = min(by_path[filename], places.get(name, len(paths)))
    return [(name, paths[place]) for name, place in places.items()]
