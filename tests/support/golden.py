"""Golden cases: input rows and the usage records that must come of them, as TOML.

A case holds ``title``, ``rules`` (of docs/metering.md), ``why`` (the arithmetic), ``from`` and
``to`` (which windows are built), ``[[settings]]`` as in the lake's settings.toml, ``[[runs]]`` with
their rows by table, and ``[[expected]]``, the usage records in the contract's order.

What a case leaves out: a run is ``ok``, committed, and its ``run_id`` says when it started; a row
takes what ``[defaults.TABLE]`` says, a sample is ``ok`` and read when its run started, and any other
column is NULL; an expected record lasts an hour, and has no flag, amount or key that is not given.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reference.facts import to_microseconds
from reference.records import record_id

from ioledger.model.columns import EXACT
from ioledger.model.records import Run
from ioledger.model.tables import FACTS, USAGE_AMOUNTS, USAGE_KEY, USAGE_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reference.facts import Row

CASES: Final = Path(__file__).parents[1] / "golden"
_CASE_KEYS: Final = {"title", "rules", "why", "from", "to", "settings", "defaults", "runs", "expected"}
_RUN_KEYS: Final = {"source", "kind", "started_at", "status", "run_id", "committed"}


@dataclass(frozen=True)
class Case:
    """One golden case; ``uncommitted`` are the runs that a crash kept from being committed."""

    title: str
    start: datetime
    end: datetime
    settings: Sequence[Row]
    runs: Sequence[Run]
    uncommitted: Sequence[Run]
    expected: Sequence[Row]

    def tables(self) -> dict[str, list[Row]]:
        """Return the rows of the lake by table, ``collection_run`` included."""
        return tables_of_runs(self.runs, self.uncommitted)


def tables_of_runs(runs: Iterable[Run], uncommitted: Iterable[Run] = ()) -> dict[str, list[Row]]:
    """Return what a lake holds after ``runs`` were written and ``uncommitted`` ones broke off."""
    runs = list(runs)
    tables: dict[str, list[Row]] = {name: [] for name in FACTS}
    tables["collection_run"] = [_collection_run(run) for run in runs]
    for run in (*runs, *uncommitted):
        for name, rows in run.tables.items():
            of_run: dict[str, object] = {"source": run.source, "run_id": run.run_id}
            if FACTS[name].time == "observed_at":
                of_run["observed_at"] = run.started_at
            tables[name] += [{**row, **of_run} for row in rows]
    return tables


def load(path: Path) -> Case:
    """Read one case; ValueError names what the format does not know."""
    content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    _refuse_unknown(content, _CASE_KEYS, path)
    defaults = content.get("defaults", {})
    runs = [(_run(table, defaults, path), table.get("committed", True)) for table in content["runs"]]
    return Case(
        title=content["title"],
        start=content["from"],
        end=content["to"],
        settings=content.get("settings", []),
        runs=[run for run, is_committed in runs if is_committed],
        uncommitted=[run for run, is_committed in runs if not is_committed],
        expected=[_expected(table, path) for table in content["expected"]],
    )


def settings_toml(tables: Sequence[Row]) -> str:
    """Write settings tables as the lake's settings.toml."""
    return "\n".join(
        "[[settings]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in table.items()) for table in tables
    )


def difference(expected: Sequence[Row], actual: Sequence[Row]) -> str:
    """Say line by line how the records that differ do so; empty if all are equal and in order."""
    if list(expected) == list(actual):
        return ""
    sides = (expected, actual)
    wanted, found = ({record["usage_record_id"]: record for record in records} for records in sides)
    differing = {name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)}
    wrong = [_lines(record for record in records if record["usage_record_id"] in differing) for records in sides]
    lines = difflib.unified_diff(wrong[0], wrong[1], "expected", "actual", n=99, lineterm="")
    return "\n".join(lines) or f"in another order, or twice:\n{list(wanted)}\n{list(found)}"


def _run(table: Mapping[str, Any], defaults: Mapping[str, Row], path: Path) -> Run:
    _refuse_unknown(table, _RUN_KEYS | FACTS.keys(), path)
    started_at = table["started_at"]
    rows = {
        name: [_row(name, {**defaults.get(name, {}), **row}, started_at, path) for row in table[name]]
        for name in FACTS
        if name in table
    }
    return Run(
        source=table["source"],
        run_id=table.get("run_id", f"{started_at:%Y%m%dT%H%M%S.%fZ}"),
        kind=table["kind"],
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=1),
        boottime_us=to_microseconds(started_at),
        status=table.get("status", "ok"),
        collector_version="0",
        error=None if table.get("status", "ok") == "ok" else "the case says so",
        tables=rows,
    )


def _row(table: str, row: Row, started_at: datetime, path: Path) -> Row:
    _refuse_unknown(row, set(FACTS[table].names) - {"source", "run_id", "observed_at"}, path)
    implied = {"sampled_at": started_at, "state": "ok"} if table == "disk_io_stat" else {}
    return {**implied, **row}


def _collection_run(run: Run) -> Row:
    return {
        "source": run.source,
        "run_id": run.run_id,
        "kind": run.kind,
        "host_id": run.host_id,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "boottime_us": run.boottime_us,
        "status": run.status,
        "row_count": sum(len(rows) for rows in run.tables.values()),
        "timeout_count": run.timeout_count,
        "error": run.error,
        "collector_version": run.collector_version,
    }


def _expected(table: Mapping[str, Any], path: Path) -> Row:
    _refuse_unknown(table, set(USAGE_RECORD.names), path)
    exact = {column.name for column in USAGE_RECORD.columns if column.type == EXACT}
    record: dict[str, Any] = {
        "window_end": table["window_start"] + timedelta(hours=1),
        **dict.fromkeys(USAGE_KEY),
        "provisioned": False,
        "throttled": False,
        **dict.fromkeys(USAGE_AMOUNTS, 0),
        "revision": 0,
        **table,
    }
    names = [record[name] for name in USAGE_KEY]
    record.setdefault("usage_record_id", record_id(record["kind"], to_microseconds(record["window_start"]), names))
    return {name: Decimal(record[name]) if name in exact else record[name] for name in USAGE_RECORD.names}


def _lines(records: Iterable[Row]) -> list[str]:
    lines = []
    for record in records:
        lines.append(f"[{record['kind']} {record['window_start']:%Y-%m-%d %H:%M:%SZ}]")
        lines += [
            f"  {name} = {_shown(record[name])}" for name in USAGE_RECORD.names if record[name] not in (None, False, 0)
        ]
    return lines


def _shown(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.isoformat() if isinstance(value, datetime) else repr(value)


def _toml(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def _refuse_unknown(table: Iterable[str], valid: Iterable[str], path: Path) -> None:
    unknown = set(table) - set(valid)
    if unknown:
        raise ValueError(f"{path.name}: unknown {sorted(unknown)}; valid are {sorted(valid)}")
