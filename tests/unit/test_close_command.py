"""`close` freezes a month that is ready, says what speaks against one that is not, and finds what was changed since."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import bills
import month_end
import pyarrow.parquet as pq
import pytest
from lakes import content
from month_end import END, HOUR
from policy_lake import ioledger
from rate_cards import card, item, write

from ioledger.lake import check_files, layout
from ioledger.lake.schema import typed
from ioledger.lake.writer import write_derived, write_run
from ioledger.model.period import utc_day
from ioledger.model.tables import FINDING, QUARANTINE
from reports.closing.objections import Terms, objections

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from ioledger.model.records import Row

NOW = END + 2 * HOUR
FOUND: Row = {
    "code": "QOS101", "severity": "high", "status": "violation", "resource_kind": "disk", "resource_id": "vm-1/vda",
    "reason": "It is capped.", "first_seen_at": END, "last_seen_at": END,
}  # fmt: skip


def check(lake: Path, *found: Row, at: datetime = NOW) -> None:
    """Store what a check of the rules found."""
    rows = typed(FINDING, [{**row, "checked_at": at} for row in found])
    write_derived(lake, FINDING, utc_day(at), check_files.name_at(at), rows)


def rate(lake: Path) -> None:
    ioledger(lake, "rate", "--period", "2026-10", "--rate-card", str(lake.parent / "rates.toml"), now=NOW)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = month_end.new_lake(tmp_path_factory.mktemp("month"))
    ioledger(lake, "usage", "build", now=NOW)
    check(lake)
    rate(lake)
    return lake


@pytest.fixture
def lake(prepared: Path, tmp_path: Path) -> Path:
    shutil.copytree(prepared.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "lake"


def close(lake: Path, *words: str) -> int:
    return ioledger(lake, "close", "2026-10", *words, now=NOW)


def frozen(lake: Path) -> dict[str, bytes]:
    return {name: data for name, data in content(lake).items() if name.startswith("closed/")}


def manifest(lake: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((lake / "closed/2026-10/manifest.json").read_text(encoding="utf-8"))
    return read


def test_a_month_that_is_ready_is_frozen_with_all_that_its_bill_rests_on(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert close(lake) == 0

    told = manifest(lake)
    assert (told["period"], told["start"], told["end"]) == ("2026-10", "2026-10-01T00:00:00+00:00", END.isoformat())
    assert (told["event_cutoff"], told["arrival_cutoff"]) == (END.isoformat(), NOW.isoformat())
    assert told["settings"] == month_end.SETTINGS
    assert told["accepted"] == []
    assert told["last_runs"] == dict.fromkeys(("array", "kvm-01", "shop"), "20261101T010000")
    # 4 hours of 100 IOPS at 0.05, and of 100 reads at 0.001; the first sample is where counting begins.
    assert {(each["charge_kind"], each["amount"]) for each in told["totals"]} == {("usage", "20.400000000000")}
    inputs = pq.read_table(lake / "closed/2026-10/inputs.parquet").to_pylist()
    stored = [row for path in layout.files(lake, "collection_run") for row in pq.ParquetFile(path).read().to_pylist()]
    assert {(row["source"], row["run_id"], row["table"], row["digest"]) for row in inputs} == {
        (run["source"], run["run_id"], table, digest) for run in stored for table, digest in run["digest"]
    }
    bill = "charge/date=2026-10-01/2026-10.parquet"
    assert frozen(lake)["closed/2026-10/charge.parquet"] == (lake / bill).read_bytes()
    shown = capsys.readouterr()
    assert shown.out.split()[-5:] == ["EUR", "usage", "3", "20.4", "20.40"]
    assert "SHA-256 of its manifest: " in shown.err


def test_the_totals_of_what_was_closed_are_for_programs_too(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert close(lake, "--format", "json") == 0
    (total,) = json.loads(capsys.readouterr().out)
    assert total["currency"] == "EUR"
    assert isinstance(total["amount"], str), "no reader rounds it"


def test_closing_twice_changes_nothing(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    close(lake)
    before = frozen(lake)

    assert close(lake) == 0
    assert frozen(lake) == before
    assert "nothing was changed" in capsys.readouterr().err


def test_what_is_closed_is_read_only_and_stays_when_usage_is_built_again(lake: Path) -> None:
    close(lake)
    before = frozen(lake)
    write_run(lake, month_end.disk(END - HOUR / 2, "vm-2"))
    write_run(lake, month_end.disk(END - HOUR / 4, "vm-2"))
    ioledger(lake, "usage", "build", now=NOW)

    assert frozen(lake) == before
    assert all(path.stat().st_mode & 0o222 == 0 for path in (lake / "closed").rglob("*") if path.is_file())
    assert close(lake, "--verify") == 0


def test_a_closed_month_is_not_rated_again(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    close(lake)
    before = content(lake)

    rate(lake)

    assert "2026-10 is closed and its bill stays as it is" in capsys.readouterr().err
    assert content(lake) == before


def _late_source(lake: Path) -> None:
    write_run(lake, month_end.a_run(at=END - HOUR, source="kvm-02"))


def _gap(lake: Path) -> None:
    text = month_end.SETTINGS.replace("7200", "60")
    (lake / layout.SETTINGS).write_text(text, encoding="utf-8")


def _finding(lake: Path) -> None:
    check(lake, FOUND, at=NOW + HOUR)


def _old_check(lake: Path) -> None:
    shutil.rmtree(lake / FINDING.name)
    check(lake, at=END - HOUR)


def _no_price_of_size(lake: Path) -> None:
    reads = (item(sku='"reads"', meter='"read_ops"'), item(sku='"writes"', meter='"write_ops"'))
    write(lake.parent, card(item(price="0.05"), *reads))


@pytest.mark.parametrize(
    ("spoil", "kind", "sentence"),
    [
        (_late_source, "provisional", "1 hour can still change, the first from 2026-10-31T23:00Z"),
        (_gap, "coverage", "account acme: 0.0 % of the time was observed"),
        (_finding, "findings", "QOS101 (high): 1 open finding"),
        (_old_check, "findings", "the policy rules were not checked since the month ended"),
        (_no_price_of_size, "unpriced", "1 line of gib without a price: no item of the rate card prices it"),
    ],
)
def test_what_speaks_against_closing_is_told_and_closes_only_with_a_reason(
    lake: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], kind: str, sentence: str
) -> None:
    spoil(lake)
    if spoil in {_late_source, _gap}:
        ioledger(lake, "usage", "build", now=NOW)
    rate(lake)
    capsys.readouterr()

    assert close(lake) == 2
    told = capsys.readouterr().err
    assert f"ioledger: {kind}: {sentence}" in told
    assert f'--despite {kind} --because "..."' in told
    assert not (lake / "closed").exists()

    assert close(lake, "--despite", kind, "--because", "we know") == 0
    assert manifest(lake)["because"] == "we know"
    assert {each["kind"] for each in manifest(lake)["accepted"]} == {kind}


def test_a_source_that_is_gone_and_what_is_withheld_or_held_speak_against_closing(tmp_path: Path) -> None:
    lake = bills.lake_with(tmp_path, [bills.sold(END - HOUR, 5, qos_class="conflicting")])
    check(lake)
    for days, source in ((40, "kvm-03"), (70, "kvm-04"), (40, "kvm-05"), (2, "kvm-05")):
        write_run(lake, month_end.a_run(at=END - timedelta(days=days), source=source))
    write_run(lake, month_end.a_run(at=END + HOUR, source="kvm-05"))
    row = {"window_start": END - HOUR, "window_end": END, "kind": "io", "vm_id": "vm-9", "device": "vda",
           "account_id": "acme", "invariant": "classes", "expected": "1", "observed": "2", "reason": "x"}  # fmt: skip
    write_derived(lake, QUARANTINE, utc_day(END - HOUR), "quarantine", typed(QUARANTINE, [row]))
    held = bills.rate(lake, "2026-10", card(item(), open_conflict='"hold"'))

    assert objections(lake, held, Terms(95, "high")) == [
        ("source", "kvm-03 reported in the month before and not in this one"),
        ("quarantine", "usage of 1 disk of 1 account is withheld, and not on the bill"),
        ("held", "1 line held because of open policy conflicts"),
    ]


def test_a_threshold_that_is_given_counts(lake: Path) -> None:
    check(lake, FOUND, at=NOW + HOUR)

    assert close(lake, "--severity", "medium") == 2
    assert close(lake, "--severity", "critical", "--min-coverage", "100") == 0


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda lake: shutil.rmtree(lake / "charge"), "2026-10 is not rated; run `ioledger rate --period 2026-10"),
        (lambda lake: write_run(lake, month_end.disk(END - HOUR / 2, "vm-2")), "is not built"),
        (_gap, "is not built"),
    ],
)
def test_a_bill_that_does_not_stand_for_the_lake_of_now_cannot_be_closed_at_all(
    lake: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(lake)

    assert close(lake, "--despite", "coverage", "--because", "we know") == 2
    assert sentence in capsys.readouterr().err
    assert not (lake / "closed").exists()


def test_usage_that_was_built_after_the_rating_asks_for_another_rating(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for at in (END - HOUR / 2, END - HOUR / 4):
        write_run(lake, month_end.disk(at, "vm-2"))
    ioledger(lake, "usage", "build", now=NOW)

    assert close(lake) == 2
    assert "usage or settings changed since 2026-10 was rated" in capsys.readouterr().err

    rate(lake)
    assert close(lake) == 0


def test_months_are_closed_in_order_and_when_they_are_over(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ioledger(lake, "close", "2026-11", now=NOW) == 2
    assert "2026-11 ends at 2026-12-01T00:00Z; close it when it is over" in capsys.readouterr().err
    close(lake)
    assert ioledger(lake, "close", "2026-12", now=NOW + timedelta(days=90)) == 2
    assert "2026-12 does not follow 2026-10" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--despite", "held"), ("--because", "we know")])
def test_a_reason_and_what_it_is_for_go_together(
    lake: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert close(lake, *words) == 2
    assert "--despite and --because go together" in capsys.readouterr().err


def test_what_a_crash_left_of_a_closing_is_no_closed_month_and_is_cleared_away(lake: Path) -> None:
    left_over = lake / "closed/.2026-10.tmp/usage_record"
    left_over.mkdir(parents=True)
    (left_over / "x.parquet").write_bytes(b"half")

    assert close(lake, "--verify") == 2
    assert close(lake) == 0
    assert close(lake, "--verify") == 0
    assert [path.name for path in (lake / "closed").iterdir()] == ["2026-10"]


def test_a_lake_that_cannot_be_written_closes_nothing(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lake / "closed").mkdir()
    (lake / "closed/.2026-10.tmp").write_text("no directory", encoding="utf-8")

    assert close(lake) == 2
    assert "2026-10 cannot be closed" in capsys.readouterr().err
    assert not (lake / "closed/2026-10").exists()


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(change(data))


def _flip(data: bytes) -> bytes:
    return data[:100] + bytes([data[100] ^ 1]) + data[101:]


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (lambda month: _rewrite(month / "charge.parquet", _flip), "charge.parquet was changed after"),
        (
            lambda month: _rewrite(month / "usage_record/date=2026-10-31/usage.parquet", _flip),
            "usage_record/date=2026-10-31/usage.parquet was changed after",
        ),
        (lambda month: (month / "inputs.parquet").unlink(), "inputs.parquet is gone"),
        (lambda month: (month / "more.parquet").write_bytes(b""), "more.parquet was not there"),
        (
            lambda month: _rewrite(month / "manifest.json", lambda data: data.replace(b"20.4", b"10.4")),
            "do not add up to the totals of its manifest",
        ),
        (
            lambda month: (month / "../../charge/date=2026-10-01/2026-10.parquet").unlink(),
            "is not the bill that was closed",
        ),
    ],
)
def test_whatever_is_changed_in_a_closed_month_is_found(
    lake: Path, capsys: pytest.CaptureFixture[str], tamper: Callable[[Path], object], sentence: str
) -> None:
    close(lake)
    tamper(lake / "closed/2026-10")

    assert close(lake, "--verify") == 2
    assert sentence in capsys.readouterr().err


def test_a_later_month_vouches_for_the_manifest_of_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = bills.lake_with(tmp_path, [bills.done(bills.OCTOBER, 5)])
    for period in ("2026-10", "2026-11"):
        bills.close(lake, bills.rate(lake, period, month_end.PRICED))
    _rewrite(lake / "closed/2026-10/manifest.json", lambda data: data.replace(b'"because": null', b'"because": "so"'))

    assert ioledger(lake, "close", "2026-11", "--verify", now=NOW) == 2
    assert "the manifest of the month before, 2026-10, was changed" in capsys.readouterr().err
