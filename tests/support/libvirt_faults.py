"""Faults in front of a real libvirt: what a test cannot make a host do on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libvirt

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class Faulty:
    """A connection or guest in which some calls are replaced; the others reach the real one."""

    def __init__(self, real: Any, **replaced: Callable[..., Any]) -> None:  # noqa: ANN401 - libvirt has no types
        self._real = real
        self._replaced = replaced

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - likewise
        return self._replaced.get(name) or getattr(self._real, name)


def connect_with(monkeypatch: pytest.MonkeyPatch, **replaced: Callable[..., Any]) -> None:
    """Let every new connection be one in which these calls are replaced."""
    real = libvirt.openAuth
    monkeypatch.setattr(libvirt, "openAuth", lambda *arguments: Faulty(real(*arguments), **replaced))
