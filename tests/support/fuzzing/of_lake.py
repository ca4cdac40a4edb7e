"""What lies in a lake, whoever wrote it: Parquet files, journals, manifests, audit entries, and what is remembered."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import date, datetime
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fuzzing import scratch
from fuzzing.mutation import JSON, Shape
from fuzzing.rows import AT
from fuzzing.scratch import directory, written
from fuzzing.target import Refused, Target, WrongError, require
from fuzzing.wire import parts

from collectors import remembered
from collectors.hypervisors import vsphere_watch, xenserver_watch
from collectors.storage.ebs_progress import Progress
from ioledger.clock import to_us
from ioledger.lake import audit, audit_checks, journal, layout, memory, reader
from ioledger.lake.file_checks import BrokenFileError, named_runs, rows_of, stored_file
from ioledger.lake.remote import commits
from ioledger.model.tables import FACTS, SAMPLE_STRETCH, TABLES
from reports.closing import anchors, archive, verification
from reports.usage import notes

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.tables import Table

_DAY: Final = date(2025, 11, 22)
_GONE: Final = b"gone\n"


def read_journal(data: bytes) -> None:
    lake = written("journal/.journal/000000000001.json", data).parents[1]
    for swap in journal.pending(lake).values():
        told = json.loads(data)
        require(same=dict(swap.new), as_=told["new"], what="new files")
        require(same=list(swap.old), as_=told["old"], what="old files")
        for name in (*swap.new, *swap.new.values(), *swap.old):
            _require_within(name)
        journal.present(lake, [lake / "a.parquet"], [swap], lake / "disk_io_stat")
        for name in swap.new.values():
            journal.own_name(lake / name)


def _require_within(name: str) -> None:
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\0" in name or not name:
        raise WrongError(f"{name!r} does not lie in the lake")


def read_commit(data: bytes) -> None:
    store: Any = SimpleNamespace(read=lambda _name: data, address="s3://bucket/lake")
    taken = commits._parsed(store, 1)  # noqa: SLF001 - what reads each of them
    told = json.loads(data)
    require(same=(dict(taken.new), list(taken.old), taken.by), as_=(told["new"], told["old"], told["by"]), what="it")
    for name in (*taken.new, *taken.new.values(), *taken.old):
        _require_within(name)
    commits.present({}, {1: taken})


def read_audit(data: bytes) -> None:
    lake = directory() / "audited"
    shutil.rmtree(lake, ignore_errors=True)
    entries = list((parts(data) or {"1": data}).values())
    for number, content in enumerate(entries, start=1):
        if content == _GONE:
            continue
        path = audit.path_of(lake, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for entry in audit.entries(lake):
        _ = entry.what
    is_whole = not list(audit_checks.wrong_with(lake))
    require(same=is_whole, as_=_is_chain(entries), what="whether the chain is whole")
    list(anchors.problems(lake))


def _is_chain(entries: list[bytes]) -> bool:
    while entries and entries[-1] == _GONE:  # what was cut off at the end leaves no trace in the log itself
        entries = entries[:-1]
    before: str | None = None
    for number, content in enumerate(entries, start=1):
        try:
            told = json.loads(content)
        except (ValueError, RecursionError):
            return False
        if not isinstance(told, dict) or told.get("number") != number or (number > 1 and told.get("before") != before):
            return False
        before = hashlib.sha256(content).hexdigest()
    return True


def read_manifest(data: bytes) -> None:
    path = written("months/closed/2025-10/manifest.json", data)
    lake = path.parents[2]
    month = archive.closed(lake, "2025-10")
    if month is None:
        raise WrongError("a month with a manifest is not closed")
    told = json.loads(data)
    require(same=month.start, as_=datetime.fromisoformat(told["start"]), what="start")
    for _ in (*verification.wrong_with(lake, month), *anchors.problems(lake)):
        pass
    archive.billed_usage(archive.all_closed(lake), month)


def read_memory(data: bytes) -> None:
    lake = scratch.lake("remembering")
    path = layout.memory_file(lake, "kvm")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    refused = layout.refusal_file(lake, "kvm")
    refused.parent.mkdir(parents=True, exist_ok=True)
    refused.write_bytes(data)
    memory.refusal(lake, "kvm")
    known = remembered.recall(lake, "kvm")
    now_us = to_us(AT)
    progress = Progress.recall(known.of_source)
    for volume in [*progress.attachments, "vol-1"]:
        if not isinstance(progress.start_us(volume, now_us), int):
            raise WrongError("a moment is no number")
    for watch in (vsphere_watch.Watch, xenserver_watch.Watch):
        json.dumps(watch(AT, known.of_source, ()).to_remember(["vm-1"]))
    if known.last_run is None and known.of_source is None:
        raise Refused("nothing is remembered")
    remembered.remember(lake, "kvm", known)
    require(same=remembered.recall(lake, "kvm"), as_=known, what="what is remembered again")


def read_usage_note(data: bytes) -> None:
    lake = scratch.lake("noted")
    path = notes._path(lake, _DAY)  # noqa: SLF001 - where it lies
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    note = notes.load(lake, _DAY)
    if note is None:
        raise Refused("the day is built again")
    notes.differing(note.samples, note.samples)
    notes.save(lake, _DAY, note)
    require(same=notes.load(lake, _DAY), as_=note, what="a note that is kept again")


def read_samples(data: bytes) -> None:
    table = _table_of(data)
    has_source = table.name in FACTS or table == SAMPLE_STRETCH
    place = "date=2025-11-22/source=kvm-01" if has_source else "date=2025-11-22"
    path = written(f"facts/{table.name}/{place}/20251122T120000.parquet", data)
    try:
        rows = rows_of(stored_file(path.parents[3 if has_source else 2], table, path))
        named_runs(path)
    except BrokenFileError as error:
        raise Refused(*error.args) from error
    _require_same_sums(path, rows)
    require(same=reader.stored_whole(path).num_rows, as_=rows.num_rows, what="the number of rows")


def _table_of(data: bytes) -> Table:
    """Take the table whose columns a file has most of, by the names in its footer."""
    return max(
        TABLES.values(), key=lambda table: (sum(name.encode() in data for name in table.names), -len(table.names))
    )


def _require_same_sums(path: Path, rows: pa.Table) -> None:
    """Require that both readers of the product find the same counters in a file that counts."""
    for name in ("read_ops", "write_ops", "read_bytes", "row_count", "boottime_us"):
        if name in rows.column_names:
            (ours,) = _connection().execute(f"SELECT sum({name}) FROM read_parquet(?)", [str(path)]).fetchone() or (0,)  # noqa: S608 - names from above
            theirs = pc.sum(pc.cast(rows.column(name), pa.decimal128(38, 0))).as_py()
            require(same=None if ours is None else int(ours), as_=None if theirs is None else int(theirs), what=name)


_connections: list[duckdb.DuckDBPyConnection] = []


def _connection() -> duckdb.DuckDBPyConnection:
    if not _connections:
        _connections.append(duckdb.connect(config={"threads": 1}))
    return _connections[0]


def _odd_file(random: Any, data: bytes) -> bytes | None:  # noqa: ANN401 - Random
    """Write the rows of a file again, with another column, other rows or values, or without one."""
    try:
        rows = pq.read_table(pa.BufferReader(data), use_threads=False)
        match random.randrange(5):
            case 0:
                rows = rows.drop_columns([random.choice(rows.column_names)])
            case 1:
                rows = pa.concat_tables([rows, rows.slice(random.randrange(len(rows)))])
            case 2:
                rows = rows.append_column("x", rows.column(0))
            case 3:
                place = random.randrange(rows.num_columns)
                field = rows.schema.field(place)
                rows = rows.set_column(place, field.name, pa.nulls(len(rows), field.type))
            case _:
                numbers = [name for name in rows.column_names if rows.schema.field(name).type == pa.int64()]
                name = random.choice(numbers)
                values = [random.choice((0, 1, -1, 2**63 - 1, None)) for _ in range(len(rows))]
                rows = rows.set_column(rows.column_names.index(name), name, pa.array(values, pa.int64()))
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, write_page_checksum=bool(random.randrange(2)))
        return bytes(sink.getvalue())
    except (pa.ArrowException, OSError, ValueError, IndexError):
        return None


_CHECKS: Final = ("ioledger.lake.file_checks",)

TARGETS: Final = (
    Target("lake-parquet", read_samples, Shape(own=_odd_file), _CHECKS, 3),
    Target("journal", read_journal, JSON, ("ioledger.lake.journal",), 20),
    Target("store-commit", read_commit, JSON, (), 40),
    Target("audit-log", read_audit, JSON, ("ioledger.lake.audit_checks",), 10),
    Target("manifest", read_manifest, JSON, (), 10),
    Target("memory", read_memory, JSON, ("ioledger.lake.memory", "collectors.remembered"), 15),
    Target("usage-note", read_usage_note, JSON, (), 15),
)
