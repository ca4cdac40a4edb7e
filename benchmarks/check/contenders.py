"""What is measured side by side: a check by all shipped rules, and a bare scan of the same files.

Each runs in a process of its own and prints one line of JSON: ``python -m benchmarks.check.contenders
NAME LAKE START END``. It measures itself, after its imports.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.peak import peak_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Finding = tuple[str, str, str | None, str | None]
"""Code, resource, and since when and until when, exclusive, in ISO 8601."""


@dataclass(frozen=True)
class Measured:
    """What one run took; times in seconds, of all threads in ``cpu_seconds``, memory of the whole process."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    findings: Sequence[Finding]


def bare_scan(lake: Path, _start: datetime, _end: datetime) -> list[Finding]:
    """Read every column of every file with as many threads as a check has; text is only counted."""
    import duckdb  # noqa: PLC0415 - a contender loads its own engine only

    with duckdb.connect() as connection:
        for directory in sorted(path for path in lake.iterdir() if path.is_dir()):
            paths = sorted(str(path) for path in directory.rglob("*.parquet"))
            if paths:
                rows = connection.read_parquet(paths, union_by_name=True, hive_partitioning=False)
                kinds = zip(rows.columns, rows.types, strict=True)
                aggregates = [f"{'count' if str(kind) == 'VARCHAR' else 'max'}({name})" for name, kind in kinds]
                rows.aggregate(", ".join(aggregates)).fetchall()
    return []


def check(lake: Path, start: datetime, end: datetime) -> list[Finding]:
    """Judge a lake as ``ioledger check`` does, by all shipped rules with their defaults.

    Raises RuntimeError if a rule failed.
    """
    from ioledger.config import CheckTable  # noqa: PLC0415 - likewise
    from policies import checking, engine  # noqa: PLC0415
    from policies.judged import Judged  # noqa: PLC0415
    from policies.rule import load_rules  # noqa: PLC0415

    rules = load_rules()
    found = checking.check(lake, rules, Judged(start, end), engine.thresholds(rules, {}), CheckTable())
    for finding in found:
        if finding.status == "error":
            raise RuntimeError(f"{finding.code} failed: {finding.reason}")
    return [
        (finding.code, finding.resource_id, _iso(finding.interval_start), _iso(finding.interval_end))
        for finding in found
    ]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


BARE_SCAN: Final = "bare scan"
CHECK: Final = "check"

CONTENDERS: Final[dict[str, tuple[Sequence[str], Callable[[Path, datetime, datetime], list[Finding]]]]] = {
    BARE_SCAN: (("duckdb",), bare_scan),
    CHECK: (("policies.checking", "policies.rule", "ioledger.config"), check),
}
"""By name: the modules that are loaded before the clock starts, and the work."""


def measured(name: str, lake: Path, start: datetime, end: datetime) -> Measured:
    """Run a contender in this process and measure it."""
    modules, work = CONTENDERS[name]
    for module in modules:
        import_module(module)
    wall, cpu = time.perf_counter(), time.process_time()
    findings = work(lake, start, end)
    return Measured(time.perf_counter() - wall, time.process_time() - cpu, peak_bytes(), findings)


if __name__ == "__main__":
    contender, directory, opens, closes = sys.argv[1:]
    outcome = measured(contender, Path(directory), datetime.fromisoformat(opens), datetime.fromisoformat(closes))
    sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
