"""The workbook in a real spreadsheet: LibreOffice opens it and finds the same rows and totals."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from decimal import Decimal
from typing import TYPE_CHECKING

import charge_rows
import exported
from components import lacking

from ioledger.model.tables import CHARGE, USAGE_RECORD

if TYPE_CHECKING:
    from pathlib import Path

EVERY_SHEET_AS_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"


def opened(path: Path) -> dict[str, list[list[str]]]:
    """Let LibreOffice open a workbook and say what it finds, by sheet."""
    if shutil.which("soffice") is None:
        lacking("LibreOffice is not installed; `.ci/system-packages test` installs it")
    ended = subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{path.parent}/profile", "--headless", "--convert-to",
         EVERY_SHEET_AS_CSV, "--outdir", path.parent, path],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found = {}
    for sheet in path.parent.glob(f"{path.stem}-*.csv"):
        with sheet.open(encoding="utf-8", newline="") as stream:
            found[sheet.stem.partition("-")[2]] = list(csv.reader(stream))
    return found


def dicts(rows: list[list[str]]) -> list[dict[str, str]]:
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_a_spreadsheet_finds_the_same_amounts(tmp_path: Path) -> None:
    lake = exported.lake_with(tmp_path, charges=charge_rows.plausible(exported.NAMES[2]))
    sheets = opened(exported.export(lake, CHARGE, "xlsx", tmp_path / "bill.xlsx"))
    totals = json.loads((tmp_path / "bill.xlsx.totals.json").read_text(encoding="utf-8"))

    assert set(sheets) == {"Summary", "Lines", "Corrections", "Dictionary", "Run"}
    lines = dicts(sheets["Lines"])
    assert len(lines) == totals["row_count"]
    for currency in totals["totals"]["currencies"]:
        of_currency = [line for line in lines if line["currency"] == (currency["currency"] or "")]
        (told,) = (
            row for row in dicts(sheets["Summary"])
            if row["account_id"] == "all" and row["currency"] == (currency["currency"] or "")
        )  # fmt: skip
        for name in ("amount", "cost"):
            values = [Decimal(line[name]) for line in of_currency if line[name]]
            assert (str(sum(values)) if values else None) == currency[name]
            assert told[name] == (currency[name] or "")


def test_a_spreadsheet_finds_the_same_operations_and_no_formula(tmp_path: Path) -> None:
    lake = exported.lake_with(tmp_path, exported.month_of_usage())
    sheets = opened(exported.export(lake, USAGE_RECORD, "xlsx", tmp_path / "usage.xlsx"))
    totals = json.loads((tmp_path / "usage.xlsx.totals.json").read_text(encoding="utf-8"))

    lines = dicts(sheets["Lines"])
    assert len(lines) == totals["row_count"]
    for name in ("read_ops", "guaranteed_ops", "throttled_ops", "observed_seconds", "gib_seconds"):
        assert sum(Decimal(line[name]) for line in lines) == Decimal(totals["totals"][name])
    assert {line["account_id"] for line in lines} >= {"'=1+1", "'@SUM(A1)", "Größe 東京 🚀"}
    assert lines[0]["window_start (UTC)"] == "2026-10-01 00:00:00"
