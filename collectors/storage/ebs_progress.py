"""How far the statistics have been read, from one run to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, StrictInt, StrictStr, ValidationError

from collectors.storage.ebs_attachments import Attachment

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SECOND_US: Final = 1_000_000
PERIOD_US: Final = 300 * SECOND_US
"""The length of a window: every type of volume has sums of five minutes, and CloudWatch keeps them for 63 days."""

SETTLE_US: Final = 120 * SECOND_US
"""How old a window has to be to be read at all: before, some of its minutes are often missing."""

LEAST_OVERLAP_US: Final = 1800 * SECOND_US
"""Windows that ended less than this before the last one are read again, for values that came late."""

MOST_OVERLAP_US: Final = 3600 * SECOND_US
"""A run reads again what the run before it read first, lest a crash lose that; but no more than this."""

MOST_LOOK_BACK_US: Final = 60 * 86_400 * SECOND_US
"""What is older is gone from CloudWatch, or nearly so (63 days)."""

MOST_ROWS: Final = 400_000
LEAST_WINDOWS: Final = 36
"""A run holds about ``MOST_ROWS`` rows in memory: so many windows of each volume, and 36 at least."""


class _Remembered(BaseModel):
    """A ``Progress`` as JSON."""

    model_config = ConfigDict(extra="forbid")

    until_us: StrictInt | None
    new_us: StrictInt
    behind: dict[str, StrictInt]
    attachments: dict[str, list[tuple[StrictStr, StrictStr, StrictInt, StrictInt | None]]]
    names: dict[str, StrictStr]
    shared: list[StrictStr]


@dataclass(slots=True)
class Progress:
    """What one run leaves to the next.

    Of every volume the windows up to ``until_us`` were read, of which ``new_us`` for the first time;
    ``behind`` holds the volumes of which it could not be done, and from where they are to be read.
    ``attachments``, ``names`` (the ``volume_id`` where it is another than the volume's own id) and
    ``shared`` (Multi-Attach) are those of volumes that may be gone when their last windows are read.
    """

    until_us: int | None = None
    new_us: int = 0
    behind: dict[str, int] = field(default_factory=dict)
    attachments: dict[str, list[Attachment]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()

    @classmethod
    def recall(cls, remembered: Mapping[str, Any] | None) -> Progress:
        """Take what the last run left; nothing where that is lost, or was left by another version."""
        try:
            told = _Remembered.model_validate(remembered or {})
        except ValidationError:
            return cls()
        return cls(
            told.until_us,
            told.new_us,
            told.behind,
            {volume: [Attachment(*each) for each in known] for volume, known in told.attachments.items()},
            told.names,
            frozenset(told.shared),
        )

    def to_remember(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "until_us": self.until_us,
            "new_us": self.new_us,
            "behind": self.behind,
            "attachments": {
                volume: [[each.instance_id, each.device, each.since_us, each.gone_us] for each in known]
                for volume, known in self.attachments.items()
            },
            "names": self.names,
            "shared": sorted(self.shared),
        }

    def start_us(self, volume: str, newest_us: int) -> int:
        """Return from where a volume's windows are to be read when the newest one ends at ``newest_us``."""
        if volume in self.behind:
            start = self.behind[volume]
        elif self.until_us is None:
            start = newest_us - LEAST_OVERLAP_US
        else:
            start = self.until_us - min(max(self.new_us, LEAST_OVERLAP_US), MOST_OVERLAP_US)
        return max(start, newest_us - MOST_LOOK_BACK_US)


def newest_us(now_us: int) -> int:
    """Return the end of the newest window that is old enough to be read."""
    return (now_us - SETTLE_US) // PERIOD_US * PERIOD_US


def end_us(start_us: int, newest: int, volume_count: int) -> int:
    """Return up to where a run reads that begins at ``start_us``."""
    windows = max(LEAST_WINDOWS, MOST_ROWS // max(1, volume_count))
    return min(newest, start_us + windows * PERIOD_US)


def next_progress(
    last: Progress, ends_us: Mapping[str, int], starts_us: Mapping[str, int], newest: int, unread: Collection[str]
) -> Progress:
    """Return the progress after a run that read each volume from its start to its end, but for ``unread``.

    Volumes that fell behind, or are still catching up after they had, are remembered one by one.
    """
    ahead = [ends_us[volume] for volume in ends_us if volume not in last.behind]
    until = max(last.until_us or 0, min(ahead, default=newest))
    progress = Progress(until, until - last.until_us if last.until_us is not None else 0)
    for volume, end in ends_us.items():
        if volume in unread:
            progress.behind[volume] = starts_us[volume]
        elif end < until:
            progress.behind[volume] = end - LEAST_OVERLAP_US
    return progress
