"""Connecting to libvirt, for reading only, and what its errors say."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import libvirt
from defusedxml.ElementTree import fromstring

from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr


@contextmanager
def connected(uri: str, username: str | None, password: SecretStr | None) -> Iterator[libvirt.virConnect]:
    """Open a read-only connection and close it at the end; SourceError where there is none to be had."""
    _print_no_errors()
    if urlsplit(uri).path == "/embed":
        _register_event_loop()
    try:
        connection = libvirt.openAuth(uri, _authentication(username, password), libvirt.VIR_CONNECT_RO)
    except libvirt.libvirtError as error:
        raise SourceError(
            f"cannot connect to {uri}: {reason(error)}; start libvirt there, or correct the source's uri or credentials"
        ) from error
    try:
        yield connection
    finally:
        connection.close()


def host_identity(connection: libvirt.virConnect) -> str:
    """Return the host's UUID, or its name where the driver knows no UUID."""
    try:
        uuid = fromstring(connection.getCapabilities(), forbid_dtd=True).findtext("host/uuid")
        return str(uuid or connection.getHostname())
    except libvirt.libvirtError as error:
        raise SourceError(
            f"the host cannot be identified: {reason(error)}; let the user who collects read its capabilities"
        ) from error


def reason(error: libvirt.libvirtError) -> str:
    """Return libvirt's own words in one line, without the full stop."""
    return " ".join(str(error).split()).rstrip(".")


def _authentication(username: str | None, password: SecretStr | None) -> list[object]:
    answers = {
        libvirt.VIR_CRED_AUTHNAME: username,
        libvirt.VIR_CRED_USERNAME: username,
        libvirt.VIR_CRED_PASSPHRASE: password.get_secret_value() if password else None,
    }

    def answer(credentials: list[list[object]], _: object) -> int:
        for credential in credentials:
            known = answers.get(credential[0])
            if known is None:
                return -1
            credential[4] = known
        return 0

    return [list(answers), answer, None]


@cache
def _print_no_errors() -> None:
    """Keep libvirt from printing errors, which all arrive as exceptions, to stderr."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)


@cache
def _register_event_loop() -> None:
    """Meet the embedded driver's condition for opening; its monitors run on threads of their own."""
    libvirt.virEventRegisterDefaultImpl()
