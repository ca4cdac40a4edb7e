"""What is remembered of a source's last run: the source's own part, and the runner's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors.run_clock import Moment
from ioledger.clock import from_us, to_us
from ioledger.lake import memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of a source that was stored, or was about to be when a crash came, and the machine's name."""

    started_at: datetime
    ended: Moment
    machine: str | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """``of_source`` is what the source asked to be remembered; each part is None where it is lost."""

    last_run: LastRun | None = None
    of_source: Mapping[str, Any] | None = None


def recall(lake: Path, name: str) -> Remembered:
    """Return what is remembered of a source."""
    parts = memory.recall(lake, name) or {}
    of_source = parts.get("source")
    return Remembered(_last_run(parts.get("run")), of_source if isinstance(of_source, dict) else None)


def remember(lake: Path, name: str, what: Remembered) -> None:
    """Keep what the next run is to know; raises LakeError if it cannot be written."""
    parts: dict[str, Any] = {}
    if what.last_run is not None:
        ended = what.last_run.ended
        parts["run"] = {
            "started_at_us": to_us(what.last_run.started_at),
            "ended_at_us": to_us(ended.at),
            "boottime_us": ended.boottime_us,
            "boot_id": ended.boot_id,
            "machine": what.last_run.machine,
        }
    if what.of_source is not None:
        parts["source"] = what.of_source
    memory.remember(lake, name, parts)


def latest_end(lake: Path, sources: Iterable[str]) -> Moment | None:
    """Return when the run ended that ended last of those that are remembered of some sources."""
    runs = [recall(lake, name).last_run for name in sources]
    return max((run.ended for run in runs if run), key=lambda ended: ended.at, default=None)


def _last_run(told: object) -> LastRun | None:
    match told:
        case {"started_at_us": int(started), "ended_at_us": int(ended), "boottime_us": int(boottime_us), **rest}:
            boot_id, machine = (
                told if isinstance(told := rest.get(name), str) else None for name in ("boot_id", "machine")
            )
            try:
                times = from_us(started), from_us(ended)
            except OverflowError:
                return None
            return LastRun(times[0], Moment(times[1], boottime_us, boot_id), machine)
    return None
