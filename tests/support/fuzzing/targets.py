"""All targets, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fuzzing import of_aws, of_inventories, of_libvirt, of_services, of_settings, of_times, of_xen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fuzzing.target import Target

TARGETS: Final[Mapping[str, Target]] = {
    target.name: target
    for module in (of_times, of_inventories, of_settings, of_libvirt, of_services, of_aws, of_xen)
    for target in module.TARGETS
}
