"""Files as the sites of the sources that read them: inventories and the fleet of the demo."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from source_site import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_DISTURBED = (
    ("lose_part", "a file is read whole or not at all"),
    ("hang", "a file system that does not answer keeps its own source waiting, and nothing here can end that"),
    ("refuse", "a file asks for no credentials"),
)


class FileSite:
    """One file, which nothing disturbs."""

    def __init__(self, settings: dict[str, object]) -> None:
        self.settings = settings
        self.environment: dict[str, str] = {}
        self.secrets: tuple[str, ...] = ()

    def lose_part(self) -> None:
        raise NotImplementedError

    def hang(self) -> None:
        raise NotImplementedError

    def refuse(self) -> None:
        raise NotImplementedError

    def mend(self) -> None:
        """Nothing was disturbed."""


@contextmanager
def inventory(table: str, columns: str, items: int) -> Iterator[FileSite]:
    """Have a CSV file of volumes, of which only every other one has limits."""
    values = ",500,1000" if columns.count(",") == 2 else ",500"
    lines = [f"vol-{number}{values if number % 2 else ',' * columns.count(',')}" for number in range(items)]
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, f"{table}.csv")
        file.write_text("\n".join((columns, *lines, "")), encoding="utf-8")
        yield FileSite({table: str(file)})


@contextmanager
def fleet(items: int) -> Iterator[FileSite]:
    """Have a fleet file whose guests do nothing."""
    disk = '{ device = "vda", volume_id = "vol-%d", loads = [] }'
    guest = '[[guests]]\nid = "vm-%d"\nname = "%d"\nprocesses = [%s]\ndisks = [%s]\n'
    life = f'{{ host = "kvm-a", from_minute = 0, to_minute = {100 * 366 * 24 * 60} }}'
    guests = [guest % (number, number, life, disk % number) for number in range(items)]
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "fleet.toml")
        file.write_text("\n".join(("start = 2026-01-01T00:00:00Z", *guests)), encoding="utf-8")
        yield FileSite({"fleet": str(file), "host": "kvm-a"})


RIGS = (
    Rig(
        "storage-inventory",
        tables=("provisioned_iops", "storage_pool", "volume_alias"),
        items_in="provisioned_iops",
        running=partial(inventory, "provisioned_iops", "volume_id,min_iops,max_iops"),
        without=NOT_DISTURBED,
    ),
    Rig(
        "controlplane-inventory",
        tables=("entitlement", "storage_pool", "volume_alias"),
        items_in="entitlement",
        running=partial(inventory, "entitlement", "volume_id,sold_min_iops"),
        without=NOT_DISTURBED,
    ),
    Rig(
        "synthetic",
        tables=("disk_io_stat",),
        items_in="disk_io_stat",
        running=fleet,
        without=NOT_DISTURBED,
    ),
)
