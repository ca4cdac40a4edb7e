"""The `metrics` command: numbers about the lake for the textfile collector of Prometheus' node exporter."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from ioledger.delivery import deliver, require_place, to_option
from ioledger.examples import examples
from ioledger.lake import layout, reader
from ioledger.metrics.exposition import exposition
from ioledger.metrics.family import Asked, parts

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.app import App


@click.command(epilog=examples("metrics", "metrics --to /var/lib/prometheus/node-exporter/ioledger.prom"))
@to_option
@click.pass_obj
def metrics(app: App, to: Path | None) -> None:
    """Tell monitoring how sources, usage, findings and the lake are.

    In Prometheus' text format, for the directory that the node exporter's textfile collector reads: a
    FILE there ends in `.prom`. Nothing is judged or built, and nothing of the lake is changed; what
    `usage build` and `check` left is counted. No series is of a guest, a volume or an account.
    """
    if to:
        require_place(to)
    lake = layout.require(replace(app, is_of_machine=True).lake())
    configuration = app.configuration()
    known = parts()
    with reader.open_unlisted(lake) as opened:
        asked = Asked(lake, opened, configuration, app.clock.now())
        samples = [sample for part in known for sample in part.samples(asked)]
    text = exposition((family for part in known for family in part.families), samples)
    deliver(lambda stream: stream.write(text), to)
