"""The `collect` command: one run of the sources, or a loop that keeps its beat."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import click

from collectors.registry import build_sources
from collectors.runner import Outcome, collect_all
from ioledger.cli import EXIT_DEFECT, EXIT_PARTIAL, EXIT_WRONG_USE
from ioledger.errors import LakeError
from ioledger.lake import layout
from ioledger.model.period import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from collectors.source import Source
    from ioledger.app import App

_log = logging.getLogger(__name__)

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@click.command()
@click.option("--source", "wanted", multiple=True, metavar="NAME", help="Only this source; may be repeated.")
@click.option("--every", metavar="DURATION", help="Keep collecting, such as every 60s or 5m, until SIGTERM.")
@click.pass_obj
def collect(app: App, wanted: tuple[str, ...], every: str | None) -> int:
    """Read every configured source once and store what it says.

    What a source cannot read is stored as unknown and told on stderr; the exit code is then 3.
    """
    sources = build_sources(app.configuration(), app.directory, wanted)
    with ExitStack() as opened:
        for source in sources.values():
            opened.callback(source.close)
        if every is None:
            return _exit_code(collect_all(app.lake(), sources, app.clock))
        return _keep_collecting(app, sources, parse_duration(every))


def _keep_collecting(app: App, sources: Mapping[str, Source], interval: timedelta) -> int:
    lake = layout.require(app.lake())
    with _stop_requested() as stop:
        while not stop.wait(_until_next_beat(app.clock.now().timestamp(), interval)):
            try:
                collect_all(lake, sources, app.clock)
            except LakeError as error:  # a disk that is full now may have room at the next beat
                _log.error("ioledger: %s", error)
    return 0


def _exit_code(outcomes: list[Outcome]) -> int:
    if any(outcome.is_defect for outcome in outcomes):
        return EXIT_DEFECT
    if all(outcome.status == "failed" for outcome in outcomes):
        return EXIT_WRONG_USE
    return 0 if all(outcome.status == "ok" for outcome in outcomes) else EXIT_PARTIAL


def _until_next_beat(now: float, interval: timedelta) -> float:
    """Return the seconds to the next multiple of the interval since the epoch, so that beats do not drift."""
    length = interval.total_seconds()
    return length - now % length


@contextmanager
def _stop_requested() -> Iterator[threading.Event]:
    """Yield an event that a stop signal sets; a run in progress ends first."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in _STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
