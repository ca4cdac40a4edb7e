"""What a run lists: QoS specs, types, pools, projects and volumes, and what of it belongs together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.controlplanes.cinder_client import NOT_FOUND, CinderError
from collectors.controlplanes.cinder_pages import listed
from collectors.controlplanes.cinder_rows import HOST, QOS_SPEC, Project, VolumeType, alias_row, spec_of, type_of
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.controlplanes.cinder_client import Cinder
    from collectors.controlplanes.cinder_limits import Spec
    from collectors.controlplanes.cinder_rows import Entitlements
    from collectors.remote.unread import Unread
    from ioledger.model.records import Row

NO_ADMINISTRATOR = (
    "who asks is no administrator to Cinder, which would hide QoS specs and show some volumes as if they were all"
)
MAKE_ADMINISTRATOR = "give the role that context_is_admin names in Cinder's policy, usually `admin`"


def list_specs(cinder: Cinder, unread: Unread) -> dict[str, Spec]:
    """List QoS specs by id; raises CinderError, which is a refusal where who asks is no administrator."""
    specs = {}
    for item in listed(cinder, "/qos-specs", "qos_specs", unread):
        try:
            specs[item["id"]] = spec_of(item)
        except ValueError as error:
            unread.note(f"QoS spec {item['id']}", str(error))
    return specs


def list_pools(cinder: Cinder, unread: Unread) -> list[dict[str, Any]] | None:
    """List the pools that the scheduler knows; None where that is not allowed, or not there."""
    try:
        pools = cinder.get("/scheduler-stats/get_pools", {"detail": "true"}).get("pools") or []
    except CinderError as error:
        if not error.is_refused and error.status != NOT_FOUND:
            unread.note("pools", str(error))
        return None
    if not isinstance(pools, list) or not all(isinstance(pool, dict) for pool in pools):
        unread.note("pools", "the answer to /scheduler-stats/get_pools has no list of pools")
        return None
    named = [pool for pool in pools if isinstance(pool.get("name"), str)]
    if len(named) < len(pools):
        unread.note("pools", f"{len(pools) - len(named)} of {len(pools)} have no name")
    return list({pool["name"]: pool for pool in named}.values())


def list_projects(cinder: Cinder) -> dict[str, Project] | None:
    """List what Keystone calls projects; None where it cannot be asked: they are names, for people."""
    try:
        return {item["id"]: Project(str(item.get("name")), item.get("domain_id")) for item in cinder.projects()}
    except CinderError:
        return None


class Types:
    """The volume types of all projects, and their QoS specs, which ``specs`` is completed by."""

    def __init__(self, cinder: Cinder, specs: dict[str, Spec], unread: Unread) -> None:
        self._cinder = cinder
        self._specs = specs
        self._unread = unread
        self._without_spec: dict[str, str] = {}
        self._types = self._listed()
        self._is_listed_again = False

    def _listed(self) -> dict[str, VolumeType]:
        """List types by name and by id: volumes say the name, or the id where there is none; raises CinderError."""
        types: dict[str, VolumeType] = {}
        for item in listed(self._cinder, "/types", "volume_types", self._unread, {"is_public": "None"}):
            if QOS_SPEC not in item:
                raise SourceError(f"{NO_ADMINISTRATOR}; {MAKE_ADMINISTRATOR}")
            try:
                found = type_of(item)
            except ValueError as error:
                self._unread.note(f"volume type {item['id']}", str(error))
                continue
            types[found.name] = types[found.id] = found
        return types

    def of(self, volume: Mapping[str, Any]) -> VolumeType | None:
        """Return the type of a volume, None for one without; raises CinderError where type or spec are not known."""
        name = volume.get("volume_type")
        if not name:
            return None
        if name not in self._types and not self._is_listed_again:  # made, or renamed, since
            self._is_listed_again = True
            self._types |= self._listed()
        sold = self._types.get(name)
        if sold is None:
            raise CinderError(f"its type {name!r} is not listed")
        if sold.spec_id and sold.spec_id not in self._specs:
            self._read_spec(sold.spec_id)
        return sold

    def _read_spec(self, spec_id: str) -> None:
        if spec_id not in self._without_spec:
            try:
                self._specs[spec_id] = spec_of(self._cinder.get(f"/qos-specs/{spec_id}").get("qos_specs"))
            except (CinderError, ValueError) as error:
                self._without_spec[spec_id] = f"its QoS spec {spec_id} could not be read: {error}"
            else:
                return
        raise CinderError(self._without_spec[spec_id])


def list_volumes(cinder: Cinder, types: Types, sold: Entitlements, unread: Unread) -> tuple[list[Row], list[Row]]:
    """List the volumes of all projects, as rows of entitlement and volume_alias.

    What cannot be told of a volume is noted, and it has no row. Raises CinderError without a first page.
    """
    entitlements: list[Row] = []
    aliases: list[Row] = []
    named: dict[str, str] = {}
    for volume in listed(cinder, "/volumes/detail", "volumes", unread, {"all_tenants": "1"}):
        if HOST not in volume:
            raise SourceError(f"{NO_ADMINISTRATOR}; {MAKE_ADMINISTRATOR}")
        volume_id = sold.identity(volume)
        other = named.setdefault(volume_id, volume["id"])
        if other != volume["id"]:
            unread.note(
                f"volume {volume['id']}", f"its volume_id is {volume_id}, as that of {other}; correct the rules"
            )
            continue
        try:
            row = sold.row(volume, volume_id, types.of(volume))
            alias = alias_row(volume, volume_id)
        except (CinderError, AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, CinderError) else f"{type(error).__name__}: {error}"
            unread.note(f"volume {volume['id']}", reason)
            continue
        entitlements.append(row)
        if alias is not None:
            aliases.append(alias)
    return entitlements, aliases
