"""Volumes of Amazon EBS: what they are set to, and what CloudWatch says that their instances did on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from collectors.remote.unread import Unread
from collectors.storage.ebs_attachments import forgotten, history
from collectors.storage.ebs_check import examine
from collectors.storage.ebs_client import Aws
from collectors.storage.ebs_progress import Progress, newest_us, next_progress
from collectors.storage.ebs_settings import EbsSettings
from collectors.storage.ebs_statistics import Holders, read_statistics
from collectors.storage.ebs_volumes import alias_rows, identities, list_modifications, list_volumes, provisioned_rows
from ioledger.clock import to_us
from ioledger.errors import IoledgerError
from ioledger.model.records import Reading

if TYPE_CHECKING:
    from collectors.source import Occasion
    from ioledger.clock import Clock
    from ioledger.health.check import Check
    from ioledger.model.records import Kind


class EbsSource:
    """One account and region of AWS, as ``Settings`` names it; between runs it keeps its connections."""

    Settings: ClassVar[type[EbsSettings]] = EbsSettings
    kind: ClassVar[Kind] = "storage"

    def __init__(self, settings: EbsSettings) -> None:
        self.longest_run_seconds = settings.run_seconds
        self._settings = settings
        self._aws: Aws | None = None

    def read(self, occasion: Occasion) -> Reading:
        """List the volumes, and read the windows of those that instances have or had since the last run.

        Raises SourceError where AWS cannot be reached, refuses, or volumes or their modifications
        cannot be listed at all. Volumes and statistics that could not be read are named in
        ``Reading.error``.
        """
        try:
            return self._read(self._connected(), occasion)
        except IoledgerError:
            self.close()  # keys may be other ones at the next run
            raise

    def _read(self, aws: Aws, occasion: Occasion) -> Reading:
        unread = Unread()
        last = Progress.recall(occasion.remembered)
        volumes, is_complete = list_volumes(aws, unread)
        modifications = list_modifications(aws, unread)
        named = identities(volumes, self._settings.volume_id, unread)

        now_us = to_us(occasion.clock.now())
        listed = {native_id: volume.attachments for native_id, volume in volumes.items()}
        attachments = history(listed, last.attachments, now_us, is_complete=is_complete)
        gone = {volume: last.names.get(volume, volume) for volume in attachments if volume not in volumes}
        shared = {native_id for native_id, volume in volumes.items() if volume.is_shared}
        holders = Holders(attachments, frozenset(shared | last.shared), named | gone)
        found = read_statistics(aws, holders, last, now_us, unread)

        newest = newest_us(now_us)
        progress = next_progress(last, found.ends_us, found.starts_us, newest, found.incomplete)
        needed_from = min((progress.start_us(volume, newest) for volume in attachments), default=newest)
        progress.attachments = forgotten(attachments, needed_from)
        progress.names = {
            volume: holders.named[volume]
            for volume in progress.attachments
            if holders.named.get(volume, volume) != volume
        }
        progress.shared = holders.shared & progress.attachments.keys()
        return Reading(
            {
                "provisioned_iops": list(provisioned_rows(volumes, modifications, named)),
                "volume_alias": list(alias_rows(volumes, named)),
                "disk_io_stat": found.rows,
            },
            error=unread.sentence(),
            remember=progress.to_remember(),
        )

    def examine(self, clock: Clock) -> list[Check]:
        """See who AWS takes us for, whether the clocks agree, and whether each call is allowed."""
        return examine(self._connected(), self._settings.region, clock)

    def _connected(self) -> Aws:
        if self._aws is None:
            self._aws = Aws(self._settings)
        self._aws.begin(self.longest_run_seconds)
        return self._aws

    def close(self) -> None:
        """Let go of the connections."""
        if self._aws is not None:
            self._aws.close()
            self._aws = None
