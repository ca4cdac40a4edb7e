"""The process that keeps a shared component for a test run, and ends it with the run.

``component_keeper.py PLACE REQUEST`` returns when PLACE/answer.json says how the component is reached,
what it lacks, or why it did not start. The keeper itself stays until the run's first process, which
holds a lock for as long as it lives, is no more; then it ends the component and removes PLACE. What it
cannot end well it says in PLACE/failed.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import shutil
import sys
import traceback
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]


def main() -> None:
    """Start a keeper, and wait for its answer."""
    place, request = Path(sys.argv[1]), json.loads(sys.argv[2])
    until_answered, answering = os.pipe()
    if os.fork():
        os.close(answering)
        os.read(until_answered, 1)  # the keeper closes its end
        return
    os.setsid()  # a Ctrl-C is for the run to act upon
    log = os.open(place / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        with (place.parent / "run").open() as run, ExitStack() as component:
            answer = _started(component, place, *request)
            written = place / "answer.part"
            written.write_text(json.dumps(answer), encoding="utf-8")
            written.rename(place / "answer.json")
            os.close(answering)
            fcntl.flock(run, fcntl.LOCK_SH)
    except Exception:  # noqa: BLE001 - whatever it is, the run has to hear of it
        (place / "failed").write_text(traceback.format_exc(), encoding="utf-8")
        return
    shutil.rmtree(place)
    with suppress(OSError):  # the last one leaves nothing of a run that was killed
        (place.parent / "run").unlink(missing_ok=True)
        place.parent.rmdir()


def _started(component: ExitStack, place: Path, where: str, arguments: dict[str, Any]) -> dict[str, Any]:
    directory = place / "files"
    directory.mkdir()
    sys.path.insert(0, str(CHECKOUT))
    module, _, function = where.partition(":")
    try:
        start = getattr(importlib.import_module(module), function)
        return {"addresses": component.enter_context(start(directory, **arguments))}
    except pytest.skip.Exception as skipped:
        return {"lacking": str(skipped)}
    except Exception:  # noqa: BLE001 - likewise
        return {"failed": traceback.format_exc()}


if __name__ == "__main__":
    main()
