"""What volumes refer to: the offerings that sell, the accounts that pay, and the cloud's default rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.controlplanes.cloudstack_client import CloudStackError
from collectors.controlplanes.cloudstack_limits import DEFAULTS_PREFIX, RATES, default_of, offering_of, text
from collectors.controlplanes.cloudstack_lists import ListOf, listed
from collectors.controlplanes.cloudstack_volumes import Sold
from collectors.remote.unread import Unread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.controlplanes.cloudstack_client import CloudStackClient
    from collectors.controlplanes.cloudstack_limits import Offering


def read_defaults(client: CloudStackClient) -> dict[str, int]:
    """Read the rates that apply where an offering has none, by column.

    Raises CloudStackError unless all of them can be read: without one, nobody knows any volume's caps.
    """
    unread = Unread()
    what = ListOf("listConfigurations", "configuration", default_of, {"keyword": DEFAULTS_PREFIX}, identity="name")
    values, _ = listed(client, what, unread)
    for _, name in RATES.values():
        if name not in values:
            why = unread.sentence() or "listConfigurations does not show it"
            raise CloudStackError(f"the global setting {name} cannot be read: {why}", "use the keys of a root admin")
    return {column: values[name] for column, (_, name) in RATES.items() if values[name] > 0}


def read_sold(client: CloudStackClient, defaults: Mapping[str, int], unread: Unread) -> Sold:
    """Read offerings and accounts; what could not be read is noted."""
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
