"""The classes of operations side by side: what each means, how many there are, and its part of a bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.model.tables import OPERATION_CLASSES
from reports.pages import text

if TYPE_CHECKING:
    from collections.abc import Sequence

CLASS_NAMES: Final = {
    "guaranteed_ops": ("Guaranteed", "at or under a minimum that the storage enforces"),
    "burst_ops": ("Burst", "above the maximum that the storage is set to"),
    "throttled_ops": ("Throttled", "of disks that the hypervisor caps"),
    "best_effort_ops": ("Best effort", "of disks without a cap"),
    "unclassified_ops": ("Unclassified", "in gaps between readings, too long to say how fast"),
}
"""By class, in the order of the lake's columns: its name, and which operations are of it."""

BAR_WIDTH: Final = 1000


class Segment(NamedTuple):
    """The part of the bar that one class of operations takes."""

    css_class: str
    name: str
    meaning: str
    operations: int
    share: str
    start: int
    width: int


def segments(classes: Sequence[int]) -> list[Segment]:
    """Lay the operations of the classes side by side; together they are as wide as the bar."""
    total = sum(classes)
    laid: list[Segment] = []
    done = 0
    for css_class, operations in zip(OPERATION_CLASSES, classes, strict=True):
        start = BAR_WIDTH * done // total if total else 0
        done += operations
        width = (BAR_WIDTH * done // total if total else 0) - start
        name, meaning = CLASS_NAMES[css_class]
        css = css_class.removesuffix("_ops")
        laid.append(Segment(css, name, meaning, operations, text.percent(operations, total), start, width))
    return laid
