"""Guests of a host that libvirt manages: QEMU/KVM, and libvirt's own test driver.

Calls in groups read the counters of all guests, then each guest's live XML gives its disks and caps
(on 60 guests with 4 disks 185 ms and 5 ms; asking disk by disk takes five times as long). All of them
are made by a worker process, which is ended when a guest hangs (``libvirt_asking``). Nothing is
changed on the host: the connection is read-only.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from collectors.hypervisors import libvirt_versions
from collectors.hypervisors.libvirt_epoch import processes_for
from collectors.hypervisors.libvirt_host import Host
from collectors.hypervisors.libvirt_round import Round
from collectors.hypervisors.volume_identity import DiskRule
from collectors.source import LONGEST_RUN_SECONDS
from ioledger.config import Secret, StrictModel
from ioledger.errors import counted
from ioledger.health.check import Check

if TYPE_CHECKING:
    from collectors.hypervisors.libvirt_round import ParsedDisks
    from collectors.source import Occasion
    from ioledger.clock import Clock
    from ioledger.model.records import Kind, Reading


class LibvirtSettings(StrictModel):
    """The keys of a source of type ``libvirt``.

    ``uri`` is a libvirt connection URI, such as ``qemu:///system``; ``volume_id`` the rules that
    name the volume behind a disk, of which the first that matches counts; ``username`` and
    ``password`` answer a server that asks for them.
    """

    uri: str
    volume_id: list[DiskRule] = Field(default_factory=list)
    username: str | None = None
    password: Secret | None = None

    @field_validator("uri")
    @classmethod
    def _is_uri(cls, uri: str) -> str:
        # An alias or an empty URI would let libvirt's own files choose the host, and with it the scheme of epochs.
        # A password may hold anything, so any ':' before a '@' begins one; libvirt has no parameter for one either.
        if re.match(r"[^/@]*(:|%3a)[^@]*@", uri.partition("://")[2] or uri, re.IGNORECASE) or re.search(
            r"[?&;](pass[a-z]*|pwd|secret)=", uri, re.IGNORECASE
        ):
            raise ValueError(
                "the URI holds a password, which everybody would see; remove it, change it, and add the keys "
                "username and password to the source (a '@' that is part of a path is written %40)"
            )
        if not re.match(r"[a-z0-9]+(\+[a-z0-9]+)?://", uri):
            raise ValueError(
                f"{uri!r} is no libvirt URI; write it in full, such as qemu:///system or qemu+ssh://host/system"
            )
        return uri

    @model_validator(mode="after")
    def _password_has_user(self) -> Self:
        if self.password is not None and self.username is None:
            raise ValueError("a password is of no use without a username; add username, or remove password")
        return self


class LibvirtSource:
    """A libvirt host, as ``Settings`` names it; between runs it keeps its worker and the connection."""

    Settings: ClassVar[type[LibvirtSettings]] = LibvirtSettings
    kind: ClassVar[Kind] = "hypervisor"
    longest_run_seconds = LONGEST_RUN_SECONDS

    def __init__(self, settings: LibvirtSettings) -> None:
        self._settings = settings
        self._host = Host(settings.uri, settings.username, settings.password.reveal if settings.password else None)
        self._parsed: ParsedDisks = {}

    def read(self, occasion: Occasion) -> Reading:
        """List the disks of all guests with their counters and caps.

        Raises SourceError where the host cannot be reached or its guests cannot be listed. A guest
        that does not answer has rows of state ``timeout``, one that cannot be read rows of state
        ``error``, with ``device`` NULL where not even its disks are known; both are named in
        ``Reading.error``.
        """
        listing = self._host.list_guests()
        processes = processes_for(self._settings.uri, self._host.identity, os.environ)
        reading = Round(self._host, listing, occasion, processes, self._parsed).read(self._settings.volume_id)
        self._parsed = {guest.uuid: self._parsed[guest.uuid] for guest in listing.guests if guest.uuid in self._parsed}
        return reading

    def examine(self, clock: Clock) -> list[Check]:  # noqa: ARG002 - libvirt tells no time
        """Connect, list the guests and ask for versions; SourceError where the host cannot be reached."""
        guests = self._host.list_guests().guests
        listed = Check("connection", f"{self._settings.uri} lists {counted(len(guests), 'guest')}")
        return [listed, libvirt_versions.check(self._host)]

    def close(self) -> None:
        """Let go of the connection, and of the worker that holds it."""
        self._host.close()
