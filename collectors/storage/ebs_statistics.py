"""What volumes did, as CloudWatch tells it: sums over windows of five minutes.

Source of names and limits: "Amazon CloudWatch metrics for Amazon EBS" (Amazon EBS User Guide,
using_cloudwatch_ebs.html) and GetMetricData (Amazon CloudWatch API reference, API_GetMetricData.html).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from collectors.storage.ebs_attachments import holder
from collectors.storage.ebs_client import FAILURES, OddAnswerError
from collectors.storage.ebs_progress import PERIOD_US, SECOND_US, end_us, newest_us
from ioledger.clock import from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from collectors.remote.unread import Unread
    from collectors.storage.ebs_attachments import Attachment
    from collectors.storage.ebs_client import Aws
    from collectors.storage.ebs_progress import Progress
    from ioledger.model.records import Row

METRICS: Final = {
    "read_ops": "VolumeReadOps",
    "write_ops": "VolumeWriteOps",
    "read_bytes": "VolumeReadBytes",
    "write_bytes": "VolumeWriteBytes",
}

_BYTES_OF: Final = {"read_bytes": "read_ops", "write_bytes": "write_ops"}

VOLUMES_A_REQUEST: Final = 500 // len(METRICS)
"""GetMetricData takes 500 metrics."""

_HOPELESS: Final = 2
"""So many requests that fail one after another are not followed by more: each may have to time out."""

_moment = lru_cache(maxsize=4096)(from_us)  # rows of a window share its times

Windows = dict[int, dict[str, int]]
"""The counts of one volume by the start of the window, in microseconds since 1970."""


@dataclass(slots=True)
class Statistics:
    """What was read: rows, from where to where for each volume, and the volumes that could not be read in full."""

    rows: list[Row] = field(default_factory=list)
    starts_us: dict[str, int] = field(default_factory=dict)
    ends_us: dict[str, int] = field(default_factory=dict)
    incomplete: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Holders:
    """Who had which volume when, which volumes several instances can have, and what volumes are called."""

    attachments: Mapping[str, Sequence[Attachment]]
    shared: frozenset[str]
    named: Mapping[str, str]


def read_statistics(aws: Aws, holders: Holders, progress: Progress, now_us: int, unread: Unread) -> Statistics:
    """Read the windows of all volumes that an instance has or had, from where the last run left off.

    What could not be read is noted, and left to the next run.
    """
    found = Statistics()
    newest = newest_us(now_us)
    starts = {volume: progress.start_us(volume, newest) for volume in holders.attachments}
    failed_in_a_row = 0
    for start, chunk in _chunks(starts):
        end = end_us(start, newest, len(starts))
        found.starts_us.update(dict.fromkeys(chunk, start))
        found.ends_us.update(dict.fromkeys(chunk, max(start, end)))
        if end <= start:
            continue
        sums = _Sums(chunk, start, end)
        if failed_in_a_row < _HOPELESS:
            failed_in_a_row = 0 if sums.read(aws) else failed_in_a_row + 1
        for volume, reason in sums.missing().items():
            unread.note(f"the statistics of {volume}", reason)
            found.incomplete.add(volume)
        for volume, windows in sums.windows.items():
            found.rows += _rows(volume, windows, holders, is_complete=volume not in found.incomplete)
    behind = min((end for end in found.ends_us.values() if end < newest), default=None)
    if behind is not None:
        unread.note("the statistics of the time after", f"{from_us(behind):%Y-%m-%d %H:%M} UTC; the next runs read on")
    return found


def _chunks(starts: Mapping[str, int]) -> Iterator[tuple[int, list[str]]]:
    """Give the volumes of each request, which have one start; those that are behind come first."""
    in_order = sorted(starts, key=lambda volume: (starts[volume], volume))
    for start, group in groupby(in_order, key=lambda volume: starts[volume]):
        volumes = list(group)
        for first in range(0, len(volumes), VOLUMES_A_REQUEST):
            yield start, volumes[first : first + VOLUMES_A_REQUEST]


class _Sums:
    """The sums of the volumes of one request, over the windows from ``start`` to ``end``."""

    def __init__(self, volumes: Sequence[str], start: int, end: int) -> None:
        self.windows: dict[str, Windows] = {volume: {} for volume in volumes}
        self._volumes = volumes
        self._start = start
        self._end = end
        self._states = {(volume, column): "not in the answer" for volume in volumes for column in METRICS}
        self._reasons: dict[str, str] = dict.fromkeys(volumes, "not asked for, as the requests before it failed")

    def read(self, aws: Aws) -> bool:
        """Ask for all pages; False where a request failed. What came before it is kept."""
        queries = [
            query(f"{column}_{number}", metric, volume)
            for number, volume in enumerate(self._volumes)
            for column, metric in METRICS.items()
        ]
        self._reasons = {}
        try:
            for page in aws.pages(
                aws.cloudwatch.get_metric_data,
                MetricDataQueries=queries,
                StartTime=from_us(self._start),
                EndTime=from_us(self._end),
            ):
                for result in page.get("MetricDataResults") or []:
                    self._taken(result)
        except FAILURES as error:
            self._reasons = dict.fromkeys(self._volumes, aws.reason(error))
            return False
        return True

    def _taken(self, result: Mapping[str, Any]) -> None:
        """Take a result; raises OddAnswerError for what is none."""
        try:
            self._take(result)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise OddAnswerError(error=f"{type(error).__name__}: {error}") from error

    def _take(self, result: Mapping[str, Any]) -> None:
        column, _, number = result["Id"].rpartition("_")
        metric, volume = METRICS[column], self._volumes[int(number)]
        # A metric comes in several parts, and the state of the last one is that of the whole.
        self._states[volume, column] = result.get("StatusCode", "without a status")
        for began_at, value in zip(result["Timestamps"], result["Values"], strict=True):
            began = to_us(began_at)
            if value < 0 or began % PERIOD_US or not self._start <= began < self._end:
                self._reasons[volume] = f"{metric} has {value} at {began_at}, which is no sum that was asked for"
            else:
                self.windows[volume].setdefault(began, {})[column] = int(value)

    def missing(self) -> dict[str, str]:
        """Return why the sums of which volumes are not all there."""
        reasons = dict(self._reasons)
        for (volume, column), state in self._states.items():
            if state != "Complete":
                reasons.setdefault(volume, f"{METRICS[column]} is {state}")
        return reasons


def query(query_id: str, metric: str, volume: str) -> dict[str, Any]:
    """Return the query for the sums of one metric of a volume (MetricDataQuery)."""
    dimensions = [{"Name": "VolumeId", "Value": volume}]
    return {
        "Id": query_id,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/EBS", "MetricName": metric, "Dimensions": dimensions},
            "Period": PERIOD_US // SECOND_US,
            "Stat": "Sum",
        },
    }


def _rows(volume: str, windows: Windows, holders: Holders, *, is_complete: bool) -> Iterator[Row]:
    """Give a row for each window in which one instance had the volume.

    Of a volume whose sums are not all there, windows that lack one have no row: the next run reads them.
    """
    epochs: dict[Attachment, str] = {}
    for began, counts in sorted(windows.items()):
        ended = began + PERIOD_US
        owner = holder(holders.attachments[volume], began, ended, is_shared=volume in holders.shared)
        if owner is None or not (is_complete or len(counts) == len(METRICS)):
            continue
        yield {
            "window_start": _moment(began),
            "sampled_at": _moment(ended),
            "vm_id": owner.instance_id,
            "device": owner.device,
            "volume_id": holders.named.get(volume),
            "source_path": volume,
            "epoch": epochs.setdefault(owner, f"{volume}:{owner.instance_id}:{owner.device}"),
            "state": "ok",
            **_with_bytes_of_none(counts),
        }


def _with_bytes_of_none(counts: Mapping[str, int]) -> dict[str, int]:
    """Complete the bytes of no operations: on Xen instances AWS leaves those out where nothing was read or written."""
    none = {name: 0 for name, ops in _BYTES_OF.items() if name not in counts and counts.get(ops) == 0}
    return {**counts, **none}
