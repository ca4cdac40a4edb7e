"""docs/exports.md: its examples run as written, and it names every format, field and key that there is."""

from __future__ import annotations

import json
import os
import re
import subprocess
from decimal import Decimal
from pathlib import Path

import charge_rows
import duckdb
import exported
import pytest
from command import SCRIPT

from ioledger.model.tables import CHARGE, USAGE_RECORD
from reports.exports import formats

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def first_column(text: str) -> list[str]:
    cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a lake, in which the commands of the page were run."""
    place = tmp_path_factory.mktemp("exports")
    exported.lake_with(place, exported.month_of_usage(), charge_rows.plausible())
    path = os.pathsep.join((str(SCRIPT.parent), os.environ["PATH"]))
    for script in blocks("sh"):
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=place, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
    (place / "told").write_text(ended.stdout, encoding="utf-8")
    return place


def totals(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_the_digest_that_a_shell_finds_is_the_one_that_is_told(directory: Path) -> None:
    digest, told = (directory / "told").read_text(encoding="utf-8").splitlines()

    assert digest.split()[0] == totals(directory / "bill-2026-10.csv.totals.json")["sha256"]
    assert f'"{digest.split()[0]}"' in told


def test_the_queries_find_the_control_totals(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory)
    bill, usage = (json.loads(Path(f"{name}.totals.json").read_text()) for name in (
        "bill-2026-10.csv", "usage-2026-10.parquet"
    ))  # fmt: skip
    of_bill, of_usage = (duckdb.sql(query).fetchall() for query in blocks("sql"))

    assert [(code, count, *map(as_text, sums)) for code, count, *sums in of_bill] == [
        (each["currency"], each["row_count"], each["amount"], each["cost"]) for each in bill["totals"]["currencies"]
    ]
    told = usage["totals"]
    assert of_usage == [
        (usage["row_count"], int(told["read_ops"]), int(told["guaranteed_ops"]), Decimal(told["gib_seconds"]))
    ]


def as_text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}".rstrip("0").rstrip(".")


def test_the_formula_adds_the_columns_that_it_means() -> None:
    amounts, currencies = re.findall(r"Lines!(\w+):", section("Control totals"))

    assert (place(amounts), place(currencies)) == (CHARGE.names.index("amount"), CHARGE.names.index("currency"))


def place(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def test_every_format_is_described() -> None:
    assert set(formats.names()) <= set(first_column(PAGE.partition("\n## ")[0]))


def test_every_key_of_the_totals_is_described(directory: Path) -> None:
    told = totals(directory / "bill-2026-10.csv.totals.json")

    assert first_column(section("Control totals")) == list(told)


def test_every_field_of_a_cloudstack_record_is_described(directory: Path) -> None:
    everything = dict.fromkeys(("project_id", "zone_id", "offering_id"), "x")
    rows = [exported.usage_row(number, kind=kind, **everything) for number, kind in enumerate(("io", "allocation"))]
    (directory / "other").mkdir()
    lake = exported.lake_with(directory / "other", rows)
    path = exported.export(lake, USAGE_RECORD, "cloudstack", directory / "usage.json")
    records = json.loads(path.read_text(encoding="utf-8"))["listusagerecordsresponse"]["usagerecord"]

    told = section("CloudStack")
    known = set(re.findall(r"`(\w+)`", told.partition("Fields that CloudStack has:")[2].partition(". As there")[0]))
    assert {name for record in records for name in record} == known | set(
        first_column(told.partition("does not have:")[2])
    )
