"""A cloud of any size behind the server that speaks CloudStack's API: the CloudStack source's site."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, overload

import cloudstack_items as items_of
from cloudstack_server import API_KEY, SECRET_KEY, Answer, Cloud, CloudStackServer, error, serving
from source_site import Rig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SMALL_PAGE: Final = 3
"""So few items to a page that a handful needs several; thousands come by as many as a server allows."""

MANY: Final = 100
PROJECTS_SHARE: Final = 7
"""One in so many volumes is a project's."""

ACCOUNTS: Final = 40

ENVIRONMENT: Final = {"CLOUDSTACK_SITE_KEY": API_KEY, "CLOUDSTACK_SITE_SECRET": SECRET_KEY}


class Numbered(Sequence[items_of.Item]):
    """So many items, each made when it is asked for: a large cloud need not lie in memory."""

    def __init__(self, count: int, make: Callable[[int], items_of.Item]) -> None:
        self._count = count
        self._make = make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> items_of.Item: ...
    @overload
    def __getitem__(self, at: slice) -> list[items_of.Item]: ...
    def __getitem__(self, at: int | slice) -> items_of.Item | list[items_of.Item]:
        return [self._make(n) for n in range(self._count)[at]] if isinstance(at, slice) else self._make(at)


def volume(number: int) -> items_of.Item:
    """Return one of many volumes: with and without limits, limits of 0, guests and accounts."""
    volume_id = items_of.uuid(number, kind=0xA0)
    match number % 4:
        case 0:
            own = {"diskofferingid": "off-gold", "miniops": 500, "maxiops": 1000}
        case 1:
            own = {"diskofferingid": "off-own", "miniops": 0, "maxiops": 0, "virtualmachineid": None, "deviceid": None}
        case 2:
            own = {"diskofferingid": None, "serviceofferingid": "off-small", "type": "ROOT", "deviceid": 0}
        case _:
            own = {"diskBytesReadRate": 0, "diskBytesWriteRate": 0, "account": None, "virtualmachineid": None}
    if own.get("virtualmachineid", ...) is ...:
        own["virtualmachineid"] = items_of.uuid(number, kind=0xB0)
    if "account" not in own:
        own["account"] = f"account-{number % ACCOUNTS}"
    return items_of.volume(volume_id, **own)


def project_volume(number: int) -> items_of.Item:
    """Return a volume that belongs to a project, and so to no account that can be named."""
    return items_of.volume(items_of.uuid(number, kind=0xC0), account=None, projectid="project-1", project="erp")


def cloud_of(count: int) -> Cloud:
    """Return a cloud with so many volumes, some of them of a project."""
    of_projects = count // PROJECTS_SHARE
    return Cloud(
        volumes=Numbered(count - of_projects, volume),
        project_volumes=Numbered(of_projects, project_volume),
        disk_offerings=[
            items_of.disk_offering("off-plain"),
            items_of.disk_offering("off-gold", miniops=500, maxiops=1000, diskIopsReadRate=2000, diskIopsWriteRate=0),
            items_of.disk_offering("off-own", iscustomizediops=True),
        ],
        service_offerings=[items_of.service_offering("off-small", diskBytesReadRate=10_000_000)],
        pools=[
            items_of.pool("pool-nfs", capacityiops=0),
            items_of.pool("pool-sf", type="Iscsi", provider="SolidFire", managed=True, capacityiops=50_000),
        ],
        accounts=[items_of.account(f"id-of-account-{n}", f"account-{n}") for n in range(ACCOUNTS)],
        configurations=items_of.configurations(iops_write_rate=5000),
    )


class CloudStackSite:
    """A running cloud."""

    def __init__(self, server: CloudStackServer, page_size: int) -> None:
        self.server = server
        self.settings: dict[str, object] = {
            "endpoint": server.url,
            "api_key": {"env": "CLOUDSTACK_SITE_KEY"},
            "secret_key": {"env": "CLOUDSTACK_SITE_SECRET"},
            "page_size": page_size,
        }
        self.environment = ENVIRONMENT
        self.secrets: tuple[str, ...] = (API_KEY, SECRET_KEY)

    def lose_part(self) -> None:
        """Fail on the second page of volumes."""
        self.server.cloud.before = _failing_page

    def hang(self) -> None:
        """Take requests and never answer."""
        self.server.cloud.hangs = True

    def refuse(self) -> None:
        """Have the user's keys be others."""
        self.server.cloud.secret_key = "another"  # noqa: S105 - it opens nothing

    def mend(self) -> None:
        self.server.cloud.before = lambda *_: None
        self.server.cloud.secret_key = SECRET_KEY
        self.server.mend()


def _failing_page(command: str, page: int) -> Answer | None:
    is_lost = (command, page) == ("listVolumes", 2)
    return error(530, "Internal error executing command, please contact your system administrator") if is_lost else None


@contextmanager
def running(items: int) -> Iterator[CloudStackSite]:
    """Have a cloud with so many volumes."""
    with serving(cloud_of(items)) as server:
        yield CloudStackSite(server, page_size=SMALL_PAGE if items < MANY else 500)


RIG = Rig(
    "cloudstack",
    tables=("entitlement", "storage_pool", "volume_alias"),
    items_in="entitlement",
    running=running,
)


if __name__ == "__main__":
    with serving(cloud_of(int(sys.argv[1]))) as serving_many:
        sys.stdout.write(f"{serving_many.url}\n")
        sys.stdout.flush()
        sys.stdin.read()
