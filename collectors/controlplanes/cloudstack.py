"""Volumes of Apache CloudStack: what was sold to whom, by offerings and the cloud's default rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from collectors.controlplanes.cloudstack_check import examine
from collectors.controlplanes.cloudstack_client import CloudStackClient, CloudStackError
from collectors.controlplanes.cloudstack_lists import ListOf, listed
from collectors.controlplanes.cloudstack_pools import pool_of
from collectors.controlplanes.cloudstack_settings import CloudStackSettings
from collectors.controlplanes.cloudstack_sold import read_defaults, read_sold
from collectors.controlplanes.cloudstack_volumes import Volumes, aliases_of, each_once
from collectors.remote.unread import Unread
from ioledger.errors import SourceError, counted
from ioledger.model.records import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.controlplanes.cloudstack_pools import Pool
    from collectors.controlplanes.cloudstack_volumes import Volume
    from collectors.source import Occasion
    from ioledger.clock import Clock
    from ioledger.health.check import Check
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
        defaults = read_defaults(client)
        pools, _ = listed(client, ListOf("listStoragePools", "storagepool", pool_of), unread)
        volumes = self._volumes(client, pools, unread)
        # What volumes refer to is read after them, so that it is there as well where it is new.
        sold = read_sold(client, defaults, unread)
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
