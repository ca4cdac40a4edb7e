"""What cannot be done to a test's host: answers of a real one, recorded, altered where each file says, and replayed."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from faulty_worker import replace_calls

from collectors.hypervisors.libvirt_kvm import LibvirtSettings, LibvirtSource
from collectors.source import Occasion
from ioledger.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Runs = list[dict[str, Any]]

TRACES = Path(__file__).with_name("libvirt_traces")

REPLAYED = """
import json, pathlib
from collectors.hypervisors import libvirt_worker
def _run():
    return json.loads(pathlib.Path({file!r}).read_text(encoding="utf-8"))
libvirt_worker._now_us = lambda: _run()["boottime_us"]
def _guest():
    return _run()["guests"][0]
def getCapabilities(real):
    return "<capabilities><host><uuid>" + _run()["host_id"] + "</uuid></host></capabilities>"
def getInfo(real):
    return _run()["node_info"]
def getCPUStats(real, cpu):
    return _run()["node_cpu_stats"]
def UUIDString(real):
    return _guest()["uuid"]
def name(real):
    return _guest()["name"]
def ID(real):
    return _guest()["id"]
def XMLDesc(real, flags=0):
    return _guest()["xml"]
def domainListGetStats(real, guests, statistics, flags):
    return [(guest, _guest()["stats"]) for guest in guests]
"""
"""In front of libvirt's own test driver, whose one guest lends itself to the trace's."""


class RecordedClock(SystemClock):
    """The clocks as they were when a run was recorded, the collector's machine having booted in 1970."""

    def __init__(self, at: str) -> None:
        self._at = datetime.fromisoformat(at)

    def now(self) -> datetime:
        return self._at

    def boottime_us(self) -> int:
        return int(self._at.timestamp()) * 1_000_000 + self._at.microsecond


@pytest.fixture
def replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Runs], list[dict[str, Any]]]:
    """Read a trace's runs one after the other, and return the row of vda of each."""

    def rows(runs: Runs) -> list[dict[str, Any]]:
        file = tmp_path / "run.json"
        replace_calls(monkeypatch, tmp_path, REPLAYED.format(file=str(file)))
        source = LibvirtSource(LibvirtSettings(uri="test:///default"))
        remembered: Mapping[str, Any] | None = None
        found = []
        try:
            for run in runs:
                clock = RecordedClock(run["at"])
                file.write_text(json.dumps({**run, "boottime_us": clock.boottime_us()}), encoding="utf-8")
                reading = source.read(Occasion(clock, remembered))
                assert reading.error is None
                remembered = reading.remember
                found += [dict(row) for row in reading.tables["disk_io_stat"]]
        finally:
            source.close()
        return found

    return rows


def trace(name: str) -> Runs:
    runs: Runs = json.loads((TRACES / f"{name}.json").read_text(encoding="utf-8"))["runs"]
    return runs


def test_a_host_that_booted_has_none_of_its_old_processes_though_ids_and_counters_look_like_it(
    replay: Callable[[Runs], list[dict[str, Any]]],
) -> None:
    off, before, *after = replay(trace("host_reboot"))
    assert (off["state"], before["state"]) == ("off", "ok")
    assert after[0]["read_ops"] > before["read_ops"]
    assert after[0]["write_time_ns"] > before["write_time_ns"]
    assert {row["epoch"] for row in after}.isdisjoint({before["epoch"]})
    assert len({row["epoch"] for row in after}) == 1


def test_a_host_whose_time_is_stolen_did_not_boot(replay: Callable[[Runs], list[dict[str, Any]]]) -> None:
    rows = replay(trace("stolen_time"))
    assert len(rows) == 5
    assert len({row["epoch"] for row in rows}) == 1
