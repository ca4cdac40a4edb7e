"""Components that the tests of a run share: one for all processes, gone with the run however it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import components
import pytest
from live_guests import wait_until

COMPONENT = """
import os, subprocess, time
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def running(directory, note):
    sleeper = subprocess.Popen(["sleep", "600"])
    with open("started", "a") as started:
        started.write(f"{sleeper.pid} {directory}\\n")
    time.sleep(0.3)  # a second process would start another meanwhile
    try:
        yield {"pid": sleeper.pid, "directory": str(directory), "note": note}
    finally:
        sleeper.kill()
        sleeper.wait()


@contextmanager
def missing(directory):
    pytest.skip("there is no such server; install it")
    yield {}


@contextmanager
def broken(directory):
    raise OSError("the port is taken")
    yield {}
"""

CONFTEST = """
from components import begin_run


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.add_cleanup(begin_run())
"""

SHARING = """
import os
from pathlib import Path

import pytest
from components import shared


@pytest.mark.parametrize("number", range(4))
def test_it_answers(number):
    found = shared("example_component:running", note="one")
    assert found["note"] == "one"
    os.kill(found["pid"], 0)
    assert Path(found["directory"]).is_dir()
"""

WAITING = """
import time
from pathlib import Path

from components import shared


def test_it_is_killed():
    shared("example_component:running", note="one")
    Path("ready").touch()
    time.sleep(600)
"""

FAILING = """
import pytest
from components import shared


def test_missing():
    shared("example_component:missing")


@pytest.mark.parametrize("time", range(2))
def test_broken(time):
    with pytest.raises(RuntimeError, match="(?s)broken did not start.*the port is taken"):
        shared("example_component:broken")
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Lay out a suite of its own, in a directory that its tests and its component work in."""
    (tmp_path / "example_component.py").write_text(COMPONENT, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    paths = [str(tmp_path), str(Path(components.__file__).parent)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV", "CI"))}
    return kept | {"PYTHONPATH": os.pathsep.join(paths)}


def command(tests: str, *options: str) -> list[str]:
    Path("test_nested.py").write_text(tests, encoding="utf-8")
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", *options, "test_nested.py"]


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def the_one_started() -> tuple[int, Path]:
    """Return the process and the directory of the component, of which only one may have been started."""
    pid, directory = Path("started").read_text(encoding="ascii").split()
    return int(pid), Path(directory)


def is_running(pid: int) -> bool:
    try:
        state = Path("/proc", str(pid), "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_all_processes_of_a_run_share_one(environment: dict[str, str]) -> None:
    run = subprocess.run(command(SHARING, "-n", "2"), env=environment, capture_output=True, text=True, check=False)
    assert "4 passed" in run.stdout, run.stdout + run.stderr
    pid, directory = the_one_started()
    assert not is_running(pid)
    assert not directory.parents[1].exists()


def test_a_run_that_is_killed_takes_it_along(environment: dict[str, str]) -> None:
    run = subprocess.Popen(command(WAITING), env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_until(Path("ready").exists, "the nested test")
        pid, directory = the_one_started()
        assert is_running(pid)
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    wait_until(lambda: not is_running(pid), "the end of the component")
    wait_until(lambda: not directory.parents[1].exists(), "the end of the run's directory")


def test_one_that_cannot_start_is_tried_once(environment: dict[str, str]) -> None:
    run = subprocess.run(command(FAILING), env=environment, capture_output=True, text=True, check=False)
    assert "2 passed, 1 skipped" in run.stdout, run.stdout + run.stderr
    assert re.search(r"SKIPPED .* there is no such server; install it", run.stdout)


def test_what_is_missing_is_an_error_in_continuous_integration(environment: dict[str, str]) -> None:
    run = subprocess.run(
        command(FAILING), env=environment | {"CI": "true"}, capture_output=True, text=True, check=False
    )
    assert "1 failed, 2 passed" in run.stdout, run.stdout + run.stderr
    assert "RuntimeError: there is no such server" in run.stdout
