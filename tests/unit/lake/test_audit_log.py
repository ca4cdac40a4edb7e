"""The audit log of a lake: entries in a chain, whatever happens at once, and each tampering is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from lakes import NOON, new_lake
from permissions import read_only, without_overriding_permissions

from ioledger.errors import LakeError
from ioledger.lake import audit, audit_checks, files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = 6


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    lake = new_lake(tmp_path)
    for number in range(1, COUNT + 1):
        audit.record(lake, "export", {"row_count": number}, NOON)
    return lake


def named(lake: Path) -> set[str]:
    return {problem.path.stem.lstrip("0") for problem in audit_checks.wrong_with(lake)}


def rewrite(lake: Path, number: int, /, **changes: object) -> None:
    path = audit.path_of(lake, number)
    told = json.loads(path.read_bytes()) | changes
    path.chmod(0o644)
    path.write_text(json.dumps(told, indent=1), encoding="utf-8")


def test_an_entry_says_who_did_what_when_and_where(lake: Path) -> None:
    told = audit.entries(lake)[-1].told

    assert (told["number"], told["at"], told["action"], told["what"]) == (
        COUNT, NOON.isoformat(), "export", {"row_count": COUNT},
    )  # fmt: skip
    assert told["user"]["uid"] == os.geteuid()
    assert told["host"] == os.uname().nodename
    assert told["before"] == audit.entries(lake)[-2].sha256


def test_an_untouched_log_is_whole_and_its_entries_are_read_only(lake: Path) -> None:
    assert named(lake) == set()
    assert {path.stat().st_mode & 0o777 for path in (lake / audit.DIRECTORY).iterdir()} == {0o444}


def test_a_lake_without_a_log_is_whole(tmp_path: Path) -> None:
    assert named(new_lake(tmp_path)) == set()


def swap(lake: Path) -> None:
    third, fourth = audit.path_of(lake, 3), audit.path_of(lake, 4)
    contents = third.read_bytes(), fourth.read_bytes()
    for path, content in zip((fourth, third), contents, strict=True):
        path.chmod(0o644)
        path.write_bytes(content)


def swap_and_renumber(lake: Path) -> None:
    swap(lake)
    rewrite(lake, 3, number=3)
    rewrite(lake, 4, number=4)


def drop_and_close_ranks(lake: Path) -> None:
    audit.path_of(lake, 3).unlink()
    for number in range(4, COUNT + 1):
        audit.path_of(lake, number).rename(audit.path_of(lake, number - 1))
        rewrite(lake, number - 1, number=number - 1)


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (lambda lake: rewrite(lake, 3, what={"row_count": 999}), {"3"}),
        (lambda lake: rewrite(lake, 3, before="0" * 64), {"3"}),
        (lambda lake: rewrite(lake, 1, user={"uid": 0, "name": "nobody"}), {"1"}),
        (lambda lake: audit.path_of(lake, 3).unlink(), {"3"}),
        (lambda lake: audit.path_of(lake, 1).unlink(), {"1"}),
        (lambda lake: files.write_whole(audit.path_of(lake, 3), b"{"), {"3"}),
        (lambda lake: (lake / audit.DIRECTORY / "x.json").touch(), {"x"}),
        (lambda lake: (lake / audit.DIRECTORY / "0000000009.json").mkdir(), {"audit"}),
        (swap, {"3", "4"}),
        (swap_and_renumber, {"3", "4"}),
        (drop_and_close_ranks, {"3", "4"}),
    ],
)
def test_tampering_is_named(lake: Path, tamper: Callable[[Path], object], expected: set[str]) -> None:
    tamper(lake)

    assert named(lake) == expected


def test_a_tail_that_was_cut_is_found_by_an_anchor(lake: Path) -> None:
    anchor = audit.head(lake)
    assert anchor is not None
    assert list(audit_checks.missing(lake, [("a note", anchor)])) == []

    audit.path_of(lake, COUNT).unlink()
    assert named(lake) == set(), "the log alone cannot know"
    (problem,) = audit_checks.missing(lake, [("a note", anchor)])
    assert problem.path == audit.path_of(lake, COUNT)
    assert "a note names this entry" in problem.what


def test_an_entry_after_one_that_cannot_be_read_goes_on_with_the_chain(lake: Path) -> None:
    files.write_whole(audit.path_of(lake, COUNT), b"\xff")
    audit.record(lake, "export", {}, NOON)

    assert audit.entries(lake)[-1].told["before"] == audit.entries(lake)[-2].sha256
    assert named(lake) == {str(COUNT)}


def test_processes_that_write_at_once_make_one_chain(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    script = (
        "import sys; from pathlib import Path; from lakes import NOON; from ioledger.lake import audit\n"
        "for number in range(10): audit.record(Path(sys.argv[1]), 'export', {'number': number}, NOON)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with ThreadPoolExecutor() as pool:
        done = pool.map(
            lambda _: subprocess.run([sys.executable, "-c", script, lake], env=environment, check=False), range(3)
        )
    assert [each.returncode for each in done] == [0, 0, 0]

    assert [entry.number for entry in audit.entries(lake)] == list(range(1, 31))
    assert named(lake) == set()


def test_a_change_is_recorded_once_and_its_end_too(lake: Path) -> None:
    for content in (b"", b"one", b"one", b"two", b"", b""):
        audit.record_change(lake, "rate-card", content, {}, NOON)
        audit.record(lake, "export", {}, NOON)

    changes = [entry.what["sha256"] for entry in audit.entries(lake) if entry.told["action"] == "rate-card"]
    assert [None if each is None else each[:4] for each in changes] == ["7692", "3fc4", None]


def test_nothing_is_done_where_the_log_cannot_be_written(lake: Path) -> None:
    (lake / ".locks" / "audit.lock").unlink()
    (lake / ".locks" / "audit.lock").mkdir()

    with pytest.raises(LakeError, match="cannot be written"):
        audit.record_reading(lake, "export", {}, NOON)


def test_a_user_who_may_only_read_the_lake_is_told_that_there_is_no_entry(lake: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from lakes import NOON; from ioledger.lake import audit\n"
        "from ioledger.terminal import log_to_stderr\n"
        "log_to_stderr('text'); audit.record_reading(Path(sys.argv[1]), 'export', {}, NOON)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with read_only(lake):
        done = subprocess.run(
            [*without_overriding_permissions(), sys.executable, "-c", script, lake],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "the audit log has no entry of this export" in done.stderr
    assert len(audit.entries(lake)) == COUNT
