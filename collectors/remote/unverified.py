"""Servers whose certificates the settings do not want verified, for clients that are built on urllib3."""

from __future__ import annotations

import urllib3


def accept(verify: bool | str) -> None:  # noqa: FBT001 - what RemoteSettings.verify gives
    """Have urllib3 warn of nothing at every request where the settings ask for it (``verify_tls = false``)."""
    if verify is False:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
