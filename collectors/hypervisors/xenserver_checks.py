"""What `doctor` says of a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from collectors.hypervisors.xenserver_inventory import by_host, hosts_of, listing_of
from collectors.hypervisors.xenserver_pool import NoAnswerError
from collectors.hypervisors.xenserver_rrd import MINUTE, Disk
from collectors.hypervisors.xenserver_windows import STEP_SECONDS, statistics_of
from collectors.remote.clocks import MOST_SKEW_OF_SAMPLES, clock_check
from collectors.remote.unread import Unread
from ioledger.errors import counted
from ioledger.health.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collectors.hypervisors.xenserver_inventory import Host, Machine
    from collectors.hypervisors.xenserver_pool import Pool
    from ioledger.clock import Clock

_ONE_CLOCK: Final = "set both clocks by NTP; minutes are filed by the host's"

_OPERATIONS: Final = {"read_ops", "write_ops"}


def checks(pool: Pool, clock: Clock) -> list[Check]:
    """Look at the connection, the rights, and each host's clock and statistics; raises SourceError."""
    pool.begin()
    found = [_connection(pool), _rights(pool)]
    unread = Unread()
    listing = listing_of(pool, (), unread)
    if reason := unread.sentence():
        found.append(Check("disks", reason, "look at the VM's disks in the pool"))
    hosts = dict(by_host(listing.machines))
    if not hosts:
        found.append(Check("statistics", "no VM with a disk is up, so there are none to look at"))
    for host, machines in hosts.items():
        found += _host(pool, host, machines, clock)
    return found


def _connection(pool: Pool) -> Check:
    """Tell the version of the coordinator; raises NoAnswerError."""
    hosts = hosts_of(pool)
    (coordinator,) = (record["master"] for record in pool.records("pool").values())
    record = pool.ask("host.get_record", coordinator)
    software = record["software_version"]
    product = " ".join(software.get(key, "") for key in ("product_brand", "product_version")).strip()
    version = f"{record['API_version_major']}.{record['API_version_minor']}"
    told = f"{pool.coordinator.url} is {product}, API {version}, coordinator of {counted(len(hosts), 'host')}"
    return Check("connection", told)


def _rights(pool: Pool) -> Check:
    is_superuser = pool.ask("session.get_is_local_superuser", pool.session)
    return Check(
        "rights", "the user may do everything; read-only is enough" if is_superuser else "the lists can be read"
    )


def _host(pool: Pool, host: Host, machines: Sequence[Machine], clock: Clock) -> Iterator[Check]:
    try:
        told = pool.time_of(host.ref)
        yield clock_check(clock.now(), told, host.name, _ONE_CLOCK, MOST_SKEW_OF_SAMPLES)
        minute = int(told.timestamp()) // MINUTE * MINUTE
        statistics = statistics_of(pool, host, STEP_SECONDS, minute - MINUTE, minute)
    except NoAnswerError as error:
        yield Check("statistics", error.reason, error.mend)
        return
    plugged = [Disk(each.vm_id, disk.device) for each in machines for disk in each.disks if disk.is_plugged]
    whole = [disk for disk in plugged if statistics.counted.get(disk, set()) >= _OPERATIONS]
    found = f"{host.name} counts the operations of {len(whole)} of {counted(len(plugged), 'disk')}"
    missing = [disk for disk in plugged if disk not in whole]
    mend = (
        f"have it record vbd_{missing[0].device}_iops_read and _iops_write of VM {missing[0].vm_id}, with "
        if missing
        else ""
    )
    yield Check("statistics", found, f"{mend}xe vm-data-source-record" if missing else None)
