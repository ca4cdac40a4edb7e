"""One check of a lake: the shipped rules here, users' own rules in their sandbox."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from itertools import islice
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb

from ioledger.errors import DataError
from ioledger.lake import reader
from ioledger.lake.state.tables import prepare
from policies import engine
from policies.guarded import Guard
from policies.sandbox import Over, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import timedelta
    from pathlib import Path

    from ioledger.config import CheckTable
    from ioledger.lake.reader import OpenLake
    from policies.engine import Thresholds
    from policies.finding import Finding
    from policies.judged import Judged
    from policies.rule import Rule


def check(  # noqa: PLR0913, PLR0917 - what is judged, by what, and who is told how far it is
    lake: Path,
    rules: Sequence[Rule],
    judged: Judged,
    values: Thresholds,
    limits: CheckTable,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Finding]:
    """Judge a lake by all rules; one that fails is a finding with the status ``error``.

    Failures come first, then findings by severity, status, code and resource. ``progress`` is told how many
    rules of how many were run. Raises LakeError if the lake cannot be read, and DataError if the memory that
    ``limits`` allows is too little for its state.
    """
    look_back = engine.look_back(rules, values)
    with prepared(lake, judged, look_back, limits) as opened:
        guard = Guard(limits.rule_timeout_seconds, partial(reader.refuse_unreadable, opened))
        shipped_first = sorted(rules, key=lambda rule: rule.is_own)
        told = _told(shipped_first, progress)
        shipped = islice(told, sum(not rule.is_own for rule in rules))
        found = engine.check(opened.connection, shipped, judged, values, guard)
    with Sandbox(limits, Over(lake, judged, look_back)) as sandbox:
        for rule in told:
            found += sandbox.findings(rule, values[rule.code])
    return engine.worst_first(found)


def _told(rules: Sequence[Rule], progress: Callable[[int, int], None]) -> Iterator[Rule]:
    """Give rules, and tell of each one when the next is asked for."""
    for done, rule in enumerate(rules, start=1):
        yield rule
        progress(done, len(rules))


@contextmanager
def prepared(lake: Path, judged: Judged, look_back: timedelta, limits: CheckTable) -> Iterator[OpenLake]:
    """Open a lake with the tables of its state over the time judged, within the memory that ``limits`` allows.

    Raises LakeError if the lake cannot be read, and DataError if that memory is too little.
    """
    with reader.open_lake(lake) as opened, TemporaryDirectory() as spill:
        opened.connection.execute(f"SET memory_limit = '{limits.memory_mib}MiB'")
        opened.connection.execute("SET temp_directory = $spill", {"spill": spill})
        try:
            prepare(opened, judged.start, judged.end, look_back)
        except duckdb.OutOfMemoryException as error:
            raise DataError(
                f"{limits.memory_mib} MiB of memory are too little for what {lake} holds of that time; "
                "raise memory_mib under [check] in ioledger.toml"
            ) from error
        yield opened
