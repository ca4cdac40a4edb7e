"""Reading usage and bills while they are made again: all of it from before, or all of it from after."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import month_end
import pytest
from file_calls import seen
from lakes import a_run, sample
from month_end import END, FIRST, HOUR
from policy_lake import ioledger

from ioledger.errors import BusyError, LakeError
from ioledger.lake import derived, layout, locks
from ioledger.lake.writer import write_run
from ioledger.model.tables import USAGE_RECORD
from reports.usage.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from file_calls import Real

NOW = END + 3 * HOUR
DAY = date(2026, 10, 31)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    lake = tmp_path / "lake"
    layout.create(lake)
    replace(lake, b"before")
    return lake


def replace(lake: Path, content: bytes, day: date = DAY) -> None:
    path = layout.derived_partition(lake, USAGE_RECORD.name, day) / "usage.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(".new")
    new.write_bytes(content)
    new.replace(path)


def test_what_was_replaced_in_the_middle_is_read_again(lake: Path) -> None:
    answers = []

    def read() -> int:
        answers.append(len(answers))
        if len(answers) < 3:
            replace(lake, b"after " * len(answers))
        return answers[-1]

    assert derived.consistently(lake, read) == 2


def test_what_was_read_while_a_month_was_closed_is_read_again(lake: Path) -> None:
    month = lake / layout.CLOSED_MONTHS / "2026-10"
    answers = []

    def read() -> str:
        answers.append("closed" if month.exists() else "open")
        month.mkdir(parents=True, exist_ok=True)
        return f"{answers[-1]}, {'closed' if month.exists() else 'open'}"

    assert derived.consistently(lake, read, (FIRST, END)) == "closed, closed"
    assert answers == ["open", "closed"]


def test_an_error_counts_only_if_nothing_was_replaced(lake: Path) -> None:
    tries = []

    def read() -> str:
        tries.append(1)
        if len(tries) == 1:
            replace(lake, b"after")
            raise LakeError("a file is gone")
        return "read"

    def fail() -> str:
        tries.append(1)
        raise LakeError("a file is broken")

    assert derived.consistently(lake, read) == "read"
    tries.clear()
    with pytest.raises(LakeError, match="is broken"):
        derived.consistently(lake, fail)
    assert len(tries) == 1


def test_what_others_never_cease_to_replace_is_told_with_who_they_are(lake: Path) -> None:
    tries = []

    def read() -> None:
        tries.append(1)
        replace(lake, b"after" * len(tries))

    with locks.exclusive(lake, derived.BUILD), pytest.raises(BusyError, match=r"the last time by process \d+ of "):
        derived.consistently(lake, read)
    assert len(tries) == 5


def test_what_lies_outside_of_the_span_may_change(lake: Path) -> None:
    tries = []

    def read() -> None:
        tries.append(1)
        replace(lake, b"the next month", DAY + timedelta(days=2))

    derived.consistently(lake, read, (FIRST, END))
    derived.consistently(lake, read, (None, END))
    assert len(tries) == 2


@pytest.mark.parametrize("command", ["export", "statement"])
def test_what_is_given_out_while_usage_is_made_again_is_of_after(tmp_path: Path, command: str) -> None:
    lake, to = month_end.new_lake(tmp_path), tmp_path / ("usage.csv" if command == "export" else "acme.html")
    build(lake, FIRST, END)
    assert ioledger(lake, "rate", "--period", "2026-10", "--rate-card", str(tmp_path / "rates.toml"), now=NOW) == 0
    built = []

    def when_it_begins_to_write(name: str, real: Real, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the call gives
        if not built and name == "opens" and str(positional[0]).startswith(f"{tmp_path}/."):
            built.append(True)
            rows = [sample("vm-2", FIRST + hour * HOUR, volume_id="v1", read_ops=7 * hour) for hour in range(2)]
            for row in rows:
                write_run(lake, a_run(row, source="late", at=row["sampled_at"]))  # type: ignore[arg-type]
            build(lake, FIRST, END)
        return real(*positional, **named)

    words = {
        "export": ("export", "usage", "--period", "2026-10", "--as", "csv", "--to", str(to)),
        "statement": ("statement", "2026-10", "--account", "acme", "--to", str(to)),
    }[command]
    with seen(when_it_begins_to_write):
        assert ioledger(lake, *words, now=NOW) == 0
    assert built
    text = to.read_text(encoding="utf-8")
    if command == "export":
        assert "vm-2" in {row["vm_id"] for row in csv.DictReader(text.splitlines())}
    else:
        again = tmp_path / "again.html"
        assert ioledger(lake, *words[:-1], str(again), now=NOW) == 0
        assert text == again.read_text(encoding="utf-8")
