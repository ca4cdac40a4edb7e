"""The caps of a guest's disks: what its XML, its definition, its throttle groups and QEMU say."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.hypervisors.libvirt_caps import CAP_COLUMN_OF, cap_rows
from collectors.hypervisors.libvirt_domain_xml import Disk, disks_of
from ioledger.lake.schema import typed
from ioledger.model.tables import DISK_CAP, DISK_IO_STAT

RECORDED = Path(__file__).parent / "libvirt_xml"
NOTHING = dict.fromkeys(CAP_COLUMN_OF, 0) | {"group_name": ""}
"""What libvirt 9.0 says of a disk without a cap."""


def disk_with(iotune: str) -> Disk:
    (disk,) = disks_of(f"<domain><devices><disk><target dev='vda'/><iotune>{iotune}</iotune></disk></devices></domain>")
    return disk


def rows(*arguments: object) -> list[dict[str, object]]:
    """Give the rows of a reading in which everything could be read, without the guest they all name."""
    found, problems = cap_rows("u-1", *arguments)  # type: ignore[arg-type]
    assert problems == []
    typed(DISK_CAP, [{"source": "kvm-a", "run_id": "1", **row} for row in found])
    return [{name: value for name, value in row.items() if name != "vm_id"} for row in found]


@pytest.mark.parametrize("table", [DISK_IO_STAT, DISK_CAP], ids=lambda table: table.name)
def test_every_cap_of_the_lake_can_be_read(table: type(DISK_CAP)) -> None:  # type: ignore[valid-type]
    caps = {name for name in table.names if name.startswith("cap_")}
    assert caps == {*CAP_COLUMN_OF.values(), "cap_group"}
    assert len(caps) == 20
