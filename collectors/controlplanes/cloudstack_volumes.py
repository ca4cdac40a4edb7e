"""Rows of volumes: what was sold, to whom, and by which names hypervisors know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from collectors.controlplanes.cloudstack_client import moment
from collectors.controlplanes.cloudstack_limits import (
    RATES,
    RIGHT_IN_VOLUMES,
    caps,
    iops_of,
    limit,
    set_only,
    text,
    whole,
)
from collectors.remote.unread import shortened
from collectors.volume_rules import first_match
from ioledger.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from collectors.controlplanes.cloudstack_limits import Offering
    from collectors.controlplanes.cloudstack_pools import Pool
    from collectors.controlplanes.cloudstack_settings import CloudStackVolumeRule
    from ioledger.model.records import Row

NOT_SOLD: Final = frozenset(
    (
        "Destroy", "Destroying", "Expunging", "Expunged",
        "UploadOp", "NotUploaded", "UploadInProgress", "UploadError", "UploadAbandoned", "Uploaded", "Copying",
        "Uploading", "UploadNotStarted",
    )
)  # fmt: skip
"""States without usage in CloudStack itself: its record of a volume ends when it is destroyed (VOLUME.DELETE),
though it can be recovered from then on, and does not begin before an upload lies on primary storage. Sources:
com.cloud.storage.Volume.State and VolumeStateListener; the last two are what VolumeJoinDaoImpl tells for UploadOp."""

SERIAL_LENGTH: Final = 20
"""How much of a volume's id, without dashes, KVM hosts give a disk as its serial (LibvirtComputingResource)."""

_COLUMNS: Final[Mapping[str, str]] = {
    "name": "volume_name",
    "virtualmachineid": "vm_id",
    "account": "account_name",
    "domainid": "domain_id",
    "projectid": "project_id",
    "storageid": "pool_id",
    "zoneid": "zone_id",
    "state": "state",
}
"""By key of listVolumes: the column that holds it as it is."""

_OFFERINGS: Final = (("diskofferingid", "diskofferingname"), ("serviceofferingid", "serviceofferingname"))
"""Where an offering is named: a root disk has its machine's unless it was given another."""


class Volume(NamedTuple):
    """What was read of a volume: its row, which ``Sold`` completes, and its aliases."""

    row: dict[str, Any]
    aliases: tuple[Row, ...]


class Volumes:
    """Reads volumes, of which ``pools`` are known by their ids, and names them by ``rules``."""

    def __init__(self, pools: Mapping[str, Pool], rules: list[CloudStackVolumeRule]) -> None:
        self._pools = pools
        self._rules = rules
        self._same: dict[str, str] = {}

    def take(self, item: Mapping[str, Any]) -> Volume | None:
        """Read a volume; None for one that is not sold (any more). Raises ValueError for a figure that is none."""
        if text(item, "state") in NOT_SOLD:
            return None
        found = first_match(self._rules, item)
        volume_id: str = item["id"] if found is None else found.volume_id
        row: dict[str, Any] = {"volume_id": volume_id}
        for key, column in _COLUMNS.items():
            if value := text(item, key):
                row[column] = self._once(value)
        for key, name in _OFFERINGS:
            if value := text(item, key):
                row["offering_id"] = self._once(value)
                if title := text(item, name):
                    row["offering_name"] = self._once(title)
                break
        own = {"size_bytes": whole(item, "size"), **{name: limit(item, RATES[name][0]) for name in RIGHT_IN_VOLUMES}}
        row |= set_only(own) | iops_of(item)
        return Volume(row, tuple(self._aliases(item, volume_id)))

    def _once(self, text: str) -> str:
        """Return one and the same object for equal texts: most volumes share them."""
        return self._same.setdefault(text, text)

    def _aliases(self, item: Mapping[str, Any], volume_id: str) -> Iterable[Row]:
        created = moment(item.get("created"))
        if created is None:
            return
        serial = item["id"].replace("-", "")[:SERIAL_LENGTH]
        yield _alias("serial", serial, volume_id, created)
        pool = self._pools.get(text(item, "storageid") or "")
        if pool is not None and item.get("hypervisor") == "KVM":
            path = pool.source_path(text(item, "path") or "")
            if path is not None:
                yield _alias("path", path, volume_id, created)


def _alias(namespace: str, alias: str, volume_id: str, valid_from: datetime) -> Row:
    return {"namespace": namespace, "alias": alias, "volume_id": volume_id, "valid_from": valid_from}


class Sold(NamedTuple):
    """What volumes refer to: offerings by id, ids of accounts by name and domain, and the cloud's default rates.

    ``has_all_offerings`` and ``has_all_accounts`` tell whether those lists could be read whole.
    """

    offerings: Mapping[str, Offering]
    accounts: Mapping[tuple[str, str], str]
    defaults: Mapping[str, int]
    has_all_offerings: bool
    has_all_accounts: bool

    def complete(self, row: dict[str, Any]) -> bool:
        """Give a row its account and its limits; False where what it needs could not be read."""
        account = (row.get("account_name", ""), row.get("domain_id", ""))
        if account in self.accounts:
            row["account_id"] = self.accounts[account]
        elif row.get("account_name") and not self.has_all_accounts:
            return False
        own_rates: dict[str, Any] = {name: row.pop(name) for name in RIGHT_IN_VOLUMES if name in row}
        offering = self.offerings.get(row.get("offering_id", ""))
        if offering is not None:
            row |= caps(offering.rates, self.defaults)
            if not offering.has_own_iops:
                row.pop("sold_min_iops", None)
                row.pop("sold_max_iops", None)
                row |= offering.iops
        elif not self.has_all_offerings:
            return False
        else:
            row |= own_rates
        return True


def each_once(volumes: Mapping[str, Volume]) -> None:
    """Raise ConfigurationError where rules give two volumes one identity: then neither can be billed."""
    first: dict[str, str] = {}
    for native_id, volume in volumes.items():
        other = first.setdefault(volume.row["volume_id"], native_id)
        if other != native_id:
            raise ConfigurationError(
                f"the volumes {shortened(other)} and {shortened(native_id)} of CloudStack both become "
                f"{volume.row['volume_id']!r} by the rules in volume_id; make the rules tell them apart"
            )


def aliases_of(volumes: Iterable[Volume]) -> list[Row]:
    """List the aliases that mean one volume; a name that two volumes have says nothing, and is left out."""
    meant: dict[tuple[object, object], Row | None] = {}
    for volume in volumes:
        for alias in volume.aliases:
            name = alias["namespace"], alias["alias"]
            meant[name] = None if name in meant else alias
    return [alias for alias in meant.values() if alias is not None]
