"""What libvirt tells: XML of domains and of what it can do, records of statistics, and caps as QEMU has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from xml.parsers import expat

from fuzzing.mutation import JSON, XML, Shape
from fuzzing.rows import require_reading, require_stored
from fuzzing.target import Refused, Target, WrongError, require

from collectors.hypervisors.base import UnreadableGuestError
from collectors.hypervisors.libvirt_asking import Interview
from collectors.hypervisors.libvirt_caps import CAP_COLUMN_OF, cap_rows
from collectors.hypervisors.libvirt_domain_xml import disks_of
from collectors.hypervisors.libvirt_guest import CounterRun, disk_rows
from collectors.hypervisors.libvirt_host import ListedGuest
from collectors.hypervisors.libvirt_memory import SourceMemory, from_rows
from collectors.hypervisors.libvirt_stats import BULK_FIELD_OF
from ioledger.model.records import Reading
from ioledger.model.tables import FACTS

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGEST: Final = 2**63 - 1


def read_domain(data: bytes) -> None:
    try:
        xml = data.decode()
    except UnicodeDecodeError as error:
        raise Refused("it is no text") from error
    try:
        disks = disks_of(xml)
    except UnreadableGuestError as error:
        raise Refused(*error.args) from error
    said = _caps_in(xml)
    for disk in disks:
        if not disk.throttle_groups:
            own = {column: value for column, value in disk.caps.items() if column != "cap_group"}
            named = said.get(disk.device, [{}])  # an empty drive, which is no disk, may have a name that one has
            require(same=own, as_=own if own in named else named[-1], what=f"the caps of {disk.device!r}")
        else:
            for column, value in disk.caps.items():
                if column.endswith("iops") and value != min(
                    caps[column] for caps in disk.throttle_groups.values() if column in caps
                ):
                    raise WrongError(f"{column} of {disk.device!r} is not the lowest of its groups")
    rows, _ = cap_rows("vm-1", disks, disks, {})
    require_stored(FACTS["disk_cap"], rows)
    epochs = {disk.device: CounterRun("epoch", None) for disk in disks}
    require_stored(FACTS["disk_io_stat"], disk_rows(_sample(disks=disks), epochs, "host-1", ()))


def _sample(**known: Any) -> Any:  # noqa: ANN401 - a GuestSample without what no row needs
    told = {
        "name": "web", "uuid": "vm-1", "domain_id": 1, "condition": "running", "asked_us": 1,
        "sampled_at": datetime(2026, 11, 28, tzinfo=UTC), "disks": None, "counters": {}, "cpu_time_ns": None,
        "problem": None,
    }  # fmt: skip
    return SimpleNamespace(**{**told, **known})


def _caps_in(xml: str) -> dict[str, list[dict[str, int]]]:
    """Read the caps of disks by names, with events: the first element of a name directly in the first <iotune>."""
    reader = _Caps()
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.Parse(xml.encode(), True)  # noqa: FBT003 - expat's
    return reader.found


class _Caps:
    """Follows the elements of a domain."""

    def __init__(self) -> None:
        self.found: dict[str, list[dict[str, int]]] = {}
        self._path: list[str] = []
        self._device: str | None = None
        self._targets = self._tunes = 0
        self._caps: dict[str, int] = {}
        self._text = ""

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        if self._path == _DISK:
            self._device, self._targets, self._tunes, self._caps = None, 0, 0, {}
        elif self._path == [*_DISK, "target"]:
            self._targets += 1
            self._device = attributes.get("dev") if self._targets == 1 else self._device
        elif self._path == [*_DISK, "iotune"]:
            self._tunes += 1
        elif self._is_in_tune(len(self._path)):
            self._text = ""

    def text(self, characters: str) -> None:
        self._text += characters

    def end(self, tag: str) -> None:
        if self._is_in_tune(len(self._path)) and self._tunes == 1 and tag in CAP_COLUMN_OF:
            self._caps.setdefault(CAP_COLUMN_OF[tag], int(self._text.strip()))
        if self._path == _DISK:
            self.found.setdefault(str(self._device), []).append(_in_force(self._caps))
        self._path.pop()

    def _is_in_tune(self, depth: int) -> bool:
        return depth == len(_DISK) + 2 and self._path[: depth - 1] == [*_DISK, "iotune"]


_DISK: Final = ["domain", "devices", "disk"]


def _in_force(caps: dict[str, int]) -> dict[str, int]:
    """Leave out what is 0, and bursts' lengths as docs/libvirt.md has them: one second, and none without a burst."""
    caps = {column: value for column, value in caps.items() if value}
    for column in CAP_COLUMN_OF.values():
        if column.endswith("_burst_seconds"):
            burst = caps.get(column.removesuffix("_seconds"))
            caps[column] = caps.get(column, 1) if burst else 0
    return {column: value for column, value in caps.items() if value}


class _Worker:
    """Answers as the process that talks to libvirt does, with what one input says."""

    listing_seconds = 0.0

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    def call(self, _seconds: float, name: str, *arguments: Any) -> Any:  # noqa: ANN401 - as the worker's
        match name:
            case "stats":
                guest = {"uuid": "vm-1", "name": "web", "id": 1, "stats": self._told["stats"]}
                return {"asked_us": 1, "answered_us": 2, "guests": [guest]}
            case "describe":
                return {uuid: {"xml": self._told["xml"], "problem": "none"} for uuid in arguments[0]}
            case "block_stats":
                return {device: {"value": self._told["block"]} for device in arguments[1]}
            case _:
                return {}


class _Clock:
    def now(self) -> datetime:
        return datetime(2026, 11, 28, tzinfo=UTC)

    def boottime_us(self) -> int:
        return 3


def _object(data: bytes, **kinds: type) -> dict[str, Any]:
    """Read JSON with such members; what our own worker would never write is refused."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused("it is no JSON") from error
    if not isinstance(told, dict) or not all(isinstance(told.get(name), kind) for name, kind in kinds.items()):
        raise Refused("the worker writes no such thing")
    return told


def read_stats(data: bytes) -> None:
    told = _object(data, stats=dict, xml=str, block=list)
    scalars = (int, float, str, bool)
    if not all(type(each) is int for each in told["block"]) or not all(
        type(v) in scalars for v in told["stats"].values()
    ):
        raise Refused("libvirt has no such types")
    try:
        known = disks_of(told["xml"])
    except UnreadableGuestError as error:
        raise Refused(*error.args) from error
    interview = Interview(_Worker(told), _Clock(), lambda _uuid, xml: disks_of(xml), with_cpu_time=True)  # type: ignore[arg-type]
    samples = list(interview.ask([ListedGuest("vm-1", "web", 1)]))
    for sample in samples:
        epochs = {disk.device: CounterRun("epoch", None) for disk in sample.disks or ()}
        rows = disk_rows(sample, epochs, "host-1", ())
        require_stored(FACTS["disk_io_stat"], rows)
        for row in rows:
            if "block.count" in told["stats"]:
                _require_counted(row, told["stats"])
    if not samples and known:
        raise WrongError("a guest with disks is not there")


def _require_counted(row: Any, stats: dict[str, Any]) -> None:  # noqa: ANN401 - a row
    count = stats["block.count"]
    places = [
        n
        for n in range(min(count if isinstance(count, int) else 0, 10_000))
        if str(stats.get(f"block.{n}.name")) == row["device"]
    ]
    for column, field in BULK_FIELD_OF.items():
        if row.get(column) is None:
            continue
        said = stats.get(f"block.{places[-1]}.{field}")
        require(same=row[column], as_=said, what=column)


def read_tune(data: bytes) -> None:
    told = _object(data, xml=str, tune=dict)
    try:
        disks = disks_of(told["xml"])
    except UnreadableGuestError as error:
        raise Refused(*error.args) from error
    rows, problems = cap_rows("vm-1", disks, None, {disk.device: told["tune"] for disk in disks})
    for row in require_reading(Reading({"disk_cap": rows}), "hypervisor").tables["disk_cap"]:
        for name, column in CAP_COLUMN_OF.items():
            if row["layer"] == "qemu" and column in row and not column.endswith("_seconds"):
                require(same=row[column], as_=told["tune"].get(name), what=name)
    if problems and not rows:
        raise Refused(problems[0])


def read_memory(data: bytes) -> None:
    told = _object(data)
    try:
        json.dumps(told, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Refused("ioledger writes no such text") from error
    memory = SourceMemory.recalled(told)
    if memory is None:
        raise Refused("it is no memory of this version")
    again = SourceMemory.recalled(json.loads(json.dumps(memory.model_dump(mode="json"))))
    require(same=again, as_=memory, what="a memory that is kept again")
    for guest in memory.guests.values():
        for device, disk in guest.disks.items():
            require(same=guest.epoch(device).startswith(guest.process), as_=True, what="an epoch")
            require(
                same=disk.counters,
                as_={name: int(value) for name, value in _told_of(told, memory, guest, device).items()},
                what="counters",
            )


def _told_of(told: dict[str, Any], memory: SourceMemory, guest: object, device: str) -> dict[str, Any]:
    uuid = next(key for key, value in memory.guests.items() if value is guest)
    counters: dict[str, Any] = told["guests"][uuid]["disks"][device].get("counters", {})
    return counters


def read_rows(data: bytes) -> None:
    told = _object(data, rows=list)
    rows: Sequence[Any] = [each for each in told["rows"] if isinstance(each, dict)]
    for row in rows:
        row.setdefault("vm_id", "vm-1")
        row["sampled_at"], row["epoch_started_at"] = datetime(2026, 11, 28, tzinfo=UTC), None
        for name in ("device", "epoch"):
            row[name] = str(row.get(name))
    from_rows(rows)


_JSON_OF_XML: Final = Shape(JSON.value, JSON.piece, JSON.values, (*JSON.tokens, *XML.tokens), JSON.own)
_XML: Final = ("collectors.hypervisors.libvirt_domain_xml", "collectors.hypervisors.libvirt_caps")

TARGETS: Final = (
    Target("domain-xml", read_domain, XML, _XML, 60),
    Target("libvirt-stats", read_stats, JSON, ("collectors.hypervisors.libvirt_stats",), 60),
    Target("libvirt-tune", read_tune, JSON, ("collectors.hypervisors.libvirt_caps",), 50),
    Target("libvirt-memory", read_memory, JSON, (), 30),
)
