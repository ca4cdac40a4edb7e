"""Virtual disks read from a vCenter simulator: what is listed, what is in force and what disks did."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from components import shared
from http_proxy import proxied
from pyVmomi import vim
from vcenter import Admin
from vsphere_reading import Meter, amounts, is_fifth

import ioledger
from reports.usage.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from http_proxy import Proxy

SAMPLE = timedelta(seconds=20)


def test_a_thousand_machines_come_in_pages_and_each_once(tmp_path: Path, settings: dict[str, Any]) -> None:
    told = shared("vcenter:running", machines=1000, disks=1)
    admin = Admin(told["url"])
    admin.limit(admin.machine(7), limit=777)
    admin.close()
    with proxied(f"http://{urlsplit(told['url']).netloc}") as large:
        meter = Meter(tmp_path / "lake", {**settings, "url": f"{large.url}/sdk", "timeout_seconds": 60})
        outcome = meter.collect()
        meter.source.close()
        pages = [asked for asked in large.requests if b"<ContinueRetrievePropertiesEx " in asked.body]
    assert (outcome.status, outcome.error) == ("ok", None)
    rows = meter.now()
    assert len({(row["vm_id"], row["device"]) for row in rows}) == len(rows) == 1000
    assert len(pages) == 9
    (limited,) = [row for row in rows if row["cap_total_iops"] == 777]
    assert (limited["vm_name"], limited["device"]) == ("DC0_C0_RP0_VM7", "scsi0:0")


def test_limits_are_those_that_were_set_last_and_no_limit_is_null(meter: Meter, admin: Admin) -> None:
    shares = vim.SharesInfo(level="custom", shares=1234)
    admin.limit(admin.machine(1), limit=300, reservation=50, shares=shares)
    admin.limit(admin.machine(2), limit=-1, reservation=0)
    admin.limit(admin.machine(3), limit=0)
    meter.collect()
    told = []
    for number in (1, 2, 3):
        (row,) = meter.now(f"DC0_C0_RP0_VM{number}")
        told.append([row[name] for name in ("cap_total_iops", "cap_io_size", "reserved_iops", "shares")])
    assert told == [[300, 32768, 50, 1234], [None] * 4, [None] * 4]
    admin.limit(admin.machine(1), limit=600)
    meter.collect()
    (row,) = meter.now("DC0_C0_RP0_VM1")
    assert row["cap_total_iops"] == 600


def test_the_first_run_counts_nothing_for_nobody_watched_before(meter: Meter) -> None:
    meter.collect()
    assert meter.windows() == []
    assert {row["read_ops"] for row in meter.now()} == {None}


def test_nothing_is_left_on_the_server_but_the_session(meter: Meter, proxy: Proxy) -> None:
    meter.collect()
    asked = Counter(name for each in proxy.requests for name in re.findall(r"<soapenv:Body><(\w+)", str(each.body)))
    assert asked["CreateContainerView"] == asked["DestroyView"] == 3
    changing = asked.keys() - {"CreateContainerView", "DestroyView", "Login"}
    assert changing == {
        "RetrieveServiceContent", "CurrentTime", "RetrievePropertiesEx", "ContinueRetrievePropertiesEx"
    }  # fmt: skip


def test_samples_are_what_the_host_says_times_their_seconds(meter: Meter, admin: Admin) -> None:
    machine = admin.digit(5)
    meter.collect()
    meter.let_pass(600)
    assert meter.collect().status == "ok"
    rows = meter.windows(machine.name)
    assert len(rows) >= 28
    ends = [row["sampled_at"] for row in rows]
    assert ends == [ends[0] + number * SAMPLE for number in range(len(ends))]
    for row in rows:
        told = amounts(machine._moId, row)  # noqa: SLF001 - its only name for it
        assert {name: row[name] for name in told} == told
        assert row["sampled_at"] - row["window_start"] == SAMPLE
        assert (row["state"], row["flush_ops"]) == ("ok", None)
    assert len({row["epoch"] for row in rows}) == 1


def test_an_idle_disk_is_0_and_a_sample_that_is_missing_has_no_row(meter: Meter, admin: Admin) -> None:
    idle, *lacking = [admin.digit(digit) for digit in (0, 1, 2, 3)]
    meter.collect()
    meter.let_pass(600)
    meter.collect()
    rows = meter.windows(idle.name)
    assert len(rows) >= 28
    assert {(row["read_ops"], row["write_ops"], row["read_bytes"], row["write_bytes"]) for row in rows} == {
        (0, 0, 0, 0)
    }
    for machine in lacking:
        ends = [row["sampled_at"] for row in meter.windows(machine.name)]
        assert ends[:20] == [row["sampled_at"] for row in rows if not is_fifth(row["sampled_at"])][:20]


def test_each_operation_is_billed_once_however_often_it_is_read(meter: Meter, admin: Admin) -> None:
    moids = {machine.config.instanceUuid: machine._moId for machine in admin.all_of(vim.VirtualMachine)}  # noqa: SLF001 - likewise
    meter.collect()
    told = []
    for _ in range(2):
        meter.let_pass(300)
        meter.collect()
        rows = meter.windows()
        told.append(len(rows))
        assert _billed(meter, rows) == _done(moids, rows)
    assert told[1] > 1.9 * told[0], "the same samples were read again"


def _done(moids: dict[str, str], rows: list[dict[str, Any]]) -> dict[str, int]:
    """Add up what the simulator says of the samples that rows are about, each once."""
    each = {(row["vm_id"], row["device"], row["sampled_at"]): row for row in rows}.values()
    done = Counter[str]()
    for row in each:
        moid = moids[row["vm_id"]]
        done.update({} if moid.endswith("0") else amounts(moid, row))
    return dict(done)


def _billed(meter: Meter, rows: list[dict[str, Any]]) -> dict[str, int]:
    build(meter.lake, min(row["window_start"] for row in rows), max(row["sampled_at"] for row in rows))
    names = ("read_ops", "write_ops", "read_bytes", "write_bytes")
    with ioledger.open(meter.lake) as opened:
        (row,) = opened.usage().filter("kind = 'io'").aggregate(", ".join(f"sum({name})" for name in names)).fetchall()
    return dict(zip(names, map(int, row), strict=True))
