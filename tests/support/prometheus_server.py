"""A Prometheus and a node exporter of its own for tests: on free ports of the loopback, each ended by its own pid.

The node exporter reads a directory of text files, and Prometheus scrapes it every second and evaluates the
alert rules that ship. No service is started or needed.
"""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from components import lacking
from live_guests import PATIENCE_SECONDS, free_port, require, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ALERTS = Path(__file__).parents[2] / "docs" / "monitoring" / "alerts.yml"

CONFIGURATION = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{alerts}]
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@dataclass(frozen=True)
class Prometheus:
    """A server, and the directory of the text files that reach it."""

    url: str
    textfiles: Path

    def api(self, path: str, **parameters: str) -> dict[str, Any]:
        """Return the data of an answer; what Prometheus refuses is a ValueError with its reason."""
        address = f"{self.url}/api/v1/{path}?{urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - the address is ours
                data: dict[str, Any] = json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            with refused:
                raise ValueError(json.load(refused)["error"]) from refused
        return data

    def ask(self, query: str) -> dict[tuple[str, ...], float]:
        """Return the values of a query by those of its series' labels other than instance and job, sorted by name."""
        of_all = {"__name__", "instance", "job"}
        return {
            tuple(each["metric"][name] for name in sorted(each["metric"].keys() - of_all)): float(each["value"][1])
            for each in self.api("query", query=query)["result"]
        }


@contextmanager
def running(directory: Path) -> Iterator[dict[str, str]]:
    """Have both run: a component."""
    try:
        require(["prometheus", "prometheus-node-exporter"], "test")
    except RuntimeError as missing:
        lacking(str(missing))
    textfiles = directory / "textfiles"
    textfiles.mkdir()
    exporter_port, port = free_port(), free_port()
    configuration = directory / "prometheus.yml"
    configuration.write_text(CONFIGURATION.format(alerts=ALERTS, port=exporter_port), encoding="utf-8")
    with ExitStack() as stack:
        _start(
            stack, directory, "prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
            f"--collector.textfile.directory={textfiles}", f"--web.listen-address=127.0.0.1:{exporter_port}",
        )  # fmt: skip
        _start(
            stack, directory, "prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        )  # fmt: skip
        wait_until(lambda: _answers(f"http://127.0.0.1:{exporter_port}/metrics"), "the node exporter")
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}/-/ready"), "Prometheus")
        yield {"url": f"http://127.0.0.1:{port}", "textfiles": str(textfiles)}


def _start(stack: ExitStack, directory: Path, program: str, *arguments: str) -> None:
    log = stack.enter_context((directory / f"{program}.log").open("wb"))
    process = subprocess.Popen([program, *arguments], cwd=directory, stdout=log, stderr=log)
    stack.callback(process.wait, PATIENCE_SECONDS)
    stack.callback(process.terminate)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - likewise
            return bool(answer.status == 200)
    except OSError:
        return False
