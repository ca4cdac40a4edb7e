"""A small site whose true I/O is known: two hosts, an array, a shop, and a host whose collector is late."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from month_end import PRICED
from rate_cards import write as write_cards

from ioledger.app import App
from ioledger.clock import utc_text
from ioledger.demo.stage import StoryClock
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MONTH: Final = "2026-10"
NEXT_MONTH: Final = "2026-11"
BORN: Final = datetime(2026, 10, 31, 7, tzinfo=UTC)
"""When all guests began, and their first sample: what they did from then on is metered."""

MAX_GAP_SECONDS: Final = 7200
SETTINGS: Final = f"""[[settings]]
valid_from = 2020-01-01T00:00:00Z
billing_time_zone = "Pacific/Kiritimati"
max_gap_seconds = {MAX_GAP_SECONDS}
"""
"""A zone in which the month ends at ten in the morning of UTC, so that all files lie under one date: half the work."""

GUESTS: Final = {"kvm-a": {"vm-1": 300, "vm-2": 70}, "kvm-b": {"vm-3": 1000}, "kvm-far": {"vm-4": 50}}
"""What each guest reads a second, by host; it writes a tenth of it."""

MINUTE: Final = timedelta(minutes=1)
COLLECTED_UNTIL: Final = BORN + 270 * MINUTE
"""The last reading before `close`: half past one of November there."""
CLOSED_AT: Final = COLLECTED_UNTIL + 5 * MINUTE
COLLECTED_AT: Final = BORN + 300 * MINUTE
"""When `collect` runs; after each time that it is killed, it runs a minute later."""
BUILT_AT: Final = BORN + 330 * MINUTE
COMPACTED_AT: Final = BORN + timedelta(days=2)
"""When all days are over, so that everything is merged."""

EXPORTED: Final = "october.csv"
_DESPITE: Final = ("provisional", "coverage", "source", "findings", "held", "unpriced")
_CLOSE: Final = ("close", MONTH, *(word for each in _DESPITE for word in ("--despite", each)), "--because", "-")
COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "collect": ("collect",),
    "lake compact": ("lake", "compact"),
    "usage build": ("usage", "build"),
    "close": _CLOSE,
    "export": ("export", "charges", "--period", MONTH, "--as", "csv", "--to", EXPORTED),
}
_MOMENTS: Final = {"close": CLOSED_AT, "collect": COLLECTED_AT, "lake compact": COMPACTED_AT}

_CONFIGURATION: Final = """lake = "lake"
[sources.kvm-a]
type = "synthetic"
fleet = "fleet.toml"
host = "kvm-a"
[sources.kvm-b]
type = "synthetic"
fleet = "fleet.toml"
host = "kvm-b"
[sources.array]
type = "storage-inventory"
provisioned_iops = "array.toml"
[sources.shop]
type = "controlplane-inventory"
entitlement = "sold.toml"
"""
_FAR: Final = """lake = "lake"
[sources.kvm-far]
type = "synthetic"
fleet = "fleet.toml"
host = "kvm-far"
"""


def new(directory: Path) -> None:
    """Make the site's files and an empty lake."""
    rates = {vm_id: (host, rate) for host, guests in GUESTS.items() for vm_id, rate in guests.items()}
    files = {
        "ioledger.toml": _CONFIGURATION,
        "far.toml": _FAR,
        "fleet.toml": f"start = {utc_text(BORN)}\n" + "".join(_guest(vm_id, *told) for vm_id, told in rates.items()),
        "array.toml": "".join(map(_allocation, rates)),
        "sold.toml": "".join(map(_entitlement, rates)),
    }
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    write_cards(directory, PRICED)
    layout.create(directory / "lake")
    (directory / "lake" / layout.SETTINGS).write_text(SETTINGS, encoding="utf-8")


def story(run: Callable[..., object]) -> Iterator[str]:
    """Go through the site's life by ``run``, which is given words, a moment and perhaps ``config``.

    Yields the name of each of ``COMMANDS`` when the site stands before it; the caller runs that one itself.
    """
    moment = BORN
    while moment <= COLLECTED_UNTIL:
        run(COMMANDS["collect"], moment)
        if moment == BORN + 150 * MINUTE:  # merged files beside those of single runs
            run(COMMANDS["lake compact"], moment)
        moment += 30 * MINUTE
    run(COMMANDS["collect"], BORN, config="far.toml")
    run(COMMANDS["usage build"], CLOSED_AT)
    run(rate(MONTH), CLOSED_AT)
    yield "close"
    for minutes in (60, 150):  # what comes too late for the closed month
        run(COMMANDS["collect"], BORN + minutes * MINUTE, config="far.toml")
    yield "collect"
    yield "lake compact"
    run(COMMANDS["collect"], COLLECTED_AT + 10 * MINUTE)
    yield "usage build"
    run(COMMANDS["export"], BUILT_AT)  # as it was before there were corrections
    run(rate(NEXT_MONTH), BUILT_AT)
    yield "export"


def rate(month: str) -> tuple[str, ...]:
    """Give the words that bill a month."""
    return ("rate", "--period", month, "--rate-card", "rates.toml")


def moment_of(name: str, turn: int = 0) -> datetime:
    """Return when a command runs by the site's clock; only what is collected tells of the moment."""
    return _MOMENTS.get(name, BUILT_AT) + (turn if name == "collect" else 0) * MINUTE


def _guest(vm_id: str, host: str, reads: int) -> str:
    return f"""[[guests]]
id = "{vm_id}"
name = "{vm_id}"
processes = [{{ host = "{host}", from_minute = 0, to_minute = 100000 }}]
[[guests.disks]]
device = "vda"
volume_id = "vol-{vm_id}"
cap_total_iops = {reads * 2}
loads = [{{ from_minute = 0, to_minute = 100000, read_iops = {reads}, write_iops = {reads // 10} }}]
"""


def _allocation(vm_id: str) -> str:
    limits = "min_iops = 100\nmax_iops = 1000\nmin_enforced = true\nattached_count = 1"
    return f'[[provisioned_iops]]\nvolume_id = "vol-{vm_id}"\npool_id = "p1"\n{limits}\n'


def _entitlement(vm_id: str) -> str:
    return f"""[[entitlement]]
volume_id = "vol-{vm_id}"
vm_id = "{vm_id}"
pool_id = "p1"
account_id = "acme"
account_name = "Acme"
sold_min_iops = 100
sold_max_iops = 1000
size_bytes = 1073741824
"""


def app(moment: datetime, config: str = "ioledger.toml") -> App:
    """Give a command in the site's directory its surroundings, at a moment."""
    clock = StoryClock(moment, booted_at=BORN - timedelta(days=1))
    return App(clock=clock, config_file=Path(config), config_named=True)


def truly_read(until: dict[str, datetime], end: datetime | None = None) -> Counter[str]:
    """Count what each guest truly read from its first sample to its host's last, or to an earlier ``end``."""
    return Counter(
        {
            vm_id: rate * int((min(until[host], end or until[host]) - BORN).total_seconds())
            for host, guests in GUESTS.items()
            if host in until
            for vm_id, rate in guests.items()
        }
    )
