"""Volumes of SolidFire, or Element software: what they are set to, and what the cluster counted of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from collectors.remote.unread import Unread
from collectors.storage.solidfire_check import examine
from collectors.storage.solidfire_client import Element
from collectors.storage.solidfire_listing import list_volumes
from collectors.storage.solidfire_rows import (
    alias_rows,
    cluster_of,
    identities,
    pool_rows,
    provisioned_rows,
    statistics_rows,
)
from collectors.storage.solidfire_settings import SolidfireSettings
from ioledger.errors import IoledgerError
from ioledger.model.records import Reading

if TYPE_CHECKING:
    from collectors.source import Occasion
    from ioledger.clock import Clock
    from ioledger.health.check import Check
    from ioledger.model.records import Kind


class SolidfireSource:
    """One cluster, as ``Settings`` names it; between runs it keeps its connection."""

    Settings: ClassVar[type[SolidfireSettings]] = SolidfireSettings
    kind: ClassVar[Kind] = "storage"

    def __init__(self, settings: SolidfireSettings) -> None:
        self.longest_run_seconds = settings.run_seconds
        self._settings = settings
        self._element: Element | None = None

    def read(self, occasion: Occasion) -> Reading:  # noqa: ARG002 - settings hold now, and statistics bear the cluster's time
        """List the volumes, their limits and their counters.

        Raises SourceError where the cluster cannot be reached, refuses, or its volumes cannot be listed
        at all. What else could not be read is named in ``Reading.error``.
        """
        try:
            return self._read(self._connected())
        except IoledgerError:
            self.close()  # the password may be another one at the next run
            raise

    def _read(self, element: Element) -> Reading:
        unread = Unread()
        cluster = cluster_of(element)
        volumes = list_volumes(element, unread)
        named = identities(volumes, cluster, self._settings.volume_id, unread)
        return Reading(
            {
                "provisioned_iops": list(provisioned_rows(element, volumes, named, cluster, unread)),
                "volume_alias": list(alias_rows(volumes, named, unread)),
                "storage_pool": list(pool_rows(element, cluster, unread)),
                "volume_io_stat": list(statistics_rows(element, named, unread)),
            },
            error=unread.sentence(),
        )

    def examine(self, clock: Clock) -> list[Check]:
        """See whether the cluster answers, takes our credentials and lets us read, and how it is."""
        return examine(self._connected(), self._settings, clock)

    def _connected(self) -> Element:
        if self._element is None:
            self._element = Element(self._settings)
        self._element.begin(self.longest_run_seconds)
        return self._element

    def close(self) -> None:
        """Let go of the connection."""
        if self._element is not None:
            self._element.close()
            self._element = None
