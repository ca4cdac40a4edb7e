"""What `doctor` looks at: login, version, rights, clock and health of a cluster.

Source of names and of who may call what: GetClusterInfo, GetAPI, ListClusterFaults, GetDefaultQoS,
GetCurrentClusterAdmin and "Access control" of the Element API reference
(https://docs.netapp.com/us-en/element-software/api/).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from collectors.remote.clocks import clock_check, header_time
from collectors.storage.solidfire_client import MEND_RIGHTS, ElementError
from collectors.storage.solidfire_listing import limits_of
from collectors.storage.solidfire_rows import cluster_of
from collectors.storage.solidfire_values import OddValueError
from ioledger.errors import counted
from ioledger.health.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from collectors.storage.solidfire_client import Element
    from collectors.storage.solidfire_settings import SolidfireSettings
    from ioledger.clock import Clock

NEEDED: Final[Mapping[str, Mapping[str, object]]] = {
    "ListActiveVolumes": {"startVolumeID": 0, "limit": 1},
    "GetClusterCapacity": {},
    "ListVolumeStatsByVolume": {},
}
"""What a run calls beside GetClusterInfo, and how it is tried."""

_SERIOUS: Final = ("critical", "error")


def examine(element: Element, settings: SolidfireSettings, clock: Clock) -> list[Check]:
    """Look at everything; SourceError where the cluster does not even say who it is."""
    cluster = cluster_of(element)
    found = f"{settings.username} reads the cluster {cluster.name} ({cluster.unique_id})"
    return [
        Check("login", found),
        *_version(element, settings.api_version),
        *_rights(element),
        *_clock(element, clock),
        *_health(element),
        *_defaults(element),
    ]


def _version(element: Element, asked: str) -> Iterator[Check]:
    try:
        told = element.ask("GetAPI")
    except ElementError as error:
        yield Check("version", f"asked for {asked}; which others there are is not told ({error.reason})")
        return
    supported = told.get("supportedVersions")
    found = f"{asked} of a cluster with {told.get('currentVersion')}"
    if isinstance(supported, list) and asked not in map(str, supported):
        yield Check("version", found, "set api_version to one that the cluster supports")
    else:
        yield Check("version", found)


def _rights(element: Element) -> Iterator[Check]:
    for method, parameters in NEEDED.items():
        try:
            element.ask(method, **parameters)
        except ElementError as error:
            yield Check("rights", error.reason, error.mend)
        else:
            yield Check("rights", f"{method} is allowed")
    try:
        element.ask("ListQoSPolicies")
    except ElementError as error:
        yield Check("rights", f"{error.reason}; a run asks only where a volume does not tell its own QoS")
    else:
        yield Check("rights", "ListQoSPolicies is allowed")


def _clock(element: Element, clock: Clock) -> Iterator[Check]:
    if (at := header_time(element.date)) is not None:
        mend = "set both clocks by NTP: the cluster's counters bear its time"
        yield clock_check(clock.now(), at, "the cluster", mend)


def _health(element: Element) -> Iterator[Check]:
    try:
        faults = element.ask("ListClusterFaults", faultTypes="current").get("faults")
    except ElementError as error:
        yield Check("health", error.reason, MEND_RIGHTS if error.is_denied else error.mend)
        return
    severities = [fault.get("severity") for fault in faults or [] if isinstance(fault, dict)]
    serious = [severity for severity in severities if severity in _SERIOUS]
    found = f"{counted(len(severities), 'fault')}, {len(serious)} of them serious"
    yield Check("health", found, "see the faults in the cluster's own alerts" if serious else None)


def _defaults(element: Element) -> Iterator[Check]:
    try:
        limits = limits_of(element.ask("GetDefaultQoS"))
    except (ElementError, OddValueError) as error:
        yield Check("defaults", str(error))
        return
    found = f"minimum {limits.min_iops}, maximum {limits.max_iops}, burst {limits.burst_iops} IOPS"
    yield Check("defaults", f"{found}: what a volume gets that is made without")
