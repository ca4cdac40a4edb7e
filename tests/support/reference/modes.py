"""Policy modes: which side counts where storage and hypervisor both limit a disk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reference.split import BASE_CAPS, rule_10_is_provisioned, rule_10_is_throttled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reference.facts import Row, Settings
    from reference.in_force import InForce
    from reference.windows import Window

LEVELS_OF_THE_STORAGE = ("min_iops", "max_iops", "burst_iops")


def pool_of(in_force: InForce) -> str | None:
    """Return the allocation's pool where set, else the entitlement's."""
    pool: str | None = in_force.allocation.get("pool_id")
    return in_force.entitlement.get("pool_id") if pool is None else pool


def policy_mode(settings: Settings, window: Window, in_force: InForce) -> str:
    """Return the mode at the start of a window: that of the first exception that matches, else the general one."""
    names = {
        "offering_id": in_force.entitlement.get("offering_id"),
        "pool_id": pool_of(in_force),
        "account_id": in_force.entitlement.get("account_id"),
    }
    for exception in settings.at("policy_modes", window.start):
        if all(names[key] == wanted for key, wanted in exception.items() if key != "mode"):
            return str(exception["mode"])
    return str(settings.at("policy_mode", window.start))


def what_counts(
    settings: Settings, window: Window, in_force: InForce, caps: Sequence[Row]
) -> tuple[InForce, Sequence[Row]]:
    """Return what is in force and the caps, the losing side as if it were not set where both are."""
    is_capped = any(rule_10_is_throttled(cap) for cap in caps)
    if rule_10_is_provisioned(in_force.allocation) and is_capped:
        mode = policy_mode(settings, window, in_force)
        if mode == "storage_wins":
            return in_force, [{**cap, **dict.fromkeys(BASE_CAPS)} for cap in caps]
        if mode == "hypervisor_wins":
            unset = {**in_force.allocation, **dict.fromkeys(LEVELS_OF_THE_STORAGE)}
            return replace(in_force, allocation=unset), caps
    return in_force, caps
