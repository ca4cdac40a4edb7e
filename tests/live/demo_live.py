"""`make demo-live`: two capped guests under QEMU's software emulation, metered for a minute.

Everything that runs is real: libvirt, QEMU, two small Linux guests that read and write without
pause, and the `ioledger` command. What was collected stays in .cache/demo-live for a look around.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from ioledger import open as open_lake

CHECKOUT = Path(__file__).parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "support"))

from live_guests import Guest, LiveHost, live_host  # noqa: E402 - the line above says where it is

DIRECTORY = CHECKOUT / ".cache" / "demo-live"
IOLEDGER = Path(sys.executable).parent / "ioledger"
METERED_SECONDS = 60
BEAT = "5s"

WEB = Guest("web", "vol-web", caps={"read_iops_sec": 100, "write_iops_sec": 50})
DB = Guest("db", "vol-db", caps={"total_iops_sec": 200})

HEADINGS = (
    "capped by the hypervisor at",
    "observed between samples",
    "at its cap for",
    "class",
    "operations",
    "of these guaranteed",
    "of these throttled",
)

CONFIGURATION = """\
lake = "lake"

[sources.kvm-a]
type = "libvirt"
uri = "{uri}"
volume_id = [{{ from = "serial" }}]

[sources.array-a]
type = "storage-inventory"
provisioned_iops = "array.csv"

[sources.shop]
type = "controlplane-inventory"
entitlement = "sold.csv"
"""

ARRAY = """\
volume_id,pool_id,min_iops,max_iops,min_enforced
vol-db,gold,500,1000,true
"""

SOLD = """\
volume_id,account_id,account_name,offering_id,sold_min_iops
vol-web,acme,Acme Ltd,bronze,
vol-db,acme,Acme Ltd,gold,500
"""


def main() -> None:
    """Boot, meter, judge, account, and say what came out."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    ioledger("init")
    (DIRECTORY / "array.csv").write_text(ARRAY, encoding="utf-8")
    (DIRECTORY / "sold.csv").write_text(SOLD, encoding="utf-8")
    tell("Starting a private libvirt, and two guests without hardware acceleration ...")
    with live_host() as host:
        (DIRECTORY / "ioledger.toml").write_text(CONFIGURATION.format(uri=host.uri), encoding="utf-8")
        vm_ids = {guest.name: host.define(guest) for guest in (WEB, DB)}
        ioledger("collect")
        for guest in (WEB, DB):
            host.virsh("start", guest.name)
        for guest in (WEB, DB):
            host.wait_for_ops(guest.name, 100)
        meter(host)
    ioledger("usage", "build")
    usage = json.loads(ioledger("usage", "show", "--by", "vm", "--format", "json"))
    rows = {row["vm_id"]: row for row in usage}
    table = Table("", *vm_ids)
    told = [summary(guest, rows[vm_ids[guest.name]], observed_rates(vm_ids[guest.name])) for guest in (WEB, DB)]
    for line in zip(HEADINGS, *told, strict=True):
        table.add_row(*line)
    Console().print(table)
    tell("`ioledger check` says:")
    for finding in json.loads(ioledger("check", "--format", "json", expected=(0, 1))):
        tell(f"  {finding['code']} ({finding['severity']}): {finding['reason']}")
    tell(f"\nLook around: {' '.join(command('usage', 'show', '--by', 'volume'))}")


def meter(host: LiveHost) -> None:
    """Let `ioledger collect` keep its beat for a minute; sample once more with the guests at rest."""
    tell(f"Both are up. Collecting every {BEAT} for {METERED_SECONDS} s ...")
    with subprocess.Popen([*command("collect"), "--every", BEAT], stderr=subprocess.DEVNULL) as collector:
        time.sleep(METERED_SECONDS)
        collector.send_signal(signal.SIGTERM)
    for guest in (WEB, DB):
        host.virsh("suspend", guest.name)
    ioledger("collect")
    for guest in (WEB, DB):
        tell(f"  QEMU itself has counted {host.truth(guest.name).ops} operations of {guest.name}.")


def summary(guest: Guest, row: dict[str, Any], rates: list[float]) -> list[str]:
    """Say of one guest: its cap, what it did, and what that counts as."""
    caps = " and ".join(f"{cap} IOPS {name.removesuffix('_iops_sec')}" for name, cap in guest.caps.items())
    return [
        caps,
        f"{median(rates):.0f} IOPS in the median, {max(rates):.0f} at most",
        f"{Decimal(row['at_cap_seconds']):.0f} of {Decimal(row['observed_seconds']):.0f} s, starting up included",
        row["qos_class"],
        str(row["read_ops"] + row["write_ops"]),
        str(row["guaranteed_ops"]),
        str(row["throttled_ops"]),
    ]


def observed_rates(vm_id: str) -> list[float]:
    """Return the operations per second between samples, but for the first interval, in which the guest started."""
    with open_lake(DIRECTORY / "lake") as lake:
        intervals = lake.intervals().filter(f"vm_id = '{vm_id}' AND resets = 0")
        return [ops * 1e6 / us for ops, us in intervals.project("read_ops + write_ops, duration_us").fetchall()]


def ioledger(*arguments: str, expected: tuple[int, ...] = (0,)) -> str:
    """Run the command and return its output; an exit code that is not expected ends the demonstration."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, check=False)
    if done.returncode not in expected:
        sys.exit(done.stderr)
    return done.stdout


def command(*arguments: str) -> list[str]:
    """Return the command line of ioledger on the demonstration's configuration."""
    return [str(IOLEDGER), "--config", str(DIRECTORY / "ioledger.toml"), *arguments]


def tell(text: str) -> None:
    """Say what goes on."""
    click.echo(text)


if __name__ == "__main__":
    main()
