"""Now and then: the caps of running guests as their definitions and QEMU itself have them.

The caps in force are read with every sample, from libvirt's own idea of the guest. Asking QEMU for
each disk takes as long as all statistics together, and a definition changes seldom; once an hour shows
where the three differ.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from collectors.hypervisors import libvirt_numbers
from collectors.hypervisors.base import UnreadableGuestError
from collectors.hypervisors.libvirt_asking import SILENT
from collectors.hypervisors.libvirt_caps import cap_rows
from collectors.hypervisors.libvirt_domain_xml import disks_of
from collectors.worker_process import RefusedError, SilentError
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collectors.hypervisors.libvirt_asking import Interview
    from collectors.hypervisors.libvirt_guest import GuestSample
    from ioledger.model.records import Row

CHECK_EVERY: Final = timedelta(hours=1)


def check_caps(interview: Interview, samples: Iterable[GuestSample]) -> tuple[list[Row], dict[str, str]]:
    """Return the rows of ``disk_cap`` of the guests that are well, and by guest (name) what could not be read.

    A guest that stops answering is noted with the interview like any other.
    """
    rows: list[Row] = []
    problems: dict[str, str] = {}
    for sample in samples:
        if sample.problem is not None or not sample.counters or not interview.hangs_left:
            continue
        devices = [disk.device for disk in sample.disks or () if disk.counted]
        try:
            told = interview.host.call(interview.patience_seconds, "caps", sample.uuid, devices)
        except SilentError:
            interview.found_hanging(sample.uuid)
            problems[sample.name] = SILENT
        except SourceError as error:
            problems[sample.name] = str(error)
        except RefusedError as error:
            if error.code != libvirt_numbers.VIR_ERR_NO_DOMAIN:
                problems[sample.name] = str(error)
        else:
            if told is not None:
                found, unread = _rows(sample, told)
                rows += found
                if unread:
                    problems[sample.name] = unread[0]
    return rows, problems


def _rows(sample: GuestSample, told: Mapping[str, Any]) -> tuple[list[Row], list[str]]:
    definition, unread = None, []
    if (description := told["definition"]) is not None:
        try:
            definition = disks_of(description["xml"]) if description["xml"] is not None else None
            unread = [description["problem"]] if definition is None else []
        except UnreadableGuestError as error:
            unread = [f"of its definition, {error}"]
    tunes = {
        device: answer["value"] if "value" in answer else answer["error"][1]
        for device, answer in told["tunes"].items()
        if "value" in answer or answer["error"][0] != libvirt_numbers.VIR_ERR_NO_SUPPORT
    }
    rows, problems = cap_rows(sample.uuid, sample.disks or (), definition, tunes)
    return rows, [*unread, *problems]
