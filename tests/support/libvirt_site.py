"""Guests of libvirt's own test driver, whose host is a file: the libvirt source's site."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from source_site import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "correct horse battery"  # noqa: S105 - of a host that exists in a file alone
CAP = "<iotune><total_iops_sec>300</total_iops_sec></iotune>"


class LibvirtSite:
    """A host with one guest for each disk; every other disk has a cap."""

    def __init__(self, directory: Path, guests: int) -> None:
        self._file = directory / "host.xml"
        self._guests = guests
        self.settings: dict[str, object] = {
            "uri": f"test:///{self._file}",
            "username": "reader",
            "password": {"env": "LIBVIRT_SITE_PASSWORD"},
        }
        self.environment = {"LIBVIRT_SITE_PASSWORD": PASSWORD}
        self.secrets = (PASSWORD,)
        self.mend()

    def lose_part(self) -> None:
        """Give one guest a cap that is no amount that libvirt itself would ever write."""
        self._write(broken=1)

    def hang(self) -> None:
        """Have the host's file be one that nobody ever writes to."""
        self._file.unlink()
        os.mkfifo(self._file)

    def refuse(self) -> None:
        """Have another password."""
        self._write(password="another")  # noqa: S106 - likewise

    def mend(self) -> None:
        self._file.unlink(missing_ok=True)
        self._write()

    def _write(self, broken: int | None = None, password: str = PASSWORD) -> None:
        guests = "\n".join(_guest(number, is_broken=number == broken) for number in range(self._guests))
        text = f'<node><auth><user password="{password}">reader</user></auth>\n{guests}\n</node>\n'
        self._file.write_text(text, encoding="utf-8")


def _guest(number: int, *, is_broken: bool) -> str:
    cap = CAP if number % 2 else ""
    if is_broken:
        cap = f"<iotune><total_iops_sec>{2**64 - 1}</total_iops_sec></iotune>"
    return (
        f'<domain type="test"><name>guest-{number}</name><uuid>{UUID(int=number + 1)}</uuid><memory>8192</memory>'
        f'<os><type>hvm</type></os><devices><disk type="file"><source file="/srv/{number}.raw"/><target dev="vda"/>'
        f"{cap}</disk></devices></domain>"
    )


@contextmanager
def running(items: int) -> Iterator[LibvirtSite]:
    """Have a host with a guest and a disk for each item."""
    with tempfile.TemporaryDirectory() as directory:
        yield LibvirtSite(Path(directory), items)


RIG = Rig("libvirt", tables=("disk_io_stat", "disk_cap"), items_in="disk_io_stat", running=running)
