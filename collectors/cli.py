"""The `collect` command: one run of the sources, or a loop that keeps its beat."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

import click

from collectors.collection import Collection, collect_all
from collectors.registry import build_sources
from collectors.sender import Sender
from collectors.service import keep_collecting
from collectors.systemd import Notifier
from collectors.without_pandas import keep_pandas_out
from ioledger import completion
from ioledger.cli import EXIT_DEFECT, EXIT_PARTIAL, EXIT_WRONG_USE
from ioledger.examples import examples
from ioledger.lake import layout
from ioledger.model.period import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import FrameType

    from collectors.runner import Outcome
    from collectors.source import Source
    from ioledger.app import App

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@click.command(epilog=examples("collect", "collect --source kvm-01", "collect --every 60s"))
@click.option(
    "--source",
    "wanted",
    multiple=True,
    metavar="NAME",
    shell_complete=completion.sources,
    help="Only this source; may be repeated.",
)
@click.option("--every", metavar="DURATION", help="Keep collecting, such as every 60s or 1m30s, until SIGTERM.")
@click.pass_obj
def collect(app: App, wanted: tuple[str, ...], every: str | None) -> int:
    """Read every configured source once and store what it says.

    What a source cannot read is stored as unknown and told on stderr; the exit code is then 3. So it is where
    the lake lies in an object store that is away: what was read is kept here, and sent later.
    """
    keep_pandas_out()
    interval = None if every is None else parse_duration(every)
    configuration = app.configuration()
    sources = build_sources(configuration, app.directory, wanted)
    lake, sender = _lake_and_sender(app)
    require_room = sender.require_room if sender else lambda: None
    collection = Collection(lake, sources, app.clock, require_room, configured=configuration.sources)
    try:
        with _stop_signals(collection.stop):
            if interval is None:
                code = _exit_code(collect_all(collection), is_stopped=collection.is_stopping)
                if sender and not sender.send():
                    code = code or EXIT_PARTIAL
            else:
                with sender.sending() if sender else nullcontext():
                    keep_collecting(
                        collection,
                        app.clock,
                        interval,
                        Notifier.of(os.environ),
                        sender.tell if sender else lambda: None,
                    )
                code = 0
    finally:
        _close(sources, collection)
    if collection.unfinished or (sender and sender.is_stuck()):
        # A thread that never ends may be anywhere in a library, and must not wake up in the midst of tidying; and
        # Python's own end would wait for requests to the store that are not answered, for minutes.
        logging.shutdown()
        os._exit(code)
    return code


def _lake_and_sender(app: App) -> tuple[Path, Sender | None]:
    """Return the lake that runs are written to, and what puts them into the store if the lake lies in one."""
    copy = app.working_copy()
    if copy is None:
        return layout.require(app.lake()), None
    copy.prepare_spool()
    return layout.require(copy.path), Sender(copy, app.configuration().object_store.spool_mib)


def _close(sources: Mapping[str, Source], collection: Collection) -> None:
    for name, source in sources.items():
        if name not in collection.unfinished:
            source.close()


def _exit_code(outcomes: list[Outcome], *, is_stopped: bool) -> int:
    if any(outcome.is_defect for outcome in outcomes):
        return EXIT_DEFECT
    if all(outcome.status == "failed" for outcome in outcomes) and not is_stopped:
        return EXIT_WRONG_USE
    return 0 if all(outcome.status == "ok" for outcome in outcomes) else EXIT_PARTIAL


@contextmanager
def _stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Have the first stop signal call ``stop``, and a second one end the process at once."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        stop()

    before = {number: signal.signal(number, handle) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
