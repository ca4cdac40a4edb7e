"""The `demo` command: a story with known numbers, told through the commands that people use."""

from __future__ import annotations

import logging
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ioledger.app import App
from ioledger.errors import ConfigurationError
from ioledger.examples import examples
from ioledger.lake import layout, reader
from ioledger.model.tables import OPERATION_CLASSES
from ioledger.terminal import progress, show

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger(__name__)

_FILES: Final = ("ioledger.toml", "fleet.toml", "sold.toml", "array-before.toml", "array-after.toml")


@dataclass(slots=True)
class _StoryClock:
    """A clock that stands where the story is."""

    moment: datetime
    booted_at: datetime

    def now(self) -> datetime:
        return self.moment

    def boottime_us(self) -> int:
        return (self.moment - self.booted_at) // timedelta(microseconds=1)

    def boot_id(self) -> str | None:
        return "story"


@click.command(epilog=examples("demo", "demo --directory /tmp/tour"))
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("ioledger-demo"),
    show_default=True,
    help="Where the demo's configuration and lake go; it must not hold anything yet.",
)
def demo(directory: Path) -> int:
    """Meter a synthetic fleet whose true usage is known, and compare.

    Six guests on two hosts, six hours: a conflict, a drift, a migration, a restart and a collector
    that was down. The exit code is 0 only if every number is the one that was worked out by hand.
    """
    story = tomllib.loads(_packaged("story.toml"))
    _set_up(directory)
    clock = _StoryClock(story["start"], booted_at=story["start"] - timedelta(days=1))
    app = App(clock=clock, config_file=directory / "ioledger.toml", config_named=True)
    layout.create(app.lake())
    _collect(app, clock, story, directory)
    ends = story["start"] + timedelta(minutes=story["minutes"])
    period = ["--from", story["start"].isoformat(), "--to", ends.isoformat()]
    _tell(app, "usage", "build", *period)
    _tell(app, "usage", "show", "--by", "volume", *period)
    _tell(app, "check")
    matches = _compare(app.lake(), story)
    _log.info("The lake stays: ioledger --config %s usage show --by account", app.config_file)
    return 0 if matches else 4


def _set_up(directory: Path) -> None:
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigurationError(f"{directory} holds something already; remove it, or name another with --directory")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            (directory / name).write_text(_packaged(name), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{directory} cannot be written: {error.strerror}; choose another --directory"
        ) from error


def _packaged(name: str) -> str:
    return resources.files("ioledger.demo").joinpath(name).read_text(encoding="utf-8")


def _collect(app: App, clock: _StoryClock, story: dict[str, Any], directory: Path) -> None:
    """Run the real `collect` at every beat of the story."""
    outage = story["outage"]
    last = story["minutes"] + story["sample_every_minutes"]
    with progress("collecting six hours") as tell, _only_warnings():
        for minute in range(0, last + 1, story["sample_every_minutes"]):
            tell(minute, last)
            clock.moment = story["start"] + timedelta(minutes=minute)
            name = "array-before.toml" if minute < story["array_changes_at_minute"] else "array-after.toml"
            (directory / "array.toml").write_text(_packaged(name), encoding="utf-8")
            sources = ["array-1", "shop"] if minute % story["list_every_minutes"] == 0 or minute == last else []
            sources += ["kvm-a", "kvm-b"]
            if outage["after_minute"] < minute < outage["before_minute"]:
                sources.remove(outage["source"])
            _command(app, "collect", *(word for source in sources for word in ("--source", source)))


@contextmanager
def _only_warnings() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.setLevel(level)


def _tell(app: App, *words: str) -> None:
    """Show a command as one would type it, and what it answers."""
    _log.info("\n$ ioledger %s", " ".join(words))
    _command(app, *words)


def _command(app: App, name: str, *words: str) -> None:
    command: click.Command = next(iter(entry_points(group="ioledger.commands", name=name))).load()
    command.main(args=list(words), obj=app, prog_name=f"ioledger {name}", standalone_mode=False)


def _compare(lake: Path, story: dict[str, Any]) -> bool:
    """Print what the guests did beside what was metered; return whether all is as it has to be."""
    with reader.connect(lake) as connection:
        usage = connection.sql(_packaged("usage_by_volume.sql")).to_arrow_table().to_pylist()
        found = connection.sql("SELECT code, vm_id, volume_id FROM finding").to_arrow_table().to_pylist()
    metered = {row["volume_id"]: row for row in usage}
    rows = [_beside(truth, metered.get(truth["volume_id"], {})) for truth in story["truth"]]
    expected = [{"code": None, "vm_id": None, "volume_id": None, **finding} for finding in story["finding"]]
    _log.info("\nWhat the guests did, and what was metered:")
    show(rows, ("volume_id", "done_ops", "lost_ops", "metered_ops", "split", "verdict"), "table")
    findings_match = sorted(found, key=str) == sorted(expected, key=str)
    matches = findings_match and metered.keys() <= {truth["volume_id"] for truth in story["truth"]}
    matches = matches and all(row["verdict"] == "equal" for row in rows)
    _log.info(
        "%s; %d findings, %s.",
        "Every number is as worked out by hand" if matches else "SOMETHING DIFFERS from what was worked out by hand",
        len(found),
        "each of them planted" if findings_match else "not those that were planted",
    )
    return matches


def _beside(truth: dict[str, Any], metered: dict[str, Any]) -> dict[str, object]:
    metered_ops = sum(metered.get(name, 0) for name in OPERATION_CLASSES)
    same_split = all(metered.get(name, 0) == truth[name] for name in OPERATION_CLASSES)
    return {
        "volume_id": truth["volume_id"],
        "done_ops": truth["done_ops"],
        "lost_ops": truth["lost_ops"],
        "metered_ops": metered_ops,
        "split": "as known" if same_split else "differs",
        "verdict": "equal" if same_split and metered_ops == truth["done_ops"] - truth["lost_ops"] else "DIFFERS",
    }
