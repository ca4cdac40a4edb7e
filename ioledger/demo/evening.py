"""The six hours of the story: what is collected when, and what comes from the branch office."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ioledger.app import App
from ioledger.demo.stage import command, only_warnings
from ioledger.lake import layout
from ioledger.terminal import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.demo.stage import StoryClock

BRANCH: Final = Path("branch")

DELIVER: Final = "cp -r branch/lake/disk_io_stat branch/lake/collection_run lake/"
"""Runs count once their collection_run is there, so that comes last."""


def collect(app: App, clock: StoryClock, story: dict[str, Any]) -> int:
    """Run the real `collect` at every beat of the story, and return how often; the working directory is the demo's."""
    branch = App(clock=clock, config_file=BRANCH / "ioledger.toml", config_named=True)
    for lake in (app.lake(), branch.lake()):
        layout.create(lake)
    last = story["checked_at_minute"]
    beats = range(0, last + 1, story["sample_every_minutes"])
    with progress("collecting six hours") as tell, only_warnings():
        for minute in beats:
            tell(minute, last)
            clock.moment = story["start"] + timedelta(minutes=minute)
            if minute == story["resize"]["minute"]:
                _resize(story["resize"])
            named = (word for source in _sources(story, minute) for word in ("--source", source))
            command(app, "collect", *named)
            command(branch, "collect")
            if minute <= story["branch"]["until_minute"] and minute % story["list_every_minutes"] == 0:
                deliver()
    return len(beats)


def _sources(story: dict[str, Any], minute: int) -> Iterator[str]:
    """Name what is read at a minute."""
    if minute % story["list_every_minutes"] == 0 or minute == story["checked_at_minute"]:
        yield from ("array-1", "shop")
    yield "kvm-a"
    outage = story["outage"]
    if not outage["after_minute"] < minute < outage["before_minute"]:
        yield "kvm-b"


def _resize(resize: dict[str, Any]) -> None:
    """Have the array and the shop tell the new size of the volume that grows."""
    for path in (Path("array.toml"), Path("sold.toml")):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(resize["before"], resize["after"]), encoding="utf-8")


def deliver() -> None:
    """Copy what the branch office collected; it does what ``DELIVER`` says."""
    for table in ("disk_io_stat", "collection_run"):
        shutil.copytree(BRANCH / "lake" / table, Path("lake") / table, dirs_exist_ok=True)
