"""``python -m benchmarks.distributed.contenders ENGINE LAKE START END``: one build, measured from inside."""

from __future__ import annotations

import json
import sys
import time
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

from benchmarks.peak import peak_bytes
from reports.usage import dask_engine
from reports.usage.build import build


def main() -> None:
    """Build by ``local``, or by the workers of the scheduler whose address stands for it; print figures as JSON."""
    name, lake, start, end = sys.argv[1:]
    with nullcontext(map) if name == "local" else dask_engine.engine(name) as run:
        began = time.perf_counter()
        build(Path(lake), datetime.fromisoformat(start), datetime.fromisoformat(end), engine=run)
        seconds = time.perf_counter() - began
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main()
