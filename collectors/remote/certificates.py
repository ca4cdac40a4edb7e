"""What clients that are built on urllib3 say of certificates."""

from __future__ import annotations

from typing import Final

import urllib3

MEND_UNTRUSTED: Final = (
    "name the authority that signed the certificate in ca_file, or trust whoever answers with verify_tls = false"
)
"""What follows where a certificate is not trusted."""


def accept(verify: bool | str) -> None:  # noqa: FBT001 - what RemoteSettings.verify gives
    """Have urllib3 warn of nothing at every request where the settings ask for it (``verify_tls = false``)."""
    if verify is False:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
