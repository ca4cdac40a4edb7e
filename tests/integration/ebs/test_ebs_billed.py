"""What is billed of the statistics of AWS: every operation once, for the instance that made it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from clocks import HeldClock
from ebs_reading import WINDOW, source_of, windows
from ebs_site import STATISTICS, Account, account, metric_data
from lakes import a_run, read

from collectors.beat import Beat
from collectors.runner import collect_one
from ioledger.lake import layout
from ioledger.lake.writer import write_run
from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

TEN = datetime(2025, 11, 22, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
IOPS = 1000
PROMISED = IOPS * 300


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with account() as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


class Service:
    """Collects into a lake every five minutes."""

    def __init__(self, site: Account, directory: Path) -> None:
        self.site = site
        self.lake = directory / "lake"
        self.clock = HeldClock(moment=TEN)
        self.source = source_of(site)
        layout.create(self.lake)

    def collect(self, minutes: int = 5) -> str:
        self.clock.let_pass(60 * minutes)
        return collect_one(self.lake, "aws", self.source, Beat(self.lake, self.clock, ["aws"])).status


@pytest.fixture
def service(site: Account, tmp_path: Path) -> Iterator[Service]:
    made = Service(site, tmp_path)
    yield made
    made.source.close()


def billed(lake: Path, columns: str = "sum(read_ops), sum(write_ops), sum(read_bytes), sum(write_bytes)") -> list[Any]:
    build(lake, TEN, TEN + timedelta(hours=3))
    return read(lake, f"SELECT vm_id, {columns} FROM usage_record WHERE kind = 'io' GROUP BY vm_id ORDER BY vm_id")  # noqa: S608


def test_windows_read_twice_late_ones_and_two_instances_are_billed_once(site: Account, service: Service) -> None:
    volume = site.volume("io2", iops=IOPS)
    site.attach(volume, "i-1", TEN - timedelta(hours=1))
    assert service.collect(0) == "ok"
    done: list[tuple[str, int]] = []
    withheld: list[tuple[datetime, int]] = []
    for number, window in enumerate(windows(TEN, 14)):
        if number == 7:
            site.attach(volume, "i-2", window + MINUTE)
        for minute in range(5):
            ops = 100 * number + minute
            done.append(("i-1" if number < 7 else "i-2", ops))
            if minute == 3 and number % 5 == 0:
                withheld.append((window + minute * MINUTE, ops))
            else:
                site.sums(volume, window + minute * MINUTE, **minute_of(ops))
        if number % 5 == 4:
            at, ops = withheld.pop()
            site.sums(volume, at, **minute_of(ops))
        assert service.collect() == "ok"
    assert service.collect() == "ok"

    ((at, ops),) = withheld
    assert billed(service.lake) == total(each for each in done if each != ("i-2", ops))
    ((stored, different),) = read(
        service.lake, "SELECT count(*), count(DISTINCT (vm_id, device, epoch, sampled_at)) FROM disk_io_stat"
    )
    assert stored > 3 * different, "windows were read again and again"

    site.sums(volume, at, **minute_of(ops))
    assert service.collect() == "ok"
    assert billed(service.lake) == total(done)


def minute_of(ops: int) -> dict[str, int]:
    return {"read_ops": ops, "write_ops": 1, "read_bytes": ops * 512, "write_bytes": 7}


def total(done: Iterable[tuple[str, int]]) -> list[tuple[Any, ...]]:
    """Add up what each instance did in so many minutes."""
    of_instance: dict[str, list[int]] = {}
    for instance, ops in done:
        of_instance.setdefault(instance, []).append(ops)
    return [
        (instance, *(sum(minute_of(each)[name] for each in ops) for name in minute_of(0)))
        for instance, ops in sorted(of_instance.items())
    ]


def test_what_the_volume_is_set_to_splits_its_windows(site: Account, service: Service) -> None:
    volume = site.volume("io2", iops=IOPS)
    site.attach(volume, "i-1", TEN - timedelta(hours=1))
    service.collect(0)
    for window, ops in zip(windows(TEN, 3), (PROMISED - 1, PROMISED, PROMISED + 77), strict=True):
        site.sums(volume, window, read_ops=ops, write_ops=0, read_bytes=ops, write_bytes=0)
    site.ec2.modify_volume(volume, target_iops=2 * IOPS)
    site.sums(volume, TEN + 3 * WINDOW, read_ops=2 * PROMISED + 5, write_ops=0, read_bytes=0, write_bytes=0)
    site.ec2.get_volume(volume).iops = IOPS
    for _ in range(2):
        service.collect(5)
    site.ec2.get_volume(volume).iops = 2 * IOPS
    for _ in range(3):
        service.collect(5)
    split = "sum(guaranteed_ops), sum(burst_ops), sum(best_effort_ops), sum(unclassified_ops), sum(gap_seconds)"
    assert billed(service.lake, split) == [("i-1", 3 * PROMISED - 1 + 2 * PROMISED, 77 + 5, 0, 0, 0)]


def test_a_run_that_a_crash_lost_is_read_again(site: Account, service: Service) -> None:
    """The memory of a run is stored before the run itself: here the run is lost, and the memory is not."""
    volume = site.volume("io2", iops=IOPS)
    site.attach(volume, "i-1", TEN - timedelta(hours=1))
    service.collect(0)
    for window in windows(TEN, 12):
        site.sums(volume, window, read_ops=10, write_ops=0, read_bytes=0, write_bytes=0)
    service.collect(62)
    max(layout.files(service.lake, "collection_run")).unlink()
    service.collect(5)
    assert billed(service.lake, "sum(read_ops)") == [("i-1", 120)]


def test_a_partial_answer_is_billed_once_it_is_whole(site: Account, service: Service) -> None:
    volume = site.volume("io2", iops=IOPS)
    site.attach(volume, "i-1", TEN - timedelta(hours=1))
    service.collect(0)
    counts = {"read_ops": 5, "write_ops": 6, "read_bytes": 7, "write_bytes": 8}
    site.sums(volume, TEN, **counts)
    partly = [
        {
            "Id": f"{column}_0",
            "Label": "-",
            "StatusCode": "PartialData",
            "Timestamps": [TEN.timestamp()],
            "Values": [1.0],
        }
        for column in counts
    ]
    site.proxy.answer(STATISTICS, metric_data(*partly[:2]))
    assert service.collect(10) == "partial"
    assert billed(service.lake) == []
    site.proxy.mend()
    assert service.collect(90) == "ok"
    assert billed(service.lake) == [("i-1", 5, 6, 7, 8)]


def test_what_is_sold_of_a_volume_bills_its_account(site: Account, service: Service) -> None:
    volume = site.volume("gp3", iops=3000)
    site.attach(volume, "i-1", TEN - timedelta(hours=1))
    sold = {"volume_id": volume, "account_id": "acme", "sold_min_iops": 3000}
    write_run(service.lake, a_run(source="sold", at=TEN - MINUTE, kind="controlplane", tables={"entitlement": [sold]}))
    service.collect(0)
    site.sums(volume, TEN, read_ops=500, write_ops=0, read_bytes=0, write_bytes=0)
    service.collect(10)
    columns = "any_value(account_id), any_value(qos_class), any_value(pool_id), sum(guaranteed_ops)"
    assert billed(service.lake, columns) == [("i-1", "acme", "guaranteed", "eu-central-1a/gp3", 500)]
