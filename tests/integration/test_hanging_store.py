"""A store that takes connections and never answers: a service that collects ends all the same."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from live_guests import wait_until
from s3_server import configured

from ioledger.lake import layout

if TYPE_CHECKING:
    from pathlib import Path

ENDS_WITHIN_SECONDS = 30
"""Sending gets five seconds; one request without an answer would take two minutes."""


def test_a_stop_signal_ends_a_service_whose_store_does_not_answer(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    layout.create(copy)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        configured(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}", "hangs")
        with (tmp_path / "log").open("wb") as log:
            service = subprocess.Popen(
                [sys.executable, "-c", "from ioledger.cli import main; main()", "collect", "--every", "1s"],
                cwd=tmp_path, env={**os.environ, "STORE_ACCESS_KEY": "key", "STORE_SECRET_KEY": "secret"},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            wait_until(lambda: any(copy.glob("collection_run/*/*/*.parquet")), "the first run")
            silent.settimeout(ENDS_WITHIN_SECONDS)
            connection, _ = silent.accept()
            with connection:
                service.send_signal(signal.SIGTERM)
                assert service.wait(ENDS_WITHIN_SECONDS) == 0, (tmp_path / "log").read_text(encoding="utf-8")
        finally:
            service.kill()
            service.wait()
