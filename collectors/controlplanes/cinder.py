"""Volumes of OpenStack Cinder: what was sold to whom, by volume type and QoS spec."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

from collectors.controlplanes.cinder_check import examine
from collectors.controlplanes.cinder_client import Cinder, CinderError
from collectors.controlplanes.cinder_limits import keys_not_understood
from collectors.controlplanes.cinder_lists import Types, list_pools, list_projects, list_specs, list_volumes
from collectors.controlplanes.cinder_rows import Entitlements, pool_rows
from collectors.controlplanes.cinder_settings import CinderSettings
from collectors.remote.unread import Unread
from ioledger.errors import SourceError
from ioledger.model.records import Reading

if TYPE_CHECKING:
    from collectors.source import Occasion
    from ioledger.clock import Clock
    from ioledger.health.check import Check
    from ioledger.model.records import Kind

_log = logging.getLogger(__name__)


class CinderSource:
    """The Cinder of one region, as ``Settings`` names it; each run logs in anew."""

    Settings: ClassVar[type[CinderSettings]] = CinderSettings
    kind: ClassVar[Kind] = "controlplane"

    def __init__(self, settings: CinderSettings) -> None:
        self.longest_run_seconds = settings.run_seconds
        self._settings = settings
        self._told: list[str] = []

    def read(self, occasion: Occasion) -> Reading:  # noqa: ARG002 - Cinder says what holds, not when
        """List QoS specs, types, pools and the volumes of all projects.

        Raises SourceError where OpenStack cannot be reached, refuses, does not show everything, or one of
        the lists cannot be read at all. A volume whose page, type or spec could not be read has no row and
        is named in ``Reading.error``: what was known of it before holds on.
        """
        cinder = Cinder(self._settings)
        try:
            return self._read(cinder)
        except CinderError as error:
            raise SourceError(error.sentence()) from error
        finally:
            cinder.close()

    def _read(self, cinder: Cinder) -> Reading:
        unread = Unread()
        specs = list_specs(cinder, unread)
        self._tell(keys_not_understood(specs.values()))
        types = Types(cinder, specs, unread)
        pools = list_pools(cinder, unread) or []
        sold = Entitlements(specs, list_projects(cinder) or {}, self._settings.volume_id)
        entitlements, aliases = list_volumes(cinder, types, sold, unread)
        return Reading(
            {"entitlement": entitlements, "volume_alias": aliases, "storage_pool": list(pool_rows(pools))},
            error=unread.sentence(),
        )

    def _tell(self, keys: list[str]) -> None:
        """Name keys that nobody here understands, and that sell nothing, when they are others than at the last run."""
        if keys and keys != self._told:
            _log.warning("Cinder: keys of QoS specs that are not understood, and sell nothing: %s", ", ".join(keys))
        self._told = keys

    def examine(self, clock: Clock) -> list[Check]:
        """See who OpenStack takes us for, whether everything is shown, the clock, and keys of QoS specs."""
        cinder = Cinder(self._settings)
        try:
            return examine(cinder, clock)
        except CinderError as error:
            raise SourceError(error.sentence()) from error
        finally:
            cinder.close()

    def close(self) -> None:
        """Nothing is kept between runs."""
