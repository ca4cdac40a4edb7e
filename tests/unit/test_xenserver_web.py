"""Where hosts of a pool are asked, and answers that are let go of."""

from __future__ import annotations

import io
import time
from typing import Any, cast

import pytest

from collectors.hypervisors.xenserver_web import Body, Place
from ioledger.errors import SourceError


@pytest.mark.parametrize(
    ("configured", "address", "url"),
    [
        ("xen-01.example.org", "10.0.0.7", "https://10.0.0.7"),
        ("xen-01.example.org:8443", "10.0.0.7", "https://10.0.0.7:8443"),
        ("10.0.0.6", "fd00::7", "https://[fd00::7]"),
        ("[fd00::6]:8443", "fd00::7", "https://[fd00::7]:8443"),
        ("[fd00::6]", "fd00::7", "https://[fd00::7]"),
    ],
)
def test_hosts_are_asked_at_their_address_and_the_configured_port(configured: str, address: str, url: str) -> None:
    assert Place("https", configured).at(address).url == url


def test_an_answer_that_drips_ends_with_the_run() -> None:
    response = cast("Any", io.BytesIO(b"<xport>"))
    assert Body(response, time.monotonic() + 60).read() == b"<xport>"
    with pytest.raises(SourceError, match="longer than the whole run may"):
        Body(response, time.monotonic() - 1).read()
