"""Volumes of Apache CloudStack: what was sold to whom, by offerings and the cloud's default rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from collectors.controlplanes.cloudstack_check import examine
from collectors.controlplanes.cloudstack_client import CloudStackClient, CloudStackError
from collectors.controlplanes.cloudstack_limits import DEFAULTS_PREFIX, RATES, default_of, offering_of, text
from collectors.controlplanes.cloudstack_lists import ListOf, listed
from collectors.controlplanes.cloudstack_pools import pool_of
from collectors.controlplanes.cloudstack_settings import CloudStackSettings
from collectors.controlplanes.cloudstack_volumes import Sold, Volumes, aliases_of, each_once
from collectors.remote.unread import Unread
from ioledger.errors import SourceError, counted
from ioledger.model.records import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.controlplanes.cloudstack_limits import Offering
    from collectors.controlplanes.cloudstack_pools import Pool
    from collectors.controlplanes.cloudstack_volumes import Volume
    from collectors.source import Check, Occasion
    from ioledger.clock import Clock
    from ioledger.model.records import Kind, Row


class CloudStackSource:
    """One CloudStack, as ``Settings`` names it; nothing is kept between runs."""

    Settings: ClassVar[type[CloudStackSettings]] = CloudStackSettings
    kind: ClassVar[Kind] = "controlplane"

    def __init__(self, settings: CloudStackSettings) -> None:
        self.longest_run_seconds = settings.run_seconds
        self._settings = settings

    def read(self, occasion: Occasion) -> Reading:
        """List the volumes of all accounts and projects, and what they refer to.

        Raises SourceError where CloudStack cannot be reached, refuses, or one of the lists cannot be read at
        all, and ConfigurationError where rules give two volumes one identity. A volume whose page, offering
        or account could not be read has no row and is told in ``Reading.error``: what was known of it before
        holds on.
        """
        client = CloudStackClient(self._settings, occasion.clock)
        try:
            return self._read(client)
        except CloudStackError as error:
            raise SourceError(error.sentence()) from error
        finally:
            client.close()

    def _read(self, client: CloudStackClient) -> Reading:
        unread = Unread()
        defaults = _defaults(client, unread)
        pools, _ = listed(client, ListOf("listStoragePools", "storagepool", pool_of), unread)
        volumes = self._volumes(client, pools, unread)
        # What volumes refer to is read after them, so that it is there as well where it is new.
        sold = _sold(client, defaults, unread)
        rows: list[Row] = [volume.row for volume in volumes.values() if sold.complete(volume.row)]
        if left_out := len(volumes) - len(rows):
            unread.note(counted(left_out, "volume"), "the offering or the account was on a page that could not be read")
        return Reading(
            {
                "entitlement": rows,
                "storage_pool": [pool.row for pool in pools.values()],
                "volume_alias": aliases_of(volumes.values()),
            },
            error=unread.sentence(),
        )

    def _volumes(self, client: CloudStackClient, pools: Mapping[str, Pool], unread: Unread) -> dict[str, Volume]:
        """Read the volumes of accounts and those of projects; some versions list the former with the latter."""
        take = Volumes(pools, self._settings.volume_id).take
        volumes: dict[str, Volume] = {}
        for whose in ({"listall": True}, {"projectid": -1}):
            found, _ = listed(client, ListOf("listVolumes", "volume", take, whose, newest_first=True), unread)
            volumes |= found
        each_once(volumes)
        return volumes

    def examine(self, clock: Clock) -> list[Check]:
        """See who answers, whether the keys are let in and show everything, the size of pages, and the clocks."""
        client = CloudStackClient(self._settings, clock)
        try:
            return examine(client)
        except CloudStackError as error:
            raise SourceError(error.sentence()) from error
        finally:
            client.close()

    def close(self) -> None:
        """Nothing is kept between runs."""


def _defaults(client: CloudStackClient, unread: Unread) -> dict[str, int]:
    """Read the rates that apply where an offering has none, by column."""
    what = ListOf("listConfigurations", "configuration", default_of, {"keyword": DEFAULTS_PREFIX})
    values, is_whole = listed(client, what, unread)
    if not is_whole:
        raise CloudStackError(
            f"the global settings {DEFAULTS_PREFIX}* could not all be read: {unread.sentence()}",
            "correct them in CloudStack",
        )
    return {column: values[name] for column, (_, name) in RATES.items() if name in values}


def _sold(client: CloudStackClient, defaults: Mapping[str, int], unread: Unread) -> Sold:
    # An offering that was deleted is still that of its volumes; versions before 4.19 do not know the parameter.
    every = {"listall": True, "state": "all"}
    of_disks, has_all_of_disks = listed(client, ListOf("listDiskOfferings", "diskoffering", offering_of, every), unread)
    of_machines, has_all_of_machines = listed(
        client, ListOf("listServiceOfferings", "serviceoffering", _service_offering, every), unread
    )
    accounts, has_all_accounts = listed(
        client, ListOf("listAccounts", "account", _account, {"listall": True, "details": "min"}), unread
    )
    return Sold(
        offerings={
            # By either id: versions differ in which of the two a root volume names.
            **{disk_id: offering for disk_id, offering in of_machines.values() if disk_id},
            **{service_id: offering for service_id, (_, offering) in of_machines.items()},
            **of_disks,
        },
        accounts={names: account_id for account_id, names in accounts.items()},
        defaults=defaults,
        has_all_offerings=has_all_of_disks and has_all_of_machines,
        has_all_accounts=has_all_accounts,
    )


def _service_offering(item: Mapping[str, Any]) -> tuple[str | None, Offering]:
    return text(item, "diskofferingid"), offering_of(item)


def _account(item: Mapping[str, Any]) -> tuple[str, str]:
    return text(item, "name") or "", text(item, "domainid") or ""
