"""Real components (servers, clusters) that all tests of a run share: each is started once, when the first test asks.

A component is a function of a module in tests/support, named ``module:function``, that is a context
manager: it takes an empty directory and further values, starts the component and yields how it is
reached, all of it JSON. Whichever process of the run asks first has it started, in a process of its own
(``component_keeper``) that also ends it: when the run is over, or was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

RUN = "IOLEDGER_TEST_RUN"
"""The environment variable that tells the processes of a run its directory."""

PATIENCE_SECONDS = 120
"""How long components may take to end; none of them should come near it."""

KEEPER = Path(__file__).with_name("component_keeper.py")


def begin_run() -> Callable[[], None]:
    """Begin a test run, and return what ends it: the first process of a run does both, the others inherit its name."""
    run = Path(tempfile.mkdtemp(prefix="ioledger-run-", dir="/tmp"))  # sockets have short paths
    run.chmod(0o711)  # components of root run as ordinary users
    lock = (run / "run").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)  # until this process is no more, however it ends
    os.environ[RUN] = str(run)

    def end_run() -> None:
        places = [place for place in run.iterdir() if place.is_dir()]
        lock.close()
        for place in places:
            _wait_for_keeper(place)
        shutil.rmtree(run, ignore_errors=True)  # the last keeper may have been faster

    return end_run


def shared(component: str, **arguments: object) -> dict[str, Any]:
    """Return how to reach a component, which is started with these arguments unless this run has it already.

    Without what it needs the test is skipped, as by ``lacking``; RuntimeError where it does not start.
    """
    run = os.environ.get(RUN)
    if run is None:
        raise RuntimeError(f"{component} is shared by the tests of a run, and none was begun; run it with pytest")
    request = json.dumps([component, arguments], sort_keys=True)
    place = Path(run, f"{component.partition(':')[0]}-{sha256(request.encode()).hexdigest()[:8]}")
    place.mkdir(exist_ok=True)
    answer = place / "answer.json"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answer.exists():
            subprocess.run([sys.executable, str(KEEPER), str(place), request], check=True, stdin=subprocess.DEVNULL)
    told: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "lacking" in told:
        lacking(told["lacking"])
    if "failed" in told:
        raise RuntimeError(f"{component} did not start: {told['failed']}")
    addresses: dict[str, Any] = told["addresses"]
    return addresses


def lacking(reason: str) -> NoReturn:
    """Skip what this machine has not the programs for; in continuous integration that is an error."""
    if os.environ.get("CI") == "true":
        raise RuntimeError(reason)
    pytest.skip(reason)


def _wait_for_keeper(place: Path) -> None:
    """Wait until a keeper has ended its component and removed the component's directory."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    failed = place / "failed"
    while place.exists():
        if failed.exists():
            raise RuntimeError(f"{place.name} did not end: {failed.read_text(encoding='utf-8')}")
        if time.monotonic() > give_up:
            raise TimeoutError(f"{place.name} did not end in {PATIENCE_SECONDS} s; {place}/log may say why")
        time.sleep(0.02)
