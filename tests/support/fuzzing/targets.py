"""All targets, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fuzzing import (
    of_aws,
    of_dumps,
    of_inventories,
    of_lake,
    of_libvirt,
    of_services,
    of_settings,
    of_times,
    of_vsphere,
    of_xen,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fuzzing.target import Target

TARGETS: Final[Mapping[str, Target]] = {
    target.name: target
    for module in (
        of_times, of_inventories, of_settings, of_libvirt, of_services, of_aws, of_xen, of_vsphere, of_dumps, of_lake
    )
    for target in module.TARGETS
}  # fmt: skip
