"""Rows of the lake from what Cinder answers; source of the fields: "Block Storage API V3", OpenStack."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from sys import intern
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from collectors.controlplanes.cinder_limits import Spec, limits_of
from collectors.volume_rules import first_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from collectors.volume_rules import VolumeRule
    from ioledger.model.records import Row

GIB: Final = 2**30
"""The unit of a volume's ``size``: Cinder says GB and hands units.Gi bytes to its drivers."""

HOST: Final = "os-vol-host-attr:host"
"""The pool of a volume, which only administrators are told (policy ``volume_extension:volume_host_attribute``)."""

QOS_SPEC: Final = "qos_specs_id"
"""The QoS spec of a type, which only administrators are told (``volume_extension:access_types_qos_specs_id``)."""

_TENANT: Final = "os-vol-tenant-attr:tenant_id"
_NAME_ID: Final = "os-vol-mig-status-attr:name_id"


class VolumeType(NamedTuple):
    """A volume type, which is what is sold; ``spec_id`` names its QoS spec."""

    id: str
    name: str
    spec_id: str | None
    extra_specs: Mapping[str, str]


class Project(NamedTuple):
    """What Keystone calls a project."""

    name: str
    domain_id: str | None


def spec_of(item: object) -> Spec:
    """Read one of ``qos_specs``; raises ValueError for what is none: as a spec without keys it would sell nothing."""
    if not isinstance(item, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - one exception for all that is none
    return Spec(str(item.get("name")), str(item.get("consumer")), _keys(item, "specs"))


def type_of(item: Mapping[str, Any]) -> VolumeType:
    """Read one of ``volume_types``; raises ValueError for what is none."""
    spec_id = item.get(QOS_SPEC)
    if spec_id is not None and not isinstance(spec_id, str):
        raise ValueError(f"its {QOS_SPEC} is {spec_id!r:.60}, which is no text")
    return VolumeType(item["id"], str(item.get("name")), spec_id, _keys(item, "extra_specs"))


def _keys(item: Mapping[str, Any], name: str) -> Mapping[str, str]:
    keys = item.get(name)
    if keys is None:
        return {}
    if not isinstance(keys, dict):
        raise ValueError(f"its {name} are {keys!r:.60}, which is no object")  # noqa: TRY004 - likewise
    return keys


class Entitlements:
    """Makes rows of volumes; what their types sell is worked out once for each type and size."""

    def __init__(self, specs: Mapping[str, Spec], projects: Mapping[str, Project], rules: Iterable[VolumeRule]) -> None:
        self._specs = specs
        self._projects = projects
        self._rules = list(rules)
        self._limits = cache(self._limits_of)
        self._types: dict[str, VolumeType] = {}

    def _limits_of(self, type_id: str | None, size_gib: int) -> dict[str, object]:
        if type_id is None:
            return {}
        sold = self._types[type_id]
        return limits_of(self._specs[sold.spec_id] if sold.spec_id else None, sold.extra_specs, size_gib)

    def identity(self, volume: Mapping[str, Any]) -> str:
        """Return what all sources are to call a volume: by a rule, or its id."""
        names = {"id": volume["id"], "name_id": volume.get(_NAME_ID) or volume["id"], "name": volume.get("name")}
        match = first_match(self._rules, names)
        return match.volume_id if match else volume["id"]

    def row(self, volume: Mapping[str, Any], volume_id: str, sold: VolumeType | None) -> Row:
        """Return the row of ``entitlement`` for one of ``volumes``; raises ValueError for one that is none."""
        if sold is not None:
            self._types[sold.id] = sold
        size_gib = volume["size"]
        if type(size_gib) is not int or size_gib < 0:
            raise ValueError(f"its size is {size_gib!r:.60}, which is no whole number of GiB")
        project = volume.get(_TENANT)
        known = self._projects.get(str(project))
        row: dict[str, object] = {
            "volume_id": volume_id,
            "volume_name": volume.get("name"),
            "vm_id": _guest(volume),
            "account_id": _shared(project),
            "account_name": known.name if known else None,
            "domain_id": known.domain_id if known else None,
            "project_id": _shared(project),
            "offering_id": sold.id if sold else None,
            "offering_name": sold.name if sold else None,
            "pool_id": _shared(volume.get(HOST)),
            "zone_id": _shared(volume.get("availability_zone")),
            "state": _shared(volume.get("status")),
            "size_bytes": size_gib * GIB,
            "modified_at": _time(volume.get("updated_at") or volume.get("created_at")),
        }
        row |= self._limits(sold.id if sold else None, size_gib)
        return {name: value for name, value in row.items() if value not in (None, "")}


def alias_row(volume: Mapping[str, Any], volume_id: str) -> Row | None:
    """Return the row of ``volume_alias``: Nova gives a volume's id to the guest as the disk's serial number.

    It holds from when the volume was made, before any sample of it; None where that is not told.
    """
    made = _time(volume.get("created_at"))
    if made is None:
        return None
    return {"namespace": "serial", "alias": volume["id"], "volume_id": volume_id, "valid_from": made}


def pool_rows(pools: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Give the rows of ``storage_pool`` for what the scheduler knows.

    ``QoS_support`` says whether a pool's driver reads QoS specs, and not which limits it can set: false
    means that it sets none.
    """
    for pool in pools:
        told = pool.get("capabilities")
        told = told if isinstance(told, dict) else {}
        limits = dict.fromkeys(("supports_min_iops", "supports_max_iops", "supports_burst_iops"), False)
        row: dict[str, object] = {
            "pool_id": pool["name"],
            "name": told.get("pool_name") or told.get("volume_backend_name"),
            "type": told.get("storage_protocol"),
            "provider": told.get("vendor_name"),
            "managed": True,
            "can_be_managed": True,
        }
        if str(told.get("QoS_support")).lower() == "false":
            row |= limits
        yield {name: value for name, value in row.items() if value not in (None, "")}


def _guest(volume: Mapping[str, Any]) -> str | None:
    """Return the guest that has the volume; None without one, and of several, for none of them has it alone."""
    guests = {attachment.get("server_id") for attachment in volume.get("attachments") or ()}
    return next(iter(guests)) if len(guests) == 1 else None


def _shared(text: object) -> str | None:
    """Return a text that many volumes have as one object."""
    return intern(text) if isinstance(text, str) else None


def _time(text: str | None) -> datetime | None:
    """Read one of Cinder's times, which are in UTC and do not say so."""
    if not text:
        return None
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
