"""The images of a Ceph cluster: what RBD limits each of them to, and what the cluster has counted of it.

Sources: the QoS settings of librbd (https://docs.ceph.com/en/latest/rbd/rbd-config-ref/), the capability
profiles (https://docs.ceph.com/en/latest/rados/operations/user-management/).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

from pydantic import Field, field_validator

from collectors.source import LONGEST_RUN_SECONDS
from collectors.storage.ceph_rbd_cluster import Cluster
from collectors.storage.ceph_rbd_round import PoolSpec, Round
from collectors.volume_rules import VolumeRule
from collectors.worker_process import RefusedError, SilentError
from ioledger.config import ConfiguredPath, StrictModel
from ioledger.errors import SourceError, counted
from ioledger.health.check import Check

if TYPE_CHECKING:
    from collectors.source import Occasion
    from ioledger.clock import Clock
    from ioledger.model.records import Kind, Reading

_POOL_SPEC: Final = re.compile(r"(?P<pool>[^/@\s]+)(/(?P<namespace>[^/@\s]+))?")

RIGHTS: Final = "profile rbd-read-only"
"""The capability that is enough, of monitors, OSDs and managers."""


class ImageRule(VolumeRule):
    """One rule about an image's name, its spec (``pool/image``, ``pool/namespace/image``) or its id."""

    looks_at: Annotated[Literal["image", "image_spec", "image_id"], Field(alias="from")]


class CephSettings(StrictModel):
    """Keys of the source.

    ``pools`` are pools with all their namespaces (``volumes``) or single namespaces (``vms/tenant-7``).
    ``python`` is the interpreter that Ceph's own python3-rados and python3-rbd are installed for;
    ``timeout_seconds`` how long the cluster may take to answer one call. Without ``io_counters`` the
    manager is not asked for counters, which ask every OSD to count.
    """

    pools: Annotated[list[str], Field(min_length=1)]
    client: str = "client.admin"
    conf_file: ConfiguredPath = Path("/etc/ceph/ceph.conf")
    keyring: ConfiguredPath | None = None
    python: ConfiguredPath = Path("/usr/bin/python3")
    timeout_seconds: Annotated[int, Field(ge=1, le=60)] = 30
    io_counters: bool = True
    volume_id: list[ImageRule] = Field(default_factory=list)

    @field_validator("pools")
    @classmethod
    def _are_pool_specs(cls, pools: list[str]) -> list[str]:
        for pool in pools:
            if not _POOL_SPEC.fullmatch(pool):
                raise ValueError(
                    f"{pool!r} is no pool; write a pool's name, or pool/namespace for one of its namespaces"
                )
        return pools

    @field_validator("client")
    @classmethod
    def _is_a_client(cls, client: str) -> str:
        if not re.fullmatch(r"client\.\S+", client):
            raise ValueError(f"{client!r} is no client of Ceph; write it with its type, such as client.ioledger")
        return client

    @property
    def pool_specs(self) -> list[PoolSpec]:
        """The pools and namespaces, apart; no namespace stands for all."""
        found = (_POOL_SPEC.fullmatch(pool) for pool in dict.fromkeys(self.pools))
        return [PoolSpec(spec["pool"], spec["namespace"]) for spec in found if spec is not None]


class CephRbdSource:
    """The images of a cluster's pools; between runs it keeps its worker, the connection and the counting."""

    Settings: ClassVar[type[CephSettings]] = CephSettings
    kind: ClassVar[Kind] = "storage"
    longest_run_seconds = LONGEST_RUN_SECONDS

    def __init__(self, settings: CephSettings) -> None:
        self._settings = settings
        self._cluster = Cluster(
            settings.python, settings.conf_file, settings.client, settings.keyring, settings.timeout_seconds
        )

    def read(self, occasion: Occasion) -> Reading:
        """List the images with their limits and their counters.

        Raises SourceError where the cluster cannot be reached or no pool can be listed. A pool that cannot
        be listed, an image that is there and cannot be read, and counters that cannot be had are named in
        ``Reading.error``.
        """
        self._cluster.connect()
        return Round(self._cluster, occasion.clock, self._settings.volume_id).read(
            self._settings.pool_specs, with_counters=self._settings.io_counters
        )

    def examine(self, clock: Clock) -> list[Check]:  # noqa: ARG002 - Ceph keeps the time among its monitors
        """Connect, list each pool, ask for counters and for the cluster's health; SourceError where that fails."""
        try:
            self._cluster.connect()
            return self._checks()
        except SilentError as error:
            raise SourceError(f"{error}; see `ceph -s`") from error

    def close(self) -> None:
        """Let go of the connection, and of the worker that holds it."""
        self._cluster.close()

    def _checks(self) -> list[Check]:
        found = f"cluster {self._cluster.fsid} answers {self._settings.client}"
        return [
            Check("connection", found),
            *(self._pool_check(spec) for spec in self._settings.pool_specs),
            *([self._counter_check()] if self._settings.io_counters else []),
            self._health_check(),
        ]

    def _pool_check(self, spec: PoolSpec) -> Check:
        try:
            images = self._cluster.images(spec.pool, spec.namespace or "")
            self._cluster.pool_limits(spec.pool)
            namespaces = self._cluster.namespaces(spec.pool) if spec.namespace is None else []
        except RefusedError as error:
            mend = f"see that there is such a pool, and give the client the OSD capability {RIGHTS!r} on it"
            return Check("rights", f"{spec} cannot be listed: {error}", mend)
        more = f" and {counted(len(namespaces), 'namespace')}" if spec.namespace is None else ""
        return Check("rights", f"{spec} has {counted(len(images), 'image')}{more}")

    def _counter_check(self) -> Check:
        specs = [str(spec) for spec in self._settings.pool_specs]
        told = self._cluster.counters(specs)
        if told is None:
            return Check("counters", "the manager does not answer", "see `ceph mgr stat`")
        refusals = [f"{spec}: {answer['error'][1]}" for spec, answer in told.items() if "error" in answer]
        if refusals:
            mend = f"give the client the manager capability {RIGHTS!r}, or set io_counters = false"
            return Check("counters", refusals[0], mend)
        return Check("counters", f"the manager counts for {counted(len(specs), 'pool')}")

    def _health_check(self) -> Check:
        try:
            health = self._cluster.health()
        except RefusedError as error:
            return Check("health", f"cannot be read: {error}", f"give the client the monitor capability {RIGHTS!r}")
        return Check("health", health, "see `ceph health detail`" if health == "HEALTH_ERR" else None)
