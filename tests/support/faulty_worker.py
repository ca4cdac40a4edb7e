"""A libvirt worker in which some calls are replaced: what a test cannot make a host do on demand.

Run as a script, in the worker's place, with a file of Python: its functions are named after methods of
libvirt's connections or guests and take their place, with the real one as first argument.
"""

from __future__ import annotations

import functools
import runpy
import sys
from typing import TYPE_CHECKING

import libvirt

from collectors.hypervisors import libvirt_process, libvirt_worker

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def replace_calls(monkeypatch: pytest.MonkeyPatch, directory: Path, code: str) -> None:
    """Let every new worker be one in which the functions of ``code`` replace calls."""
    scenario = directory / "scenario.py"
    scenario.write_text(code, encoding="utf-8")
    monkeypatch.setattr(libvirt_process, "WORKER", (sys.executable, __file__, str(scenario)))


def _replace(scenario: str) -> None:
    for name, function in runpy.run_path(scenario).items():
        for owner in (libvirt.virConnect, libvirt.virDomain):
            if callable(function) and (real := owner.__dict__.get(name)) is not None:
                setattr(owner, name, functools.partialmethod(_called, function, real))


def _called(self: object, function: functools.partial[object], real: object, *arguments: object) -> object:
    return function(functools.partial(real, self), *arguments)  # type: ignore[arg-type]


if __name__ == "__main__":
    _replace(sys.argv[1])
    libvirt_worker.main()
