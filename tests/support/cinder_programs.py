"""The programs of Cinder and Keystone, in a virtual environment of their own that `make test` makes."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from components import lacking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECKOUT = Path(__file__).parents[2]
VENV = CHECKOUT / ".cache" / "cinder-29"
PREPARED = VENV / "prepared"
SOURCES = Path(__file__).parent / "cinder"

PASSWORD = (SOURCES / "password").read_text(encoding="utf-8").strip()
"""Of the administrator of a Keystone that lives as long as a test."""

END_SECONDS = 10


def require_cinder() -> None:
    """Skip what this machine has no Cinder for."""
    if not PREPARED.is_dir():
        lacking("Cinder is not installed; run `make .cache/cinder-29/.installed`")


def copied(directory: Path, *names: str) -> None:
    """Put empty databases and keys into a directory."""
    for name in names:
        prepared = PREPARED / name
        (shutil.copytree if prepared.is_dir() else shutil.copy)(prepared, directory / name)


def configured(directory: Path, service: str, values: Mapping[str, str], sections: str = "") -> Path:
    """Write a service's configuration."""
    text = (SOURCES / f"{service}.conf.in").read_text(encoding="utf-8")
    for name, value in {"DIRECTORY": str(directory), "VENV": str(VENV), **values}.items():
        text = text.replace(f"@{name}@", value)
    file = directory / f"{service}.conf"
    file.write_text(text + sections, encoding="utf-8")
    return file


class Process:
    """A server that was started, and is asked whether it answers."""

    def __init__(self, running: subprocess.Popen[bytes], log: Path) -> None:
        self._running = running
        self._log = log

    def answers(self, url: str) -> bool:
        """Tell whether it does; RuntimeError with the end of its log where it is no more."""
        if self._running.poll() is not None:
            raise RuntimeError(f"it ended: {self._log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
        try:
            return requests.get(url, timeout=10).status_code < 500
        except requests.RequestException:
            return False


@contextmanager
def process(command: list[str], log: Path, environment: Mapping[str, str]) -> Iterator[Process]:
    """Run a server for the block."""
    with log.open("wb") as output:
        running = subprocess.Popen(
            command, env=dict(environment), stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
    try:
        yield Process(running, log)
    finally:
        running.terminate()
        try:
            running.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
