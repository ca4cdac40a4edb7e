"""Names that others chose, of guests, volumes and accounts, lead to no file outside of where files belong."""

from __future__ import annotations

import logging
import tempfile
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import month_end
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from lakes import a_run, sample
from policy_lake import ioledger
from rate_cards import write

from ioledger.lake import layout
from ioledger.lake.writer import write_run
from ioledger.model.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest

    from ioledger.model.records import Row

HOSTILE = (
    "../../../outside",
    "/etc/outside",
    "..",
    ".",
    "C:\\outside",
    "a\\..\\outside",
    "nul\x00byte",
    "line\nbreak\r",
    "\u202eright to left",
    "'; DROP TABLE charge; --",
    '"] FROM x; --',
    "$account_id",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "CON",
    "Acme",
    "acme",
    "x" * 300,
    "{{ 7 * 7 }}",
    "%2e%2e%2f",
    "*?[a]",
    "~root",
    "date=2026-10-01",
    " ",
    "\U0001f4a3",
)
names = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)

NOW = month_end.END + 2 * month_end.HOUR


def month_of(directory: Path, named: Sequence[tuple[str, str, str]]) -> Path:
    """Make a lake in which guests read from volumes of accounts, whose names are ``named`` in this order."""
    lake = directory / "site" / "lake"
    lake.parent.mkdir()
    layout.create(lake)
    (lake / layout.SETTINGS).write_text(month_end.SETTINGS, encoding="utf-8")
    write(lake.parent, month_end.PRICED)
    for number in (3, 4):
        at = month_end.FIRST + number * month_end.HOUR
        counters = {"read_ops": number, "write_ops": 0, "read_bytes": 0, "write_bytes": 0}
        samples: list[Row] = []
        set_to: list[Row] = []
        sold: list[Row] = []
        for vm_id, volume_id, account_id in named:
            samples.append(
                sample(vm_id, at, volume_id=volume_id, vm_name=account_id, source_path=volume_id, **counters)
            )
            set_to.append({"volume_id": volume_id, "pool_id": account_id, "min_iops": 100, "min_enforced": True})
            sold.append(
                {
                    "volume_id": volume_id, "volume_name": vm_id, "vm_id": vm_id, "account_id": account_id,
                    "account_name": volume_id, "offering_id": vm_id, "sold_min_iops": 100, "size_bytes": 2**30,
                }
            )  # fmt: skip
        write_run(lake, a_run(*samples, at=at))
        write_run(lake, a_run(source="array", kind="storage", at=at, tables={"provisioned_iops": set_to}))
        write_run(lake, a_run(source="shop", kind="controlplane", at=at, tables={"entitlement": sold}))
    return lake


def files_below(directory: Path) -> set[Path]:
    return {path.relative_to(directory) for path in directory.rglob("*")}


@settings(
    max_examples=1,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example([(name, name, name) for name in HOSTILE])
@given(st.lists(st.tuples(names, names, names), min_size=5, max_size=10, unique_by=(itemgetter(0), itemgetter(1))))
def test_names_lead_nowhere_and_break_nothing(
    caplog: pytest.LogCaptureFixture, named: list[tuple[str, str, str]]
) -> None:
    _, volume_id, account_id = named[0]
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        lake = month_of(directory, named)
        out = directory / "out"
        out.mkdir()
        run = _runner(lake, caplog)
        run("usage", "build")
        run("rate", "--period", "2026-10", "--rate-card", str(lake.parent / "rates.toml"))
        run("statement", "2026-10", "--to", str(out / "all"))
        run("statement", "2026-10", "--to", str(out / "one.html"), "--account", account_id)
        run(
            "export",
            "charges",
            "--period",
            "2026-10",
            "--as",
            "csv",
            "--to",
            str(out / "b.csv"),
            "--account",
            account_id,
        )
        run("export", "usage", "--period", "2026-10", "--as", "cloudevents", "--to", str(out / "u.json"))
        run("report", "--period", "2026-10", "--to", str(out / "report.html"))
        run("plot", volume_id, "--from", month_end.FIRST.isoformat(), "--to-file", str(out / "disk.svg"))

        assert {path.name for path in directory.iterdir()} == {"site", "out"}
        assert {path.name for path in lake.parent.iterdir()} == {"lake", "rates.toml"}
        own = {
            "all",
            "one.html",
            "b.csv",
            "b.csv.totals.json",
            "u.json",
            "u.json.totals.json",
            "report.html",
            "disk.svg",
        }
        assert {path.parts[0] for path in files_below(out)} <= own
        assert {len(path.parts) for path in files_below(out)} <= {1, 2}
        tables = {path.parts[0] for path in files_below(lake)}
        assert tables <= {"lake.toml", "settings.toml", ".locks", ".usage", "audit", *TABLES}
        partitions = {path.parts[1] for path in files_below(lake) if path.parts[0] in TABLES and len(path.parts) > 1}
        assert all(name.startswith("date=2026-1") for name in partitions)


def _runner(lake: Path, caplog: pytest.LogCaptureFixture) -> Callable[..., None]:
    def run(*words: str) -> None:
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            code = ioledger(lake, *words, now=NOW)
        assert code in {0, 2, 3}, caplog.text
        assert code != 2 or "ioledger: " in caplog.text

    return run
