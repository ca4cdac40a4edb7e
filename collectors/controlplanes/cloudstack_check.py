"""What `doctor` looks at: who answers, what the keys are shown, the size of pages, and the clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from collectors.controlplanes.cloudstack_client import CloudStackError, clock_in_words
from collectors.controlplanes.cloudstack_sold import read_defaults
from collectors.remote.clocks import MOST_SKEW
from ioledger.health.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.controlplanes.cloudstack_client import CloudStackClient

PAGE_SIZE_SETTING: Final = "default.page.size"


def examine(client: CloudStackClient) -> list[Check]:
    """Make a first request of everything that a run reads; raises CloudStackError where the login is refused."""
    capability = client.ask("listCapabilities").get("capability")
    version = capability.get("cloudstackversion") if isinstance(capability, dict) else None
    checks = [Check("connection", f"CloudStack {version or 'of unknown version'}")]
    checks += _clock(client)
    checks.append(_rights(client))
    if checks[-1].mend is None:
        checks.append(_page_size(client))
    return checks


def _clock(client: CloudStackClient) -> Iterator[Check]:
    if client.ahead is not None:
        is_near = abs(client.ahead) <= MOST_SKEW
        yield Check("clock", clock_in_words(client.ahead), None if is_near else "have both clocks set by NTP")


def _rights(client: CloudStackClient) -> Check:
    """See that the keys are a root admin's: to others volumes are shown without their pools and paths."""
    first = {"page": 1, "pagesize": 1}
    try:
        for command in ("listStoragePools", "listDiskOfferings", "listServiceOfferings", "listAccounts"):
            client.ask(command, listall=True, **first)
        read_defaults(client)
        volumes = client.ask("listVolumes", listall=True, **first).get("volume", [])
    except CloudStackError as error:
        return Check("rights", str(error), error.mend)
    if any("storage" not in volume for volume in volumes):
        return Check("rights", "volumes are shown without their pools", "use the keys of a root admin")
    return Check("rights", "volumes, pools, offerings, accounts and global settings are shown")


def _page_size(client: CloudStackClient) -> Check:
    answer = client.ask("listConfigurations", name=PAGE_SIZE_SETTING, page=1, pagesize=1)
    values = [setting.get("value") for setting in answer.get("configuration", [])]
    most = int(values[0]) if values and str(values[0]).isdigit() else None
    if most is not None and most < client.page_size:
        found = f"page_size is {client.page_size}, and the server allows {most}"
        return Check("page size", found, f"set page_size = {most}, or raise {PAGE_SIZE_SETTING} in CloudStack")
    return Check("page size", f"{client.page_size} items")
