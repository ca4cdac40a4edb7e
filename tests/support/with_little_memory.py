"""Runs a command of a site in a process that may take so many MiB more than what it has when it begins.

``with_little_memory.py NAME MIB`` in the site's directory; the exit code is the command's.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Final

from faulted_sites import COMMANDS, go
from kills import site

from ioledger import cli

_MIB: Final = 2**20


def _limit_memory(more_bytes: int) -> None:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    held_kib = next(int(line.split()[1]) for line in lines if line.startswith("VmData:"))
    most = held_kib * 1024 + more_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def main(name: str, mebibytes: str) -> int:
    """Load the command's modules, so that the limit is met at its work, and run it."""
    words = COMMANDS[name]
    cli.run([*words, "--help"])
    _limit_memory(int(mebibytes) * _MIB)
    return go(Path.cwd(), words, site.moment_of(name))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
