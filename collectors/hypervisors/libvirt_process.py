"""The process that a source's libvirt calls are made in, as the source starts it."""

from __future__ import annotations

import sys
from typing import Final

from collectors.worker_process import WorkerProcess, environment_with

WORKER: Final = (sys.executable, "-P", "-m", "collectors.hypervisors.libvirt_worker")

_INHERITED: Final = frozenset({
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"),
    *("LIBVIRT_AUTH_FILE", "LIBVIRT_DEBUG", "LIBVIRT_LOG_FILTERS", "LIBVIRT_LOG_OUTPUTS"),
    *("KRB5CCNAME", "KRB5_CONFIG", "KRB5_CLIENT_KTNAME", "SASL_CONF_PATH", "SASL_PATH", "SSH_AUTH_SOCK"),
})  # fmt: skip
"""Environment variables that this worker gets beside those of every worker. What would let ssh ask on a screen for a
password, which nobody would answer, is not among them."""


class LibvirtProcess(WorkerProcess):
    """A worker (``libvirt_worker``), started now."""

    def __init__(self) -> None:
        # Libvirt's own warnings say no more than the errors that follow.
        super().__init__(WORKER, {"LIBVIRT_DEBUG": "error"} | environment_with(_INHERITED), "libvirt")
