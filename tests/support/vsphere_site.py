"""A vCenter of the tests as the site of the vSphere source, behind a proxy that can disturb it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from components import shared
from http_proxy import proxied
from source_site import Rig
from vcenter import PASSWORD, USERNAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from http_proxy import Proxy

DISKS = 10
"""How many disks a VM has where there are many."""

FAULT = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>
<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>{message}</faultstring><detail>
<{name}Fault xmlns="urn:vim25" xsi:type="{name}">{content}</{name}Fault></detail></soapenv:Fault>
</soapenv:Body></soapenv:Envelope>
"""
"""How a server says that it does not do what was asked for."""


def fault(name: str, message: str = "", content: str = "") -> bytes:
    """Return a fault of the API as the body of an answer of status 500."""
    return FAULT.format(name=name, message=message, content=content).encode()


class VsphereSite:
    """A vCenter whose every third disk has nothing set, and every third what vCenter says of a disk without limits."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.settings: dict[str, object] = {
            "url": f"{proxy.url}/sdk",
            "username": USERNAME,
            "password": {"env": "VSPHERE_SITE_PASSWORD"},
            "requests_per_second": 1000,
        }
        self.environment = {"VSPHERE_SITE_PASSWORD": PASSWORD}
        self.secrets = (PASSWORD,)

    def lose_part(self) -> None:
        """Refuse the list of datastores."""
        self.proxy.answer("<type>Datastore</type>", fault("InvalidRequest"), status=500)

    def hang(self) -> None:
        self.proxy.hang()

    def refuse(self) -> None:
        """Take no password of ours, as after it was changed."""
        self.proxy.answer("<Login ", fault("InvalidLogin", "Cannot complete login"), status=500)

    def mend(self) -> None:
        self.proxy.mend()


@contextmanager
def running(items: int) -> Iterator[VsphereSite]:
    """Have a vCenter with so many disks, each on a VM of its own, but where there are many."""
    disks = DISKS if items % DISKS == 0 else 1
    told = shared("vcenter:running", machines=items // disks, disks=disks)
    parts = urlsplit(told["url"])
    with proxied(f"http://{parts.netloc}") as proxy:
        yield VsphereSite(proxy)


RIG = Rig("vsphere", tables=("disk_io_stat", "storage_pool"), items_in="disk_io_stat", running=running)
