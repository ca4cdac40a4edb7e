"""Answers in JSON of control planes and arrays: CloudStack, Cinder, SolidFire and Ceph."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

import httpx
from fuzzing.mutation import JSON
from fuzzing.rows import require_reading
from fuzzing.target import Target, WrongError, require
from fuzzing.wire import SECRET, Clock, answering, document, unhurried

from collectors.controlplanes.cinder import CinderSource
from collectors.controlplanes.cinder_client import Cinder, CinderError
from collectors.controlplanes.cloudstack import CloudStackSource
from collectors.source import Occasion
from collectors.storage.ceph_rbd_cluster import Cluster
from collectors.storage.ceph_rbd_round import PoolSpec, Round
from collectors.storage.solidfire import SolidfireSource
from collectors.storage.solidfire_client import Element
from collectors.worker_process import RefusedError
from ioledger.config import validated
from ioledger.errors import SourceError

_LARGEST: Final = 2**63 - 1


def _by_id(told: object, *path: str) -> dict[Any, dict[str, Any]]:
    """Return the items of a list that an input says, by their ids; the last of an id."""
    for name in path:
        told = told.get(name) if isinstance(told, dict) else None
    items = told if isinstance(told, list) else []
    return {item["id"]: item for item in items if isinstance(item, dict) and isinstance(item.get("id"), str)}


def read_cloudstack(data: bytes) -> None:
    told = document(data)

    def answer(_method: str, _url: str, form: dict[str, str]) -> tuple[int, bytes]:
        if told is None:
            return 200, data
        name = form.get("command", "")
        name = f"{name} projectid" if "projectid" in form else name
        without = told.get(name, {f"{form.get('command', '').lower()}response": {}})
        body = told.get(f"{name} page {form.get('page')}", without)
        is_error = isinstance(body, dict) and "errorresponse" in body
        return 431 if is_error else 200, json.dumps(_of_page(body, form)).encode()

    keys = {"endpoint": "http://cloud/api", "api_key": {"env": SECRET}, "secret_key": {"env": SECRET}, "page_size": 4}
    rules = [{"from": "name", "pattern": "as-(.+)", "volume_id": "vol-{1:lower}"}]
    with unhurried(), answering(answer):
        source = CloudStackSource(
            validated(CloudStackSource.Settings, {**keys, "run_seconds": 10, "volume_id": rules}, "sources.cloud")
        )
        reading = source.read(Occasion(Clock()))
    run = require_reading(reading, "controlplane")
    said = _by_id(told, "listVolumes", "listvolumesresponse", "volume")
    for row in run.tables["entitlement"]:
        item = said.get(row["volume_id"])
        if item is not None and "size_bytes" in row:
            require(same=str(row["size_bytes"]), as_=str(item["size"]).lstrip("-0") or "0", what="size")  # -0 is 0


def _of_page(body: Any, form: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    """Cut the lists of an answer to the page that is asked for, as CloudStack does."""
    if not isinstance(body, dict) or len(body) != 1 or not isinstance(next(iter(body.values())), dict):
        return body
    ((name, response),) = body.items()
    start = (int(form.get("page", "1")) - 1) * int(form.get("pagesize", "4"))
    end = start + int(form.get("pagesize", "4"))
    return {name: {key: value[start:end] if isinstance(value, list) else value for key, value in response.items()}}


@cache
def _cinder_source() -> CinderSource:
    rules = [{"from": "name", "pattern": "as-(.+)", "volume_id": "vol-{1}"}]
    keys = {"endpoint": "http://cinder/v3", "token": {"env": SECRET}, "run_seconds": 10, "volume_id": rules}
    return CinderSource(validated(CinderSource.Settings, keys, "sources.cinder"))


@cache
def _cinder() -> Cinder:
    return Cinder(_cinder_source()._settings)  # noqa: SLF001 - a login takes far longer than all the rest


def read_cinder(data: bytes) -> None:
    told = document(data)

    def answer(_method: str, url: str, query: dict[str, str]) -> tuple[int, bytes]:
        path = url.partition("/v3")[2]
        if told is None:
            return 200, data
        body = told.get(f"{path} {query['marker']}" if "marker" in query else path)
        if isinstance(body, int) and 400 <= body < 600:
            return body, b"{}"
        return (404, b"{}") if body is None else (200, json.dumps(body).encode())

    with unhurried(), answering(answer):
        cinder = _cinder()
        cinder._calls.begin(10)  # noqa: SLF001 - as at the beginning of a run
        try:
            reading = _cinder_source()._read(cinder)  # noqa: SLF001 - what ``read`` does with its login
        except CinderError as error:
            raise SourceError(error.sentence()) from error
    run = require_reading(reading, "controlplane")
    said = _by_id(told, "/volumes/detail", "volumes")
    for row in run.tables["entitlement"]:
        if row["volume_id"] in said and "size_bytes" in row:
            require(same=row["size_bytes"], as_=int(said[row["volume_id"]]["size"]) * 2**30, what="size")
            _require_sold(row, said[row["volume_id"]], told)


def _require_sold(row: Any, volume: dict[str, Any], told: Any) -> None:  # noqa: ANN401 - JSON
    """Require the cap of a plain front-end spec with only a total of operations."""
    name = volume.get("volume_type")
    kinds = [each for each in told["/types"]["volume_types"] if name is not None and each.get("name") == name]
    specs = [each for each in told["/qos-specs"]["qos_specs"] if kinds and each["id"] == kinds[-1].get("qos_specs_id")]
    if len(kinds) != 1 or len(specs) != 1:
        return
    keys = specs[0].get("specs")
    if specs[0].get("consumer") == "front-end" and isinstance(keys, dict) and set(keys) == {"total_iops_sec"}:
        text = str(keys["total_iops_sec"]).strip()
        is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_LARGEST))
        sold = int(text) if is_number and int(text) <= _LARGEST else 0
        require(same=row.get("sold_cap_total_iops"), as_=sold or None, what="total_iops_sec")


@cache
def _element() -> tuple[Any, Element]:
    rules = [{"from": "name", "pattern": "as-(.+)", "volume_id": "vol-{1}"}]
    keys = {
        "url": "https://mvip", "username": "fuzz", "password": {"env": SECRET}, "run_seconds": 10, "volume_id": rules,
    }  # fmt: skip
    settings = validated(SolidfireSource.Settings, keys, "sources.gold")
    return settings, Element(settings)


def read_solidfire(data: bytes) -> None:
    told = document(data)

    def answer(request: httpx.Request) -> httpx.Response:
        if told is None:
            return httpx.Response(200, content=data)
        asked = json.loads(request.content)
        body = told.get(asked["method"], {"error": {"name": "xUnknownAPIMethod"}})
        if asked["method"] == "ListActiveVolumes" and isinstance(body, dict) and isinstance(body.get("result"), dict):
            body = {"result": {"volumes": _page(body["result"].get("volumes"), asked["params"]["startVolumeID"])}}
        return httpx.Response(200, content=json.dumps(body).encode())

    with unhurried():
        settings, element = _element()
        element._client = httpx.Client(base_url=settings.url, transport=httpx.MockTransport(answer))  # noqa: SLF001 - the wire
        source = SolidfireSource(settings)
        source._element = element  # noqa: SLF001 - which it keeps between runs
        reading = source.read(Occasion(Clock()))
    run = require_reading(reading, "storage")
    _require_limits(run.tables["provisioned_iops"], told)
    for row in run.tables["volume_io_stat"]:
        says = [each for each in told["ListVolumeStatsByVolume"]["result"]["volumeStats"] if _is(each, row)]  # type: ignore[index]
        for column, name in (("read_ops", "readOps"), ("write_bytes", "writeBytes")):
            if says[0].get(name) is not None:
                require(same=row[column], as_=int(says[0][name]), what=name)


def _is(item: Any, row: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(item, dict) and str(item.get("volumeID")).lstrip("0") in (
        row["native_id"],
        row["native_id"].lstrip("0"),
    )


def _require_limits(rows: Any, told: Any) -> None:  # noqa: ANN401 - JSON
    for row in rows:
        said = [each for each in told["ListActiveVolumes"]["result"]["volumes"] if _is(each, row)]
        for column, name in (("min_iops", "minIOPS"), ("max_iops", "maxIOPS"), ("burst_iops", "burstIOPS")):
            qos = said[0].get("qos")
            if qos and not said[0].get("qosPolicyID"):
                require(same=row[column], as_=int(qos.get(name) or 0) or None, what=name)


def _page(volumes: Any, start: int) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(volumes, list):
        return volumes
    return [each for each in volumes if not start or _number(each) >= start]


def _number(item: Any) -> int:  # noqa: ANN401 - JSON
    try:
        return int(item["volumeID"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0


class _CephWorker:
    """Answers as the process that talks to Ceph does, with what one input says."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    def call(self, _seconds: float, name: str, *arguments: Any) -> Any:  # noqa: ANN401 - as the worker's
        answer = self._told.get(name)
        if isinstance(answer, dict) and "error" in answer:
            raise RefusedError(*answer["error"])
        if name == "headers":
            return [answer.get(image, {"error": [2, "No such file or directory"]}) for image in arguments[2]]
        return answer

    def end(self) -> int:
        return 0


def read_ceph(data: bytes) -> None:
    told = document(data)
    if told is None or not _is_of_worker(told):
        raise SourceError("the worker of Ceph writes no such thing")
    cluster = Cluster(*[None] * 4, 1)  # type: ignore[arg-type]
    cluster._process = _CephWorker(told)  # type: ignore[assignment]  # noqa: SLF001 - the wire
    cluster.fsid = "fsid-1"
    reading = Round(cluster, Clock(), ()).read([PoolSpec("vms", None)], with_counters=True)
    run = require_reading(reading, "storage")
    images = dict(reversed(pair) for pair in told["images"])
    for row in run.tables["provisioned_iops"]:
        name = row["native_id"].rpartition("/")[2]
        said = told["headers"].get(images.get(name), {})
        if "size_bytes" in said and row["native_id"].count("/") == 1:
            require(same=row["size_bytes"], as_=said["size_bytes"], what="size_bytes")
            _require_rbd(row, {**told["pool_limits"], **said["limits"]})
    if not run.tables["provisioned_iops"] and not run.error and images:
        raise WrongError("images are not there, and nothing says why")


def _require_rbd(row: Any, limits: dict[str, str]) -> None:  # noqa: ANN401 - a row
    """Require that what is held to is no more than any limit says."""
    both = int(limits.get("rbd_qos_iops_limit", "0"))
    reads, writes = (int(limits.get(f"rbd_qos_{kind}_iops_limit", "0")) for kind in ("read", "write"))
    bounds = [each for each in (both, reads + writes if reads and writes else 0) if each]
    lowest = min(bounds, default=None)
    require(same=row["max_iops"], as_=lowest if lowest is None or lowest <= _LARGEST else None, what="iops")


def _is_of_worker(told: dict[str, Any]) -> bool:
    """Tell what our worker can write: its own types, with numbers and texts that are Ceph's."""
    try:
        limits = [told["pool_limits"], *(each["limits"] for each in told["headers"].values())]
        sizes = [each["size_bytes"] for each in told["headers"].values()]
        images = [part for pair in told["images"] for part in pair]
        counts = [each for spec in told["counters"]["counted"].values() for each in spec["images"].values()]
        return (
            all(
                type(value) is str and value.isdecimal() and len(value) <= 20
                for each in limits
                for value in each.values()
            )
            and all(type(size) is int and 0 <= size < 2**64 for size in sizes)
            and all(type(part) is str for part in (*images, *told["namespaces"]))
            and all(len(pair) == 2 for pair in told["images"])
            and len({name for _, name in told["images"]}) == len(told["images"])
            and all(len(each) == 4 and all(type(count) is int for count in each) for each in counts)
            and {"vms", *(f"vms/{name}" for name in told["namespaces"] if name)} <= told["counters"]["counted"].keys()
        )
    except (KeyError, TypeError, AttributeError):
        return False


_CLOUDSTACK: Final = tuple(
    f"collectors.controlplanes.cloudstack_{name}" for name in ("limits", "lists", "pools", "sold", "volumes")
)
_CINDER: Final = tuple(f"collectors.controlplanes.cinder_{name}" for name in ("limits", "lists", "pages", "rows"))
_SOLIDFIRE: Final = tuple(f"collectors.storage.solidfire_{name}" for name in ("listing", "rows", "values"))

TARGETS: Final = (
    Target("cloudstack", read_cloudstack, JSON, _CLOUDSTACK, 6),
    Target("cinder", read_cinder, JSON, _CINDER, 12),
    Target("solidfire", read_solidfire, JSON, _SOLIDFIRE, 12),
    Target("ceph-rbd", read_ceph, JSON, ("collectors.storage.ceph_rbd_limits",), 30),
)
