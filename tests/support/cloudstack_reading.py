"""Reads a cloud that a test describes, as a run of the source does."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cloudstack_site import ENVIRONMENT, CloudStackSite

from collectors.controlplanes.cloudstack import CloudStackSource
from collectors.source import Occasion
from ioledger.clock import SystemClock
from ioledger.config import validated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudstack_server import CloudStackServer

    from ioledger.health.check import Check
    from ioledger.model.records import Reading


class Reader:
    """Reads what a server has; ``settings`` may be changed between runs."""

    def __init__(self, server: CloudStackServer, page_size: int = 500) -> None:
        self.server = server
        self.settings = {**CloudStackSite(server, page_size).settings, "requests_per_second": 1000}

    def source(self) -> CloudStackSource:
        return CloudStackSource(validated(CloudStackSource.Settings, dict(self.settings), "sources.cloud"))

    def read(self) -> Reading:
        return self.source().read(Occasion(SystemClock()))

    def entitlements(self) -> dict[str, dict[str, Any]]:
        return {str(row["volume_id"]): dict(row) for row in self.read().tables["entitlement"]}

    def checks(self) -> dict[str, Check]:
        return {check.name: check for check in self.source().examine(SystemClock())}


@contextmanager
def keys_in_environment() -> Iterator[None]:
    """Have the keys where the settings look for them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield
