"""Numbers of libvirt's interface, for the process that does not load its library.

Only the worker talks to libvirt; loaded here as well, the library would take another 12 MB for sixteen
numbers that never change. Source: libvirt's headers virterror.h and libvirt-domain.h.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

if find_spec("libvirt") is None:  # said now, when the source is configured, and not by the worker
    raise ImportError("No module named 'libvirt'")

VIR_ERR_INVALID_ARG: Final = 8
VIR_ERR_NO_CONNECT: Final = 5
VIR_ERR_NO_SUPPORT: Final = 3
VIR_ERR_NO_DOMAIN: Final = 42
VIR_ERR_AUTH_FAILED: Final = 45
VIR_ERR_AUTH_CANCELLED: Final = 79
VIR_ERR_AUTH_UNAVAILABLE: Final = 94
VIR_ERR_ACCESS_DENIED: Final = 88
VIR_ERR_SSH: Final = 85
VIR_ERR_LIBSSH: Final = 98

VIR_DOMAIN_CONTROL_OK: Final = 0
VIR_DOMAIN_CONTROL_OCCUPIED: Final = 2

VIR_DOMAIN_PAUSED: Final = 3
VIR_DOMAIN_PAUSED_MIGRATION: Final = 2
VIR_DOMAIN_PAUSED_STARTING_UP: Final = 11

VIR_DOMAIN_EVENT_STARTED: Final = 2
