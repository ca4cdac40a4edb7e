"""One reading of a Ceph cluster: its pools one after the other, and the images of each in batches."""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from collectors.remote.unread import Unread
from collectors.storage.ceph_rbd_limits import limit
from collectors.volume_rules import first_match
from collectors.worker_process import RefusedError, SilentError
from ioledger.errors import SourceError
from ioledger.model.records import Reading, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from collectors.storage.ceph_rbd_cluster import Cluster
    from collectors.volume_rules import VolumeRule
    from ioledger.clock import Clock

BATCH_IMAGES: Final = 500
"""Images that are asked for at a time: the answer of so many is some 50 kB, and they wait for each other."""

MOST_TIMEOUTS: Final = 3
"""Calls in which something took Ceph too long, before the rest is left to the next run. A few placement groups that
do not answer concern some images; a cluster that does not answer must not hold up the run for each of its pools."""

READ_SECONDS: Final = 150
"""After so long nothing more is asked, so that a run ends, whatever each call takes."""

COUNTS: Final = ("read_ops", "write_ops", "read_bytes", "write_bytes")


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """A pool with all its namespaces, or one of them; the one without a name is ``""``."""

    pool: str
    namespace: str | None

    def __str__(self) -> str:
        return f"{self.pool}/{self.namespace}" if self.namespace else self.pool

    def image(self, name: str) -> str:
        """Return how Ceph calls an image: ``pool/image`` or ``pool/namespace/image``."""
        return f"{self}/{name}"


class Round:
    """What is read of a cluster that is connected, until it does not answer any more."""

    def __init__(self, cluster: Cluster, clock: Clock, rules: Sequence[VolumeRule]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._rules = rules
        self._unread = Unread()
        self._timeout_count = 0
        self._timeouts = 0
        self._give_up = time.monotonic() + READ_SECONDS
        self._volumes: dict[str, Row] = {}
        self._of_image: dict[str, Row] = {}

    def read(self, specs: Sequence[PoolSpec], *, with_counters: bool) -> Reading:
        """Read what there is to read; SourceError where not even one pool can be listed."""
        told = {pool: self._limits(pool) for pool in dict.fromkeys(spec.pool for spec in specs)}
        limits = {pool: its for pool, its in told.items() if its is not None}
        places = dict.fromkeys(place for spec in specs if spec.pool in limits for place in self._places(spec))
        listed = [place for place in places if self._read_place(place, limits[place.pool])]
        if not listed:
            raise SourceError(f"no pool of the cluster can be listed: {self._unread.sentence()}")
        tables: dict[str, list[Row]] = {
            "provisioned_iops": list(self._volumes.values()),
            "storage_pool": [_pool_row(pool) for pool in dict.fromkeys(place.pool for place in listed)],
        }
        if with_counters:
            tables["volume_io_stat"] = list(self._counters(listed))
        return Reading(tables, self._cluster.fsid, self._timeout_count, self._unread.sentence())

    def _limits(self, pool: str) -> dict[str, str] | None:
        try:
            return self._ask(lambda: self._cluster.pool_limits(pool))
        except (RefusedError, SilentError) as error:
            self._note(f"pool {pool}", error)
            return None

    def _places(self, spec: PoolSpec) -> list[PoolSpec]:
        if spec.namespace is not None:
            return [spec]
        try:
            namespaces = self._ask(lambda: self._cluster.namespaces(spec.pool))
        except (RefusedError, SilentError) as error:
            self._note(f"the namespaces of pool {spec.pool}", error)
            namespaces = []
        return [PoolSpec(spec.pool, namespace) for namespace in ("", *namespaces)]

    def _read_place(self, place: PoolSpec, pool_limits: Mapping[str, str]) -> bool:
        """Read the images of a pool's namespace; tell whether they could be listed."""
        try:
            before = dict(self._images(place))
            headers = dict(self._headers(place, list(before)))
            # One that was made or renamed while the first list was read may be in the second alone.
            listed = self._images(place)
            if not listed:
                self._refuse_nowhere(place)
        except (RefusedError, SilentError) as error:
            self._note(f"pool {place}", error)
            return False
        after = dict(listed)
        headers |= self._headers(place, [image_id for image_id in after if image_id not in before])
        for image_id, header in headers.items():
            image = place.image(after.get(image_id) or before[image_id])
            if "error" not in header:
                self._add(image, image_id, place.pool, header, pool_limits)
            elif image_id in after or header["error"][0] != errno.ENOENT:
                self._note(f"image {image}", _broken(*header["error"]))
        for image_id, name in listed:
            if not image_id:
                self._note(f"image {place.image(name)}", RefusedError(None, "its format 1 has no limits; migrate it"))
        return True

    def _refuse_nowhere(self, place: PoolSpec) -> None:
        """Raise RefusedError for a namespace that does not exist: Ceph lists no images in it, and no error."""
        if not place.namespace:
            return
        try:
            namespaces = self._ask(lambda: self._cluster.namespaces(place.pool))
        except RefusedError:  # a client of a single namespace may not ask, and Ceph knew the namespace then
            return
        if place.namespace not in namespaces:
            raise RefusedError(errno.ENOENT, f"there is no such namespace; pool {place.pool} has {len(namespaces)}")

    def _images(self, place: PoolSpec) -> list[tuple[str, str]]:
        return self._ask(lambda: self._cluster.images(place.pool, place.namespace or ""))

    def _headers(self, place: PoolSpec, image_ids: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        known = [image_id for image_id in image_ids if image_id]
        for start in range(0, len(known), BATCH_IMAGES):
            batch = known[start : start + BATCH_IMAGES]
            yield from zip(batch, self._batch(place, batch), strict=True)

    def _batch(self, place: PoolSpec, batch: Sequence[str]) -> list[dict[str, Any]]:
        try:
            headers = self._ask(lambda: self._cluster.headers(place.pool, place.namespace or "", batch))
        except (RefusedError, SilentError) as error:
            return [{"error": [errno.ETIMEDOUT, str(error)]}] * len(batch)
        self._timeouts += any("error" in header and header["error"][0] == errno.ETIMEDOUT for header in headers)
        return headers

    def _ask(self, call: Callable[[], T]) -> T:
        if self._timeouts >= MOST_TIMEOUTS or time.monotonic() > self._give_up:
            raise SilentError("not asked, because the cluster took too long before")
        try:
            return call()
        except RefusedError as error:
            self._timeouts += error.code == errno.ETIMEDOUT
            raise

    def _add(
        self, image: str, image_id: str, pool: str, header: Mapping[str, Any], pool_limits: Mapping[str, str]
    ) -> None:
        settings = {**pool_limits, **header["limits"]}
        iops, bps = limit(settings, "iops"), limit(settings, "bps")
        names = {"image": image.rpartition("/")[2], "image_spec": image, "image_id": image_id}
        found = first_match(self._rules, names)
        volume_id = image if found is None else found.volume_id
        if (other := self._volumes.get(volume_id)) is not None:
            what = f"the rules call it {volume_id}, as they do {other['native_id']}; let them tell the two apart"
            self._note(f"image {image}", RefusedError(None, what))
            return
        row = {
            "volume_id": volume_id,
            "pool_id": pool,
            "backend": "ceph",
            "max_iops": iops.rate,
            "burst_iops": iops.burst,
            "max_bps": bps.rate,
            "min_enforced": False,
            "size_bytes": header["size_bytes"],
            "native_id": image,
        }
        self._volumes[volume_id] = self._of_image[image] = row

    def _counters(self, places: Sequence[PoolSpec]) -> Iterator[Row]:
        try:
            told = self._ask(lambda: self._cluster.counters([str(place) for place in places]))
        except (RefusedError, SilentError) as error:
            self._note("the counters", error)
            return
        if told is None:
            self._note("the counters", SilentError("the manager did not answer in time"))
            return
        now = self._clock.now()
        for place in places:
            answer = told[str(place)]
            if "error" in answer:
                self._note(f"the counters of {place}", RefusedError(*answer["error"]))
            for name, counts in answer.get("images", {}).items():
                if (row := self._of_image.get(place.image(name))) is not None:
                    known = {"volume_id": row["volume_id"], "native_id": row["native_id"], "sampled_at": now}
                    yield {**known, **dict(zip(COUNTS, counts, strict=True))}

    def _note(self, what: str, error: RefusedError | SilentError) -> None:
        if isinstance(error, SilentError) or error.code == errno.ETIMEDOUT:
            self._timeout_count += 1
        self._unread.note(what, str(error))


def _broken(code: int | None, message: str) -> RefusedError:
    if code == errno.ENOENT:
        return RefusedError(code, "its header object is missing")
    return RefusedError(code, message)


def _pool_row(pool: str) -> Row:
    return {
        "pool_id": pool,
        "name": pool,
        "type": "rbd",
        "provider": "ceph",
        "shared": True,
        "managed": True,  # an image is a volume of its own, with limits of its own
        "can_be_managed": True,
        "supports_min_iops": False,
        "supports_max_iops": True,
        "supports_burst_iops": True,
    }
