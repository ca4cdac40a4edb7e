"""Tells systemd how the service is, by datagrams to the socket that it names (sd_notify(3)).

The protocol is one line to send, and what there is for Python to send it is not kept up: sdnotify had
its last release in 2017, and systemd-python has to be compiled against libsystemd.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Notifier:
    """A service manager that listens at ``address``, or none; what cannot be sent is lost, and harms nothing.

    ``watchdog_seconds`` is how long it waits for a sign of life; None: it does not.
    """

    address: str | None = None
    watchdog_seconds: float | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read from the environment who listens and what it waits for."""
        address = environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return cls()
        timeout_us = environment.get("WATCHDOG_USEC", "")
        is_meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        waits = timeout_us.isdecimal() and int(timeout_us) > 0 and is_meant
        return cls(address, int(timeout_us) / 1_000_000 if waits else None)

    def send(self, **state: str) -> None:
        """Send assignments, such as ``READY="1"``."""
        if self.address is None:
            return
        # An address that begins with @ is a name in the abstract namespace, which begins with a NUL.
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        lines = "\n".join(f"{name}={' '.join(value.split())}" for name, value in state.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(0)
                sender.sendto(lines.encode(), address)
        except OSError:
            return
