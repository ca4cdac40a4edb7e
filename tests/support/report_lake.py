"""A lake of some days of November 2026 with a story for a report: conflicts, a drift, caps reached, an outage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lakes import a_run
from policy_lake import ioledger
from rate_cards import card, item, write

from ioledger.lake import layout
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.records import Row, Run

PERIOD = "2026-11"
START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTINGS = "[[settings]]\nvalid_from = 2020-01-01T00:00:00Z\nmax_gap_seconds = 7200\n"
HOSTILE = "<script>alert(1)</script>"
ACCOUNTS = {"acme": "Acme Ltd", "bolt": "Bolt & Söhne", "evil": HOSTILE, "delta": "Delta <!-- Farms"}
OFFERINGS = {"gold": "Gold 1000", "silver": "Silver 500", "bronze": "Bronze, capped", "plain": "Best effort"}

_PRICES = card(
    item(price="0.0021", per_month="true"),
    item(sku='"reads"', title='"Reads"', meter='"read_ops"', per="1000000", price="0.40"),
    item(sku='"writes"', title='"Writes"', meter='"write_ops"', per="1000000", price="0.70"),
    open_conflict='"sold"',
)


@dataclass(frozen=True)
class Planted:
    """A volume of the story, with one disk that does ``iops`` on average, half of it in the night."""

    number: int

    @property
    def volume_id(self) -> str:
        return f"vol-{self.number:04d}"

    @property
    def vm_id(self) -> str:
        return f"guest-{self.number:04d}"

    @property
    def offering(self) -> str:
        return list(OFFERINGS)[self.number % 4]

    @property
    def account(self) -> str:
        return list(ACCOUNTS)[self.number // 3 % 4]

    @property
    def iops(self) -> int:
        return 298 if self.offering == "bronze" and self.number % 3 == 0 else 40 + self.number * 37 % 700

    def sample(self, at: datetime) -> Row:
        hours = (at - START) // HOUR + 1
        done = sum(self.iops * 3600 * (100 + _DAILY[(self.number + hour) % 24]) // 100 for hour in range(hours))
        capped = self.offering == "bronze" or self.number == 4 or (self.number == 16 and at < START + 40 * HOUR)
        return {
            "vm_id": self.vm_id, "vm_name": f"web-{self.number}", "device": "vda", "volume_id": self.volume_id,
            "state": "ok", "epoch": self.vm_id, "sampled_at": at, "cap_total_iops": 300 if capped else None,
            "read_ops": done * 2 // 3, "write_ops": done - done * 2 // 3, "read_bytes": done * 4096,
            "write_bytes": done * 2048,
        }  # fmt: skip

    def allocation(self, at: datetime) -> Row:
        limits = {"gold": {"min_iops": 1000, "max_iops": 2000}, "silver": {"max_iops": 500}}.get(self.offering, {})
        if self.number == 8 and at >= START + 30 * HOUR:
            limits["min_iops"] = 400
        return {"volume_id": self.volume_id, "pool_id": "pool-1", "backend": "array", "size_bytes": 2**30 * 50,
                "min_enforced": True, "attached_count": 1, **limits}  # fmt: skip

    def sold(self) -> Row:
        limits = {
            "gold": {"sold_min_iops": 1000, "sold_max_iops": 2000},
            "silver": {"sold_max_iops": 500},
            "bronze": {"sold_cap_total_iops": 300},
        }.get(self.offering, {})
        return {
            "volume_id": self.volume_id, "volume_name": f"data-{self.number}", "vm_id": self.vm_id,
            "account_id": self.account, "account_name": ACCOUNTS[self.account], "offering_id": self.offering,
            "offering_name": OFFERINGS[self.offering], "pool_id": "pool-1", "size_bytes": 2**30 * 50, **limits,
        }  # fmt: skip


_DAILY = [(-60, -60, -65, -70, -60, -30, 10, 60, 90, 80, 40, 20)[hour % 12] for hour in range(24)]


def runs_of(volumes: list[Planted], hour: int) -> list[Run]:
    """Give the runs of an hour: the host's, but for an outage and a failure, and every six hours the others'."""
    at = START + hour * HOUR
    found = []
    if not 33 <= hour < 38:
        found.append(a_run(*(each.sample(at) for each in volumes), source="kvm-01", at=at))
    if hour % 6 == 0:
        rows = [each.allocation(at) for each in volumes]
        found.append(a_run(source="array", kind="storage", at=at, tables={"provisioned_iops": rows}))
        told = [each.sold() for each in volumes if each.number != 11]
        found.append(a_run(source="shop", kind="controlplane", at=at, tables={"entitlement": told}))
    return found


def new_lake(directory: Path, volume_count: int = 24, hours: int = 48, *, rated: bool = True) -> Path:
    """Make the lake: collected, built, checked each day, and rated by ``rates.toml`` beside it."""
    lake = directory / "lake"
    layout.create(lake)
    (lake / layout.SETTINGS).write_text(SETTINGS, encoding="utf-8")
    volumes = [Planted(number) for number in range(volume_count)]
    for hour in range(hours + 1):
        for run in runs_of(volumes, hour):
            write_run(lake, run)
        if hour % 24 == 23 and hour > hours - 48:
            assert ioledger(lake, "check", now=START + hour * HOUR + HOUR / 2) == 1
    until = START + hours * HOUR
    assert ioledger(lake, "usage", "build", "--from", START.isoformat(), "--to", until.isoformat(), now=until) == 0
    if rated:
        write(directory, _PRICES)
        assert ioledger(lake, "rate", "--period", PERIOD, "--rate-card", str(directory / "rates.toml"), now=until) == 3
    return lake
