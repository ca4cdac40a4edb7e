"""`collect` as a long-lived process: it stops between runs, never overlaps itself and leaves no lock behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from command import SCRIPT, WITH_PLUGIN, ioledger
from lakes import new_lake, read

from ioledger.users import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONG_ENOUGH_SECONDS = 120
"""Nothing is measured: a process that does not come so far is stuck."""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return made_site(tmp_path / "site")


def made_site(directory: Path) -> Path:
    """Make a lake, and a configuration with one source, which waits to be told to go on."""
    directory.mkdir()
    new_lake(directory)
    source = f'[sources.slow]\ntype = "slow"\ndirectory = {json.dumps(str(directory))}\n'
    (directory / "ioledger.toml").write_text(source)
    return directory


@contextmanager
def collecting(site: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Have a process in the middle of a run; it is ended after the block."""
    (site / "started").unlink(missing_ok=True)
    process = subprocess.Popen(
        [SCRIPT, "collect", *options],
        cwd=site,
        env=WITH_PLUGIN,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            for _ in range(LONG_ENOUGH_SECONDS * 50):
                if (site / "started").exists() or process.poll() is not None:
                    break
                threading.Event().wait(0.02)
            assert (site / "started").exists(), process.stderr and process.stderr.read()
            yield process
        finally:
            process.kill()


def still_runs(process: subprocess.Popen[str], seconds: float) -> bool:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def runs(site: Path) -> list[tuple[str, int, int]]:
    return read(
        site / "lake",
        "SELECT run.status, run.row_count, count(stat.vm_id) FROM collection_run AS run "
        "LEFT JOIN disk_io_stat AS stat USING (source, run_id) GROUP BY ALL",
    )


@pytest.mark.parametrize("options", [(), ("--every", "1s")])
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_run_lets_it_end(
    site: Path, stop: signal.Signals, options: tuple[str, ...]
) -> None:
    with collecting(site, *options) as process:
        process.send_signal(stop)
        threading.Event().wait(0.1)
        (site / "go").touch()
        out, err = process.communicate(timeout=LONG_ENOUGH_SECONDS)
    assert (process.returncode, out, err) == (0, "", "slow: 2 rows\n")
    assert runs(site) == [("ok", 2, 2)]


@pytest.mark.parametrize("options", [(), ("--every", "1s")])
def test_a_second_signal_ends_at_once_and_leaves_nothing(site: Path, options: tuple[str, ...]) -> None:
    with collecting(site, *options) as process:
        process.send_signal(signal.SIGTERM)
        assert still_runs(process, seconds=0.3)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LONG_ENOUGH_SECONDS)
    assert (process.returncode, out, err) == (-signal.SIGTERM, "", "")
    assert runs(site) == []


def test_a_source_that_hangs_does_not_keep_a_stopped_process(site: Path, tmp_path: Path) -> None:
    other = made_site(tmp_path / "other")
    with collecting(site) as once, collecting(other, "--every", "1s") as loop:
        for process in (once, loop):
            process.terminate()
        told = [process.communicate(timeout=LONG_ENOUGH_SECONDS) for process in (once, loop)]
    assert (once.returncode, loop.returncode) == (3, 0)
    for out, err in told:
        assert out == ""
        assert err.startswith("slow: ")
        assert "not read to the end before ioledger had to stop" in err
    assert runs(site) == runs(other) == []


@pytest.mark.parametrize("options", [(), ("--every", "1s")])
def test_a_killed_run_leaves_nothing_and_no_lock(site: Path, options: tuple[str, ...]) -> None:
    """A cron job that finds the service, or another cron job, in a run of the same source."""
    with collecting(site, *options) as process:
        second = ioledger("collect", cwd=site, env=WITH_PLUGIN)
        process.kill()
    assert (second.returncode, second.stdout) == (2, "")
    holder = f"process {process.pid} of {name_of(os.geteuid())} on {os.uname().nodename} (ioledger collect)"
    told = f"slow: failed, 0 rows: collect-slow of lake is in use by {holder} since "
    assert second.stderr.startswith(told)
    assert second.stderr.endswith("; wait for it to end, or end it\n")
    assert runs(site) == []
    (site / "go").touch()
    third = ioledger("collect", cwd=site, env=WITH_PLUGIN)
    assert (third.returncode, third.stderr) == (0, "slow: 2 rows\n")
    assert runs(site) == [("ok", 2, 2)]


def test_a_busy_source_costs_the_others_nothing(site: Path) -> None:
    (site / "fleet.toml").write_text("start = 2025-11-22T12:00:00Z\nguests = []\n")
    with collecting(site):
        with (site / "ioledger.toml").open("a") as configuration:
            configuration.write('[sources.empty-host]\ntype = "synthetic"\nfleet = "fleet.toml"\nhost = "h"\n')
        both = ioledger("collect", cwd=site, env=WITH_PLUGIN)
    assert both.returncode == 3
    assert runs(site) == [("ok", 0, 0)]


def test_a_loop_outlives_a_beat_that_could_not_be_stored(site: Path) -> None:
    obstacle = site / "lake" / "disk_io_stat"
    obstacle.write_text("a file where a directory should be")
    (site / "go").touch()
    with collecting(site, "--every", "1s") as process:
        assert process.stderr
        told = process.stderr.readline()
        obstacle.unlink()
        rest = iter(process.stderr.readline, "")
        assert any(line == "slow: 2 rows\n" for line in rest)
        process.terminate()
        assert process.wait(timeout=LONG_ENOUGH_SECONDS) == 0
    assert told.startswith("ioledger: the run of slow cannot be stored in lake: ")
    assert all(run == ("ok", 2, 2) for run in runs(site))


def test_without_a_lake_no_source_is_asked(site: Path) -> None:
    nowhere = ioledger("--lake", "none", "collect", cwd=site, env=WITH_PLUGIN)
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert nowhere.stderr.startswith("ioledger: there is no lake at none; ")
    assert not (site / "started").exists()
