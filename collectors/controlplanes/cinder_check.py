"""What `doctor` looks at: who asks, whether everything is shown, whether the clocks agree, and QoS specs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from collectors.controlplanes.cinder_client import CinderError
from collectors.controlplanes.cinder_limits import keys_not_understood
from collectors.controlplanes.cinder_lists import (
    MAKE_ADMINISTRATOR,
    NO_ADMINISTRATOR,
    list_pools,
    list_projects,
    list_specs,
)
from collectors.controlplanes.cinder_rows import HOST, QOS_SPEC
from collectors.remote.clocks import clock_check, header_time
from collectors.remote.unread import Unread
from ioledger.errors import counted
from ioledger.health.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import Response

    from collectors.controlplanes.cinder_client import Cinder
    from ioledger.clock import Clock

_VERSION: Final = "OpenStack-API-Version"


def examine(cinder: Cinder, clock: Clock) -> list[Check]:
    """Look at everything that a run reads, a first item of long lists; raises CinderError where nobody answers."""
    answer = cinder.response("/types", {"is_public": "None", "limit": "1"}, microversion="latest")
    version = answer.headers.get(_VERSION, "of unknown version")
    checks = [Check("connection", f"Cinder's API, {version}")]
    checks += _clock(answer, clock)
    checks.append(_rights(cinder))
    if checks[-1].mend is None:
        checks += _specs(cinder)
        checks += _optional(cinder)
    return checks


def _clock(answer: Response, clock: Clock) -> Iterator[Check]:
    if (at := header_time(answer.headers.get("Date"))) is not None:
        yield clock_check(clock.now(), at, "Cinder", "set the clock, by NTP or chrony")


def _rights(cinder: Cinder) -> Check:
    lists: tuple[tuple[str, str, dict[str, str], str | None], ...] = (
        ("/qos-specs", "qos_specs", {}, None),
        ("/types", "volume_types", {"is_public": "None"}, QOS_SPEC),
        ("/volumes/detail", "volumes", {"all_tenants": "1"}, HOST),
    )
    for path, key, query, needed in lists:
        try:
            items = cinder.get(path, {**query, "limit": "1"}).get(key) or []
        except CinderError as error:
            if not error.is_refused:
                raise
            return Check("rights", f"{NO_ADMINISTRATOR} ({error})", MAKE_ADMINISTRATOR)
        if needed is not None and any(needed not in item for item in items):
            return Check("rights", NO_ADMINISTRATOR, MAKE_ADMINISTRATOR)
    return Check("rights", "QoS specs, types and the volumes of all projects are shown")


def _specs(cinder: Cinder) -> Iterator[Check]:
    specs = list_specs(cinder, Unread()).values()
    yield Check("QoS specs", counted(len(specs), "spec"))
    if keys := keys_not_understood(specs):
        mend = "correct them, or see docs/cinder.md: nothing is sold by what is not understood"
        yield Check("QoS specs", f"keys that are not understood: {', '.join(keys)}", mend)


def _optional(cinder: Cinder) -> Iterator[Check]:
    """Look at what a run does without."""
    unread = Unread()
    pools = list_pools(cinder, unread)
    told = unread.sentence() or "may not be listed, so storage_pool has no rows"
    yield Check("pools", told if pools is None else counted(len(pools), "pool"))
    projects = list_projects(cinder)
    told = "cannot be asked of Keystone, so account_name stays NULL"
    yield Check("names of projects", told if projects is None else counted(len(projects), "project"))
