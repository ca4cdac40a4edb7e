"""What passes between a source, the runner and the lake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

Row = Mapping[str, object]
"""One row by column name; a column that is left out is NULL."""

Kind = Literal["hypervisor", "storage", "controlplane"]
Status = Literal["ok", "partial", "failed"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source read in one run.

    ``tables`` holds the rows by table, without ``source``, ``run_id`` and ``observed_at``, which
    the runner adds. ``error`` is None when everything could be read; otherwise it says in one
    sentence what could not, and the run is partial. ``remember`` is JSON that the source wants to be
    handed at its next run, whichever process that is in.
    """

    tables: Mapping[str, list[Row]]
    host_id: str | None = None
    timeout_count: int = 0
    error: str | None = None
    remember: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a source, as its ``collection_run`` row tells it (but for count and digest)."""

    source: str
    run_id: str
    kind: Kind
    started_at: datetime
    ended_at: datetime
    boottime_us: int
    status: Status
    collector_version: str
    boot_id: str | None = None
    host_id: str | None = None
    timeout_count: int = 0
    error: str | None = None
    tables: Mapping[str, list[Row]] = field(default_factory=dict)
