"""Authorities and certificates for servers of tests, made by openssl."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30")


@dataclass(frozen=True)
class Authority:
    """An authority that nobody knows, in a directory of its own; ``file`` is its certificate."""

    directory: Path

    @property
    def file(self) -> Path:
        return self.directory / "authority.pem"

    def make(self) -> Authority:
        self.directory.mkdir()
        self._openssl("req", "-x509", *_KEY, "-subj", "/CN=authority of a test", "-addext", "keyUsage=keyCertSign",
                      "-keyout", "authority.key", "-out", "authority.pem")  # fmt: skip
        return self

    def server_context(self, *addresses: str) -> ssl.SSLContext:
        """Return what a server at some addresses, or at 127.0.0.1, needs: a certificate that the authority signed."""
        names = ",".join(f"IP:{address}" for address in addresses or ("127.0.0.1",))
        self._openssl("req", "-x509", *_KEY, "-subj", "/CN=server of a test", "-addext", f"subjectAltName={names}",
                      "-addext", "basicConstraints=critical,CA:FALSE", "-CA", "authority.pem", "-CAkey",
                      "authority.key", "-keyout", "server.key", "-out", "server.pem")  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "server.pem", self.directory / "server.key")
        return context

    def _openssl(self, *words: str) -> None:
        subprocess.run(("openssl", *words), cwd=self.directory, check=True, capture_output=True)
