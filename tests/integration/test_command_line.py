"""The command line as a job meets it: exit codes, data on stdout, words on stderr."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import click
import pytest
from command import SCRIPT, WITH_PLUGIN, ioledger
from lakes import MINUTE, NOON, a_run, content, new_lake, sample
from permissions import read_only, without_overriding_permissions
from policy_lake import StoppedClock

from ioledger.app import App
from ioledger.cli import group, run
from ioledger.lake import layout
from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMULA = "=HYPERLINK(0)"
PERIOD = ("--from", NOON.isoformat(), "--to", (NOON + timedelta(hours=1)).isoformat())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with an hour's usage of a volume whose owner gave it a dangerous name, and a bad configuration."""
    directory = tmp_path_factory.mktemp("site")
    samples = [a_run(sample(at=at, volume_id=FORMULA), at=at) for at in (NOON, NOON + 10 * MINUTE)]
    allocation = {"volume_id": FORMULA, "size_bytes": 2**30, "min_iops": 100, "min_enforced": True}
    storage = a_run(kind="storage", source="array-a", tables={"provisioned_iops": [allocation]})
    lake = new_lake(directory, *samples, storage)
    build(lake, NOON, NOON + MINUTE)
    (directory / "ioledger.toml").write_text('[sources.kvm-01]\ntype = "synthetic"\nfleet = "fleet.toml"\nhost = "h"\n')
    (directory / "unknown-key.toml").write_text('lakes = "lake"\n')
    (directory / "unknown-type.toml").write_text('[sources.kvm]\ntype = "libvrt"\n')
    (directory / "no-source.toml").write_text("")
    return directory


def test_json_holds_exact_amounts_and_times_in_utc(site: Path) -> None:
    shown = ioledger("usage", "show", *PERIOD, "--format", "json", cwd=site)
    assert shown.returncode == 0
    rows = json.loads(shown.stdout)
    assert {row["volume_id"] for row in rows} == {FORMULA}
    assert all(isinstance(row["read_ops"], int) for row in rows)
    assert all(isinstance(row["gib_seconds"], str) for row in rows)
    assert sum(Decimal(row["gib_seconds"]) for row in rows) == 3600
    assert "samples are 600 s apart" in shown.stderr
    stats = {row["table"]: row for row in json.loads(ioledger("lake", "stats", "--format", "json", cwd=site).stdout)}
    assert stats["disk_io_stat"]["first"] == "2025-11-22T12:00:00Z"
    assert stats["finding"]["first"] is None


def test_csv_is_for_spreadsheets_and_runs_no_formula(site: Path) -> None:
    shown = subprocess.run(
        [SCRIPT, "usage", "show", *PERIOD, "--format", "csv"], cwd=site, capture_output=True, check=True
    )
    assert shown.stdout.count(b"\r\n") == shown.stdout.count(b"\n")
    rows = list(csv.DictReader(io.StringIO(shown.stdout.decode(), newline="")))
    assert {row["volume_id"] for row in rows} == {f"'{FORMULA}"}
    assert sum(Decimal(row["gib_seconds"]) for row in rows) == 3600
    stats = ioledger("lake", "stats", "--format", "csv", cwd=site).stdout
    assert "disk_io_stat,2,2," in stats
    assert "2025-11-22T12:00:00Z" in stats


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        (NOON + timedelta(minutes=90), ["--from", "-2h", "--to", "now"]),
        (NOON + timedelta(days=1), ["--from", "yesterday", "--to", "today"]),
        (datetime(2025, 12, 24, tzinfo=UTC), ["--from", "last month", "--to", "this-month"]),
    ],
)
def test_times_are_written_as_people_write_them(
    site: Path, now: datetime, ends: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    app = App(StoppedClock(now), config_file=site / "ioledger.toml")

    assert run(["usage", "show", *ends, "--format", "csv"], app) == 0

    assert len(capsys.readouterr().out.splitlines()) > 1


def test_a_table_is_for_people(site: Path) -> None:
    shown = ioledger("usage", "show", *PERIOD, cwd=site)
    assert FORMULA in shown.stdout
    assert "samples are" not in shown.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["colect"], "there is no command 'colect' (did you mean 'collect'?); commands are check, close, collect, "),
        (["usage", "show", "--by", "colour"], "--by: received 'colour'; valid are account, offering, pool, vm, volume"),
        (["--lake", "none", "lake", "stats"], "there is no lake at none; make one with `ioledger init`, or name"),
        (["--lake", "ioledger.toml", "lake", "stats"], "there is no lake at ioledger.toml; make one with"),
        (["usage", "build", "--from", "yestreday"], "'yestreday' is no time (did you mean 'yesterday'?); write it as"),
        (["usage", "build", "--to", "9999-12-31"], "'9999-12-31' is out of range; valid are the years 1970 to 9998"),
        (["usage", "show", "--from", "2025-11-23", "--to", "2025-11-22"], "give an earlier --from or a later --to"),
        (["--config", "none.toml", "collect"], "there is no configuration at none.toml; write one with `ioledger"),
        (["--config", "unknown-key.toml", "collect"], "unknown key 'lakes' (did you mean 'lake'?); valid keys are"),
        (["--config", "unknown-type.toml", "collect"], "received type 'libvrt' (did you mean 'libvirt'?); valid are"),
        (["--config", "no-source.toml", "collect"], "no source is configured; add a [sources.NAME] table"),
        (["collect", "--every", "5"], "'5' is no duration; write whole numbers with their units, such as 60s"),
        (["collect", "--source", "kvm01"], "there is no source 'kvm01' (did you mean 'kvm-01'?); configured are"),
        (["init"], "ioledger.toml is there already and stays as it is; remove it first, or name another with"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(site: Path, words: list[str], told: str) -> None:
    before = content(site)
    done = ioledger(*words, cwd=site)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("ioledger: ")
    assert done.stderr.count("\n") == 1
    assert content(site) == before


@pytest.mark.parametrize(
    ("words", "code", "level"),
    [
        (["usage", "build", *PERIOD], 0, "info"),
        (["colect"], 2, "error"),
        (["usage", "show", "--by", "colour"], 2, "error"),
        (["--lake", "none", "lake", "stats"], 2, "error"),
        (["broken"], 4, "error"),
    ],
)
def test_logs_for_machines_are_json_lines(site: Path, words: list[str], code: int, level: str) -> None:
    done = ioledger("--log-format", "json", *words, cwd=site, env=WITH_PLUGIN)
    assert (done.returncode, done.stdout) == (code, "")
    (entry,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert entry["level"] == level
    assert datetime.fromisoformat(entry["time"]).utcoffset() == timedelta(0)
    assert ("traceback" in entry) == (code == 4)


def test_a_defect_of_ours_is_exit_code_4_and_asks_for_a_report(site: Path) -> None:
    done = ioledger("broken", cwd=site, env=WITH_PLUGIN)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("ioledger: this is a defect of ioledger; please report it with what follows\n")
    assert "RuntimeError: this is the defect" in done.stderr


@pytest.mark.parametrize("words", [["lake", "stats"], ["lake", "stats", "--format", "csv"], ["--help"]])
def test_a_reader_that_leaves_is_no_finding(site: Path, words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([SCRIPT, *words], cwd=site, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "words",
    [["usage", "build", *PERIOD[:3], (NOON + timedelta(hours=2)).isoformat()], ["collect"], ["lake", "compact"]],
)
def test_a_lake_that_cannot_be_written_is_a_sentence_and_stays_as_it_is(
    tmp_path: Path, site: Path, words: list[str]
) -> None:
    shutil.copytree(site, tmp_path / "copy")
    lake = tmp_path / "copy" / "lake"
    before = content(lake)
    with read_only(lake):
        done = ioledger(*words, cwd=tmp_path / "copy", prefix=without_overriding_permissions())
    assert (done.returncode, done.stdout) == (2, "")
    assert "Permission denied" in done.stderr
    assert "writable" in done.stderr
    assert done.stderr.count("\n") == 1
    assert content(lake) == before


@pytest.mark.parametrize("has_lock", [True, False])
def test_a_lake_that_may_only_be_read_is_read(tmp_path: Path, site: Path, has_lock: bool) -> None:  # noqa: FBT001 - a parameter of the test
    shutil.copytree(site, tmp_path / "copy")
    lake = tmp_path / "copy" / "lake"
    if not has_lock:
        shutil.rmtree(lake / layout.LOCKS)
    with read_only(lake):
        done = ioledger("lake", "stats", cwd=tmp_path / "copy", prefix=without_overriding_permissions())
    assert (done.returncode, done.stderr) == (0, "")
    assert (lake / layout.LOCKS).exists() == has_lock


def test_a_directory_that_cannot_be_listed_is_named_rather_than_taken_for_empty(tmp_path: Path, site: Path) -> None:
    shutil.copytree(site, tmp_path / "copy")
    hidden = tmp_path / "copy" / "lake" / "disk_io_stat" / "date=2025-11-22"
    hidden.chmod(0)
    try:
        done = ioledger("lake", "stats", cwd=tmp_path / "copy", prefix=without_overriding_permissions())
    finally:
        hidden.chmod(0o755)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "ioledger: lake/disk_io_stat/date=2025-11-22 cannot be listed: Permission denied; give this user access to it\n"
    )


def every_command(command: click.Command, *words: str) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner
            yield from every_command(inner, *words, name)


@pytest.mark.parametrize("words", list(every_command(group)), ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--help"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("Usage: ioledger ")
    assert len(told.out.split("\n\n")) >= 3, "a usage line, an explanation and options"
    assert told.err == ""


def parse(given: list[str]) -> None:
    """Read the words of a command without running it; raises what a user would be told."""
    first = next(place for place, word in enumerate(given) if word in group.list_commands(click.Context(group)))
    context = group.make_context("ioledger", given[: first + 1])
    command: click.Command | None = group
    rest = given[first:]
    while isinstance(command, click.Group) and rest and rest[0] in command.list_commands(context):
        command, rest = command.get_command(context, rest[0]), rest[1:]
    assert command
    command.make_context("command", rest, parent=context)


@pytest.mark.parametrize("words", list(every_command(group)), ids=" ".join)
def test_every_command_gives_examples_that_are_right(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    run([*words, "--help"])
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 80
    examples = told.partition("Examples:\n")[2].splitlines()
    assert examples or words in {(), ("lake",), ("usage",)}
    for example in examples:
        program, *given = shlex.split(example.partition(" > ")[0])
        assert program == "ioledger"
        parse(given)


def test_help_lists_every_command_with_what_it_does(tmp_path: Path) -> None:
    told = ioledger("--help", cwd=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert max(map(len, told.stdout.splitlines())) <= 80
    _, *groups = told.stdout.partition("Options:")[2].split(":\n")
    listed = [line.split(maxsplit=1) for lines in groups for line in lines.splitlines() if line.startswith("  ")]
    assert all(summary for _, summary in listed)
    assert sorted(name for name, _ in listed) == sorted(entry_points(group="ioledger.commands").names)


def test_a_command_of_another_maker_is_listed_after_ours(tmp_path: Path) -> None:
    told = ioledger("--help", cwd=tmp_path, env=WITH_PLUGIN)

    assert told.stdout.partition("Others:\n")[2].split()[0] == "broken"


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["colect"]])
def test_a_word_of_help_loads_no_database(words: list[str], tmp_path: Path) -> None:
    script = (
        "import sys; from ioledger.cli import run; run(sys.argv[1:]); "
        "print('loaded', *sorted({'duckdb', 'pyarrow', 'pandas', 'numpy', 'libvirt'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded"
