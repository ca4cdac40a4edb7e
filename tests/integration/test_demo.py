"""The demo as a newcomer runs it: a tour whose numbers are known, and which says where they are not."""

from __future__ import annotations

import re
import subprocess
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from command import ioledger

from ioledger.app import App
from ioledger.demo.command import end
from ioledger.demo.comparison import packaged
from ioledger.demo.evening import DELIVER
from ioledger.demo.stage import Stage, StoryClock

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


class Told(NamedTuple):
    directory: Path
    ended: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    base = tmp_path_factory.mktemp("demo")
    return Told(base / "tour", ioledger("demo", "--directory", "tour", cwd=base))


def by_hand() -> dict[str, Any]:
    return tomllib.loads(packaged("story.toml"), parse_float=Decimal)


@pytest.fixture
def stage(told: Told, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.chdir(told.directory)
    clock = StoryClock(NOW, booted_at=NOW)
    return Stage(App(clock=clock, config_named=True), clock)


def test_every_number_is_as_it_was_worked_out_by_hand(told: Told) -> None:
    assert told.ended.returncode == 0, told.ended.stdout + told.ended.stderr
    assert "Every number is as it was worked out by hand." in told.ended.stdout
    assert "DIFFERS" not in told.ended.stdout
    assert "10 findings, each of them planted." in told.ended.stdout
    verdicts = re.findall(r"^(?:vol-\S+|acme|bolt|corner) .* equal *$", told.ended.stdout, flags=re.MULTILINE)
    assert len(verdicts) == 8 + 4


def test_a_pipe_gets_plain_text_in_short_lines(told: Told) -> None:
    assert "\x1b" not in told.ended.stdout + told.ended.stderr
    prose = [line for line in told.ended.stdout.splitlines() if re.match(r"── |\$ | {4}--|[A-Z][a-z]* [a-z]", line)]
    assert len(prose) > 20
    assert max(map(len, prose)) <= 80


def test_what_is_shown_can_be_typed_again(told: Told) -> None:
    shown = re.sub(r" \\\n +", " ", told.ended.stdout)
    for line in ("close 2026-10 --verify", re.search(r"^\$ ioledger (explain \w+)$", shown, flags=re.MULTILINE)[1]):  # type: ignore[index]
        assert f"\n$ ioledger {line}\n" in shown
        again = ioledger(*line.split(), cwd=told.directory)
        assert again.returncode == 0, again.stderr
    assert shown.count(f"\n$ {DELIVER}\n") == 2
    before = {path: path.read_bytes() for path in told.directory.rglob("lake/**/*.parquet")}
    subprocess.run(["bash", "-c", DELIVER], cwd=told.directory, check=True)
    assert {path: path.read_bytes() for path in told.directory.rglob("lake/**/*.parquet")} == before


def test_the_page_and_the_picture_tell_the_story(told: Told) -> None:
    assert '<data value="30.1">30.10</data> EUR' in (told.directory / "report.html").read_text(encoding="utf-8")
    assert "peak 1,200" in (told.directory / "disk.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("place", "wrong", "sentence"),
    [
        (("truth", 0, "burst_ops"), 719_999, "vol-shop-db: burst_ops is 719,999 by hand and 720,000 by ioledger"),
        (("truth", 2, "lost_ops"), 31_199, "vol-web: operations in all is 5,569,201 by hand and 5,569,200 by ioledger"),
        (("finding", 4, "resource_id"), "vol-web", "QOS207 of vol-mail: found, and not planted"),
        (("charge", 1, "items", "throttled"), Decimal("7.25"), "charge of bolt: throttled is 7.25 by hand and 7.24"),
        (("charge", 2, "total"), Decimal("1.64"), "charge of corner: total is 1.64 by hand and 1.65 by ioledger"),
        (("correction", 0, "total"), Decimal("0.74"), "correction of corner: total is 0.74 by hand and 0.75"),
    ],
)
def test_a_number_that_differs_is_named(
    stage: Stage, place: tuple[str | int, ...], wrong: object, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    *path, last = place
    table: Any = (story := by_hand())
    for key in path:
        table = table[key]
    table[last] = wrong
    assert end(stage, story) == 4
    said = capsys.readouterr().out
    assert f"DIFFERS: {sentence}" in said
    assert "Every number" not in said


def test_a_command_that_ends_otherwise_is_named(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.run("close", "2026-10", "--verify", ends=2)
    assert end(stage, by_hand()) == 4
    assert "DIFFERS: `ioledger close 2026-10 --verify` ended with 0, and not with 2" in capsys.readouterr().out


def test_a_directory_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    refused = ioledger("demo", "--directory", str(tmp_path), cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"ioledger: {tmp_path} holds something already; remove it, or name another with --directory\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_help_says_what_happens_and_what_the_exit_code_means(tmp_path: Path) -> None:
    helped = ioledger("demo", "--help", cwd=tmp_path)
    assert helped.returncode == 0
    words = " ".join(helped.stdout.split())
    assert "a conflict, a drift after a resize, a noisy neighbour" in words
    assert "The exit code is 0 only if every number is the one that was worked out by hand" in words
