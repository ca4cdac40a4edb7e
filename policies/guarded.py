"""Runs one rule so that its failure is told as a finding and leaves the other rules alone."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from ioledger.errors import DataError
from policies.finding import Finding
from policies.statement import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policies.judged import Judged
    from policies.rule import Rule


@dataclass(frozen=True, slots=True)
class Guard:
    """What holds for every rule of a check.

    ``timeout_seconds`` is how long one may take. ``refuse_unreadable`` raises LakeError if a file of
    the lake is broken; it is asked where that may be why a rule failed.
    """

    timeout_seconds: int
    refuse_unreadable: Callable[[], None] = lambda: None


def findings(
    connection: duckdb.DuckDBPyConnection, rule: Rule, judged: Judged, run: Callable[[], list[Finding]], guard: Guard
) -> list[Finding]:
    """Return what ``run`` finds on ``connection``, or where it fails the one finding that says so.

    Raises LakeError where the lake is to blame and not the rule.
    """
    with _interrupted(connection, guard.timeout_seconds) as expired:
        try:
            return run()
        except DataError as error:
            return [failed(rule, judged, str(error))]
        except (duckdb.OutOfMemoryException, MemoryError):
            return [failed(rule, judged, out_of_memory(rule))]
        except duckdb.InterruptException:
            if not expired.is_set():
                raise
            return [failed(rule, judged, out_of_time(rule, guard.timeout_seconds))]
        except duckdb.Error as error:
            guard.refuse_unreadable()
            return [failed(rule, judged, f"{rule.file}: the rule cannot be run: {one_line(error)}")]


@contextmanager
def _interrupted(connection: duckdb.DuckDBPyConnection, seconds: int) -> Iterator[threading.Event]:
    """Interrupt the connection after so many seconds, never after the block; the event tells that it was."""
    expired = threading.Event()

    def stop() -> None:
        expired.set()
        connection.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()
        timer.join()


def failed(rule: Rule, judged: Judged, reason: str) -> Finding:
    """Return the finding of a rule that could not be run: its resource is the rule."""
    return Finding(
        code=rule.code, severity=rule.severity, status="error", resource_kind="rule", resource_id=rule.code, vm_id=None,
        volume_id=None, account_id=None, interval_start=None, interval_end=None, observed=None, expected=None,
        unit=None, reason=reason, first_seen_at=judged.start, last_seen_at=judged.start,
    )  # fmt: skip


def out_of_time(rule: Rule, seconds: int) -> str:
    """Say that a rule took too long, and what to do."""
    return (
        f"{rule.file}: the rule was stopped after {seconds} seconds; let it read less, or raise rule_timeout_seconds "
        "under [check] in ioledger.toml"
    )


def out_of_memory(rule: Rule) -> str:
    """Say that a rule had no memory left, and what to do."""
    key = "own_rules_memory_mib" if rule.is_own else "memory_mib"
    return (
        f"{rule.file}: the rule ran out of memory; let it hold less at a time, or raise {key} under [check] in "
        "ioledger.toml"
    )
