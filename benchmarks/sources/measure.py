"""One run of ``ioledger collect`` on a large service, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measure import WrongResultError
from ioledger.lake import layout, reader

if TYPE_CHECKING:
    from collections.abc import Mapping

VOLUMES: Final = 100_000
TARGET_SECONDS: Final = 60
TARGET_MB: Final = 500

_ROOT: Final = Path(__file__).parents[2]

# The command, which tells its own peak at its end: what wait4 tells begins with the memory of the process that
# started it.
_MEASURED: Final = """
import sys
from pathlib import Path
from benchmarks.peak import peak_bytes
from ioledger.cli import main
told = Path(sys.argv.pop(1))
try:
    main()
finally:
    told.write_text(str(peak_bytes()), encoding="ascii")
"""


@dataclass(frozen=True)
class Collected:
    """What one run took, from the start of the command to its end.

    ``cpu_seconds`` is the collector's own, ``peak_bytes`` the most memory that it had resident;
    ``service_seconds`` is what the service took for its answers, where that can be told.
    """

    name: str
    volume_count: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    service_seconds: float | None = None


def collect(
    name: str, place: Path, table: str, environment: Mapping[str, str], expected: Mapping[str, int]
) -> Collected:
    """Collect once from the source that ``table`` configures, into a new lake in ``place``.

    ``table`` is the text below ``[sources.measured]``; ``expected`` has the number of entitlements under
    ``*``, and how many of them have each column. Raises WrongResultError where there are others.
    """
    place.mkdir()
    layout.create(place / "lake")
    configuration = place / "ioledger.toml"
    configuration.write_text(f'lake = "lake"\n[sources.measured]\n{table}\n', encoding="utf-8")
    peak = place / "peak_bytes"
    command = [sys.executable, "-c", _MEASURED, str(peak), "--config", str(configuration), "collect"]
    variables = {**os.environ, **environment, "PYTHONPATH": str(_ROOT)}
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own command
        command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        told = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    with reader.connect(place / "lake") as connection:
        counts = ", ".join(f"count({column})" for column in expected)
        (found,) = connection.table("entitlement").aggregate(counts).fetchall()
    if process.returncode or found != tuple(expected.values()):
        raise WrongResultError(
            f"{name}: collect ended with {process.returncode} and stored {dict(zip(expected, found, strict=True))} "
            f"where {dict(expected)} belong: {told.decode(errors='replace').strip()}"
        )
    cpu = usage.ru_utime + usage.ru_stime
    return Collected(name, expected["*"], seconds, cpu, int(peak.read_text(encoding="ascii")))
