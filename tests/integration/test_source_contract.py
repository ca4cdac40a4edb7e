"""What every source keeps to, whatever it reads: each is tried on a site of its own (``tests/support/*_site.py``)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from source_site import all_rigs, class_of

from collectors.beat import Beat
from collectors.collection import STOP_SECONDS
from collectors.registry import SOURCES
from collectors.runner import collect_one
from ioledger.clock import SystemClock
from ioledger.config import validated
from ioledger.errors import IoledgerError
from ioledger.health.check import Check
from ioledger.lake import layout
from ioledger.lake import reader as lake_reader
from ioledger.model.columns import limit_names
from ioledger.model.tables import FACTS, READ_BY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from source_site import Rig, Site

    from collectors.runner import Outcome
    from collectors.source import Source

COMMAND = str(Path(sys.executable).with_name("ioledger"))

ITEMS = 7
MOST_MIB = 400
"""What a process may take that collects 10,000 items: about 100 MiB for itself, and 30 kB for each."""

ANSWER_SECONDS = 60
"""Three attempts of a second each, with what lies between them, on a machine that is busy."""

KEYS_OF_SAMPLES = ("vm_id", "device", "epoch")

LIMITS = frozenset(
    name
    for name in (*limit_names("cap"), *limit_names("sold_cap"), "min_iops", "max_iops", "burst_iops", "max_bps")
    if not name.endswith("_seconds")
) | {"sold_min_iops", "sold_max_iops", "sold_burst_iops", "reserved_iops", "cap_io_size"}


RIGS = all_rigs()


def that_can(knob: str) -> list[str]:
    return sorted(name for name, rig in RIGS.items() if knob not in dict(rig.without))


class Reader:
    """A source of a site, with a lake of its own."""

    def __init__(self, rig: Rig, site: Site, directory: Path, timeout_seconds: int | None = None) -> None:
        self.rig, self.site = rig, site
        self.lake = directory / "lake"
        layout.create(self.lake)
        self.configuration = directory / "ioledger.toml"
        source_class = class_of(rig)
        patience = (
            {"timeout_seconds": timeout_seconds or rig.timeout_seconds}
            if "timeout_seconds" in source_class.Settings.model_fields
            else {}
        )
        self.settings = {**site.settings, **patience}
        table = "\n".join(_toml(("sources", "tried"), {"type": rig.source_type, **self.settings}))
        self.configuration.write_text(f'lake = "lake"\n{table}\n', encoding="utf-8")

    def source(self) -> Source:
        source_class = class_of(self.rig)
        source: Source = source_class(validated(source_class.Settings, dict(self.settings), "sources.tried"))
        return source

    def collect(self) -> Outcome:
        source = self.source()
        try:
            return collect_one(self.lake, "tried", source, Beat(self.lake, SystemClock(), ["tried"]))
        finally:
            source.close()

    def examine(self) -> list[Check]:
        source = self.source()
        try:
            return source.examine(SystemClock())
        except IoledgerError as error:
            return [Check("connection", str(error), str(error))]
        finally:
            source.close()

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.all_rows()[table]

    def all_rows(self) -> dict[str, list[dict[str, Any]]]:
        with lake_reader.connect(self.lake) as connection:
            return {
                table: connection.table(table).order("ALL").to_arrow_table().to_pylist()
                for table in READ_BY[class_of(self.rig).kind]
            }

    @contextmanager
    def command(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [COMMAND, "--config", str(self.configuration), *words],
            env={**os.environ, **self.site.environment},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def _toml(path: tuple[str, ...], table: dict[str, Any]) -> Iterator[str]:
    """Write a table of texts, numbers, flags, lists, inline tables and lists of tables."""
    yield f"[{'.'.join(path)}]"
    tables = {name: value for name, value in table.items() if _is_tables(value)}
    for name, value in table.items():
        if name not in tables:
            yield f"{name} = {_value(value)}"
    for name, rows in tables.items():
        for row in rows:
            yield f"[[{'.'.join((*path, name))}]]"
            yield from (f"{key} = {_value(value)}" for key, value in row.items())


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _value(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
        case int():
            return str(value)
    return "'" + str(value) + "'"


@pytest.fixture(scope="module")
def placed(request: pytest.FixtureRequest) -> Iterator[tuple[Rig, Site]]:
    """Have the site of a source run for all tests on it, whichever they are."""
    rig = RIGS[request.param]
    with rig.running(ITEMS) as site, pytest.MonkeyPatch.context() as patch:
        for name, value in site.environment.items():
            patch.setenv(name, value)
        yield rig, site


@pytest.fixture
def reader(placed: tuple[Rig, Site], tmp_path: Path) -> Iterator[Reader]:
    rig, site = placed
    yield Reader(rig, site, tmp_path)
    site.mend()


on_every_source = pytest.mark.parametrize("placed", sorted(RIGS), indirect=True)
on_those_that_can_lose_a_part = pytest.mark.parametrize("placed", that_can("lose_part"), indirect=True)
on_those_that_can_hang = pytest.mark.parametrize("placed", that_can("hang"), indirect=True)
on_those_that_can_refuse = pytest.mark.parametrize("placed", that_can("refuse"), indirect=True)


def test_no_source_is_without_a_site() -> None:
    ours = {entry.name for entry in entry_points(group=SOURCES) if entry.value.startswith("collectors.")}
    assert set(RIGS) == ours


@on_every_source
def test_everything_is_listed_in_tables_that_take_it(reader: Reader) -> None:
    outcome = reader.collect()
    assert (outcome.status, outcome.error) == ("ok", None)
    assert len(reader.rows(reader.rig.items_in)) == ITEMS
    filled = {table for table, rows in reader.all_rows().items() if rows}
    assert filled <= set(reader.rig.tables)


@on_every_source
def test_a_limit_that_is_not_set_is_null_and_never_0(reader: Reader) -> None:
    reader.collect()
    for table, rows in reader.all_rows().items():
        for name in LIMITS.intersection(FACTS[table].names):
            assert 0 not in {row[name] for row in rows}, f"{table}.{name}"
        for name in FACTS[table].names:
            assert "" not in {row[name] for row in rows}, f"{table}.{name}"


@on_every_source
def test_two_runs_of_the_same_tell_the_same(reader: Reader, tmp_path: Path) -> None:
    told = []
    for number in range(2):
        directory = tmp_path / str(number)
        directory.mkdir()
        again = Reader(reader.rig, reader.site, directory)
        again.collect()
        told.append({table: [_lasting(table, row) for row in rows] for table, rows in again.all_rows().items()})
    first, second = ({table: sorted(set(map(str, rows))) for table, rows in each.items()} for each in told)
    assert first == second


def _lasting(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """Leave what of a row is the same while nothing is changed: of samples who they are about."""
    names = FACTS[table].names if FACTS[table].time == "observed_at" else (*KEYS_OF_SAMPLES, "volume_id", "source_path")
    return {name: row.get(name) for name in names if name not in ("run_id", "observed_at")}


@on_those_that_can_lose_a_part
def test_what_could_not_be_read_makes_a_run_partial(reader: Reader, tmp_path: Path) -> None:
    whole = reader.collect()
    reader.site.lose_part()
    (tmp_path / "again").mkdir()
    partly = Reader(reader.rig, reader.site, tmp_path / "again")
    outcome = partly.collect()
    assert outcome.status == "partial", outcome.error
    assert outcome.error
    assert 0 < outcome.row_count <= whole.row_count


@on_those_that_can_hang
def test_a_system_that_does_not_answer_ends_the_run_and_not_the_next_one(reader: Reader) -> None:
    reader.site.hang()
    began = time.monotonic()
    outcome = reader.collect()
    assert time.monotonic() - began < ANSWER_SECONDS
    assert outcome.status == "failed"
    assert not outcome.is_defect, outcome.error
    reader.site.mend()
    assert reader.collect().status == "ok"


@on_those_that_can_refuse
def test_refused_credentials_are_told_in_a_sentence(reader: Reader) -> None:
    assert reader.site.secrets, "there are credentials, so there are secrets to look for"
    reader.site.refuse()
    outcome = reader.collect()
    assert (outcome.status, outcome.is_defect) == ("failed", False)
    assert outcome.error is not None
    assert "\n" not in outcome.error
    assert "; " in outcome.error, "what to do follows what was received"


@on_those_that_can_hang
def test_a_run_that_is_cancelled_in_the_middle_leaves_nothing(reader: Reader) -> None:
    reader.site.hang()
    with reader.command("collect") as process:
        _wait_for(layout.lock_file(reader.lake, "collect-tried"), process)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=STOP_SECONDS + ANSWER_SECONDS)
    assert process.returncode in (2, 3), output
    assert "Traceback" not in output
    assert not any(reader.all_rows().values())
    assert not list(reader.lake.rglob(".*.tmp"))
    reader.site.mend()
    assert reader.collect().status == "ok"


def _wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + ANSWER_SECONDS
    while not file.exists():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.5)  # the request is on its way


@on_every_source
def test_doctor_finds_nothing_to_mend_where_all_is_well(reader: Reader) -> None:
    checks = reader.examine()
    assert checks
    assert [check for check in checks if check.mend is not None] == []


@on_those_that_can_refuse
def test_doctor_tells_of_credentials_that_are_refused(reader: Reader) -> None:
    reader.site.refuse()
    assert any(check.mend for check in reader.examine())


@on_every_source
def test_no_secret_is_in_a_log_an_error_or_the_lake(
    reader: Reader, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    knobs = ("refuse", "lose_part", "hang", "mend")
    told: list[str] = []
    for knob in knobs:
        if knob in dict(reader.rig.without):
            continue
        reader.site.mend()
        getattr(reader.site, knob)()
        with caplog.at_level("INFO"):
            told.append(str(reader.collect()))
            if knob != "hang":
                told += map(str, reader.examine())
    streams = capfd.readouterr()
    told += [caplog.text, streams.out, streams.err]
    stored = [file.read_bytes() for file in reader.lake.rglob("*") if file.is_file()]
    for secret in reader.site.secrets:
        assert not [text for text in told if secret in text]
        assert not [whole for whole in stored if secret.encode() in whole]


@on_every_source
def test_no_secret_is_in_the_process_list_or_in_what_a_process_prints(reader: Reader) -> None:
    reader.site.mend()
    shown: set[bytes] = set()
    with reader.command("collect") as process:
        while process.poll() is None:
            shown |= set(_command_lines())
            time.sleep(0.02)
        output = process.stdout.read() if process.stdout else ""
        assert process.returncode == 0, output
    assert any(str(reader.configuration).encode() in each for each in shown), "the process was looked at"
    for secret in reader.site.secrets:
        assert not [each for each in shown if secret.encode() in each]
        assert secret not in output


def _command_lines() -> Iterator[bytes]:
    """Give the words of the processes that are children of this one, as everybody on the machine can see them."""
    ours = {os.getpid()}
    for directory in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        with suppress(OSError, ValueError, IndexError):
            if int((directory / "stat").read_text("utf-8").rpartition(")")[2].split()[1]) in ours:
                ours.add(int(directory.name))
                yield (directory / "cmdline").read_bytes()


@pytest.mark.parametrize("name", sorted(RIGS))
def test_ten_thousand_items_are_read_in_bounded_memory(name: str, tmp_path: Path) -> None:
    rig = RIGS[name]
    with rig.running(rig.most_items) as site:
        reader = Reader(rig, site, tmp_path, timeout_seconds=60)
        assert _peak_kib(reader) / 1024 < MOST_MIB
        assert len(reader.rows(rig.items_in)) == rig.most_items


def _peak_kib(reader: Reader) -> int:
    """Collect in a process of its own, and return the most memory that it took, as the kernel said until it ended.

    What it says afterwards (wait4) begins with the memory of the process that started it, which is this one.
    """
    peak = 0
    with reader.command("collect") as process:
        while process.poll() is None:
            peak = max(peak, _high_water_kib(process.pid))
            time.sleep(0.02)
        output = process.stdout.read() if process.stdout else ""
        assert process.returncode == 0, output
    assert peak
    return peak


def _high_water_kib(pid: int) -> int:
    with suppress(OSError):
        found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text("ascii"), re.MULTILINE)
        return int(found[1]) if found else 0
    return 0
