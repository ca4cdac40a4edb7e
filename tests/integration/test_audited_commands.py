"""What commands leave in the audit log, and that closed months and the log hold each other."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import month_end
import pytest
from command import ioledger as process
from month_end import END, HOUR
from permissions import read_only, without_overriding_permissions
from policy_lake import ioledger

from ioledger.lake import audit

if TYPE_CHECKING:
    from pathlib import Path

NOW = END + 2 * HOUR
RATE = ("rate", "--period", "2026-10", "--rate-card")
EXEMPTED = (
    '[[exemptions]]\nrule = "QOS1*"\nresource = "vm-1/*"\nreason = "agreed"\nowner = "ops"\nexpires = 2027-01-01\n'
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = month_end.new_lake(tmp_path_factory.mktemp("month"))
    assert ioledger(lake, "usage", "build", now=NOW) == 0
    assert ioledger(lake, *RATE, str(lake.parent / "rates.toml"), now=NOW) == 0
    words = ("close", "2026-10", "--despite", "findings", "--because", "ticket 4711")
    assert ioledger(lake, *words, now=NOW) == 0
    return lake


@pytest.fixture
def lake(prepared: Path, tmp_path: Path) -> Path:
    shutil.copytree(prepared.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "lake"


def told(lake: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(entry.told["action"], dict(entry.what)) for entry in audit.entries(lake)]


def problems(lake: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    code = ioledger(lake, "lake", "verify", "--format", "json", now=NOW)
    found = [f"{row['file']}: {row['problem']}" for row in json.loads(capsys.readouterr().out)]
    assert code == (3 if found else 0)
    return found


def test_closing_is_told_with_its_reason_and_its_manifest(lake: Path) -> None:
    (rated, card), (closed, what) = told(lake)

    assert (rated, card["sha256"]) == ("rate-card", digest(lake.parent / "rates.toml"))
    assert (closed, what["period"], what["because"]) == ("close", "2026-10", "ticket 4711")
    assert what["manifest_sha256"] == digest(lake / "closed/2026-10/manifest.json")
    assert [total["amount"] for total in what["totals"]] == ["20.400000000000"]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_exemptions_are_told_when_they_change_and_only_then(lake: Path) -> None:
    path = lake.parent / "exemptions.toml"
    for text in (EXEMPTED, f"# why\n{EXEMPTED}", None):
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text, encoding="utf-8")
        assert ioledger(lake, "check", "--fail-on", "critical", now=NOW) == 0

    changes = [what["exemptions"] for action, what in told(lake) if action == "exemptions"]
    assert [[each["reason"] for each in change] for change in changes] == [["agreed"], []]


def test_other_prices_are_told(lake: Path) -> None:
    other = lake.parent / "other.toml"
    other.write_text((lake.parent / "rates.toml").read_text(encoding="utf-8") + "\n# dearer\n", encoding="utf-8")
    words = ("rate", "--period", "2026-11", "--rate-card")
    for path in (lake.parent / "rates.toml", other, other):
        ioledger(lake, *words, str(path), now=NOW)

    assert [what["file"] for action, what in told(lake) if action == "rate-card"][1:] == [str(other)]


def test_what_is_given_out_is_told_with_its_digest(lake: Path) -> None:
    to, page = lake.parent / "bill.csv", lake.parent / "acme.html"
    words = ("export", "charges", "--period", "2026-10", "--as", "csv", "--to", str(to), "--account", "acme")
    assert ioledger(lake, *words, now=NOW) == 0
    assert ioledger(lake, "statement", "2026-10", "--to", str(page), "--account", "acme", now=NOW) == 0

    (exported, export), (stated, statement) = told(lake)[-2:]
    assert (exported, export["to"], export["account_id"], export["status"]) == ("export", str(to), "acme", "closed")
    assert export["sha256"] == digest(to)
    assert export["row_count"] == to.read_bytes().count(b"\r\n") - 1
    assert (stated, statement["to"], statement["statement_count"]) == ("statement", str(page), 1)
    sums = f"{digest(page)}  acme.html\n"
    assert statement["sha256sums_sha256"] == hashlib.sha256(sums.encode()).hexdigest()


def test_nothing_is_given_out_or_closed_that_the_log_cannot_tell_of(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(lake / audit.DIRECTORY)
    (lake / audit.DIRECTORY).touch()
    before = {path.name for path in lake.parent.iterdir()}

    for words in (
        ("export", "usage", "--period", "2026-10", "--as", "csv", "--to", str(lake.parent / "usage.csv")),
        ("statement", "2026-10", "--to", str(lake.parent / "statements")),
        ("rate", "--period", "2026-11", "--rate-card", str(lake.parent / "rates.toml")),
    ):
        assert ioledger(lake, *words, now=NOW) == 2
        assert "cannot be" in capsys.readouterr().err
    assert {path.name for path in lake.parent.iterdir() if list(path.glob("*")) or path.is_file()} <= before
    assert not list((lake / "charge").rglob("2026-11.parquet"))


def test_a_reader_of_the_lake_exports_and_is_told_that_the_log_does_not_tell(lake: Path) -> None:
    to = lake.parent / "usage.csv"
    with read_only(lake):
        words = ("--lake", str(lake), "export", "usage", "--period", "2026-10", "--as", "csv", "--to", str(to))
        done = process(*words, cwd=lake.parent, prefix=without_overriding_permissions())

    assert done.returncode == 0, done.stderr
    assert "the audit log has no entry of this export" in done.stderr
    assert to.exists()


def test_the_log_and_the_closed_months_of_a_lake_that_nobody_touched_are_whole(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problems(lake, capsys) == []
    assert ioledger(lake, "lake", "audit", "--format", "csv", now=NOW) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.startswith("number,at,user,")
    assert (first.split(",")[5], second.split(",")[5]) == ("rate-card", "close")


def test_a_log_that_was_cut_before_a_closing_is_found(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audit.path_of(lake, 2).unlink()
    (found,) = problems(lake, capsys)
    assert found.startswith("audit/0000000002.json: 2026-10 is closed, and no entry")

    audit.path_of(lake, 1).unlink()
    assert any("the manifest of 2026-10 names this entry" in each for each in problems(lake, capsys))


def test_a_log_that_was_written_anew_is_found(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    what = told(lake)
    shutil.rmtree(lake / audit.DIRECTORY)
    for action, each in what:
        audit.record(lake, action, each, NOW)

    (found,) = problems(lake, capsys)
    assert found.startswith("audit/0000000001.json: the manifest of 2026-10 names this entry")


def test_a_month_that_is_gone_is_found(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(lake / "closed" / "2026-10")

    (found,) = problems(lake, capsys)
    assert found.startswith("audit/0000000002.json: 2026-10 is not closed")
