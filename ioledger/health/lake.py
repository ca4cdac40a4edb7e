"""Checks of the lake itself: whether it is one, can be written safely, and has no work left lying about."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ioledger.clock import utc_text
from ioledger.errors import counted
from ioledger.health.check import Check
from ioledger.health.file_system import has_locks_of_server, is_remote, mount_of, try_out
from ioledger.health.locks import held_locks
from ioledger.lake import due, journal, layout, merged
from ioledger.lake.files import TEMPORARY_SUFFIX
from ioledger.lake.quarantine import QUARANTINE
from ioledger.lake.sizes import size_of
from ioledger.model.tables import FACTS, SCHEMA_VERSION, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ioledger.app import App
    from ioledger.health.locks import HeldLock

STILL_WRITTEN: Final = timedelta(hours=1)
"""A hidden file that was changed since may be what somebody is writing now."""

LONGEST_HELD: Final = timedelta(hours=6)
"""Whoever holds a lock for longer is stuck: runs take minutes, builds and compactions of large lakes an hour."""

COMPACTION_LATE: Final = timedelta(days=1)
"""How long a day may wait for compaction once it is due, which is called every hour."""

_WITHHELD: Final = TABLES["quarantine"]


def checks(app: App) -> Iterator[Check]:
    """Check the lake; raises LakeError where there is none."""
    lake, now = layout.require(app.lake()), app.clock.now()
    yield Check("lake", f"{lake} is a lake, and this version reads schema versions 1 to {SCHEMA_VERSION}")
    yield writing(lake)
    yield file_system(lake, _read("/proc/self/mountinfo"))
    yield locks(held_locks(lake, _read("/proc/locks")), now)
    yield left_overs(lake, now)
    yield pending_swaps(lake, now)
    yield compaction(lake, now)
    yield quarantine(lake)
    yield withheld(lake)


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None


def writing(lake: Path) -> Check:
    """Tell whether files can be written, flushed, renamed and locked in a lake, by doing it once."""
    try:
        problem = try_out(lake / layout.LOCKS)
    except OSError as error:
        return Check(
            "writing",
            f"this user cannot write the lake at {lake}: {error.strerror or error}",
            "run doctor as the user who collects, or give that user the lake: `chown -R USER LAKE`",
        )
    if problem:
        return Check("writing", problem, "move the lake to a local file system, such as ext4 or xfs")
    return Check("writing", "a file was written, flushed, renamed, locked and removed")


def file_system(lake: Path, mountinfo: str | None) -> Check:
    """Tell whether a lake lies on a file system of this machine, by the kernel's list of mounts."""
    mount = mount_of(mountinfo, lake.resolve()) if mountinfo else None
    if mount is None:
        return Check("file system", "the kernel does not tell what the lake lies on")
    if has_locks_of_server(mount):
        return Check("file system", f"{mount.kind} at {mount.point}, whose server keeps the locks of all machines")
    if is_remote(mount.kind):
        return Check(
            "file system",
            f"the lake lies on {mount.kind} at {mount.point}: other machines can write it, whose locks may not be seen",
            "move the lake to a local file system, and set `lake` in ioledger.toml",
        )
    return Check("file system", f"{mount.kind} at {mount.point}")


def locks(held: Iterable[HeldLock] | None, now: datetime) -> Check:
    """Tell who holds locks of a lake; None: the kernel does not say."""
    if held is None:
        return Check("locks", "the kernel does not tell who holds locks")
    held = list(held)
    for lock in held:
        pid = lock.holder.pid
        if not lock.is_alive:
            return Check(
                "locks",
                f"{lock.name} is held, and process {pid}, which took it, has ended: it left another behind",
                f"find that process with `lslocks` or `fuser {layout.LOCKS}/{lock.name}.lock`, and end it",
            )
        if now - lock.holder.since > LONGEST_HELD:
            return Check(
                "locks",
                f"{lock.name} is held by {lock.holder.in_words(now)}",
                f"see what it does (`ps -fp {pid}`), and end it if it is stuck: the kernel frees its locks",
            )
    told = ", ".join(f"{lock.name} by {lock.holder.in_words(now)}" for lock in held)
    return Check("locks", f"held: {told}" if held else "none is held")


def left_overs(lake: Path, now: datetime) -> Check:
    """Tell of files under hidden names that nobody writes any more; they do no harm but take room."""
    needed = {lake / name for swap in journal.pending(lake).values() for name in swap.new.values()}
    found = []
    for directory, _, names in os.walk(lake):
        for name in names:
            if name.startswith(".") and name.endswith((TEMPORARY_SUFFIX, journal.HIDDEN_SUFFIX)):
                path = Path(directory, name)
                with suppress(FileNotFoundError):
                    state = path.stat()
                    changed_at = datetime.fromtimestamp(state.st_mtime, UTC)
                    if path not in needed and now - changed_at > STILL_WRITTEN:
                        found.append((changed_at, path.relative_to(lake), state.st_size))
    if not found:
        return Check("left-overs", "no temporary file is left of what was cut off")
    oldest = min(found)
    return Check(
        "left-overs",
        f"{counted(len(found), 'temporary file')} of {sum(size for *_, size in found):,} bytes, the oldest of "
        f"{utc_text(oldest[0])}: {oldest[1]}",
        "run `ioledger collect` and `ioledger lake compact`, which remove their own; remove what then is still there",
    )


def pending_swaps(lake: Path, now: datetime) -> Check:
    """Tell of files that were merged and are kept beside the new ones, because somebody has the lake open."""
    journals = list(journal.pending(lake))
    started = []
    for path in journals:
        with suppress(FileNotFoundError):  # it was finished meanwhile
            started.append(path.stat().st_mtime)
    if not started:
        return Check("swaps", "no old file waits to be removed")
    since = datetime.fromtimestamp(min(started), UTC)
    told = f"the old files of {counted(len(started), 'swap')} wait to be removed since {utc_text(since)}"
    if now - since <= COMPACTION_LATE:
        return Check("swaps", told)
    return Check("swaps", told, "close what has the lake open (`lslocks` shows it), then run `ioledger lake compact`")


def compaction(lake: Path, now: datetime) -> Check:
    """Tell of days whose files of single runs should have been merged by now."""
    late: dict[date, int] = {}
    for table in FACTS:
        for day in layout.days(lake, table):
            if now < datetime.combine(day, time(), UTC) + timedelta(days=1) + due.GRACE + COMPACTION_LATE:
                continue
            for source in layout.sources(lake, table, day):
                names = [path.name for path in layout.fact_partition(lake, table, day, source).glob("[!.]*.parquet")]
                late[day] = late.get(day, 0) + sum(merged.run_range(name) is None for name in names)
    waiting = {day: count for day, count in late.items() if count}
    if not waiting:
        return Check("compaction", "every day that is over is merged")
    return Check(
        "compaction",
        f"{counted(sum(waiting.values()), 'file')} of {counted(len(waiting), 'day')} from {min(waiting)} on are "
        "not merged, and make every reader slow",
        "run `ioledger lake compact`, and have it run every hour (`ioledger init --systemd` writes a timer)",
    )


def quarantine(lake: Path) -> Check:
    """Tell of facts that `lake verify` has set aside."""
    directory = lake / QUARANTINE
    aside = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
    if not aside:
        return Check("quarantine", "nothing is set aside")
    return Check(
        "quarantine",
        f"facts were set aside {counted(len(aside), 'time')}, the last in {directory / aside[-1]}",
        "read its why.txt, put back what can be mended, and move the rest out of the lake",
    )


def withheld(lake: Path) -> Check:
    """Tell of usage that no build could vouch for; raises LakeError where its rows cannot be read."""
    count = size_of(lake, _WITHHELD).row_count
    if not count:
        return Check("withheld usage", "no usage is withheld")
    return Check(
        "withheld usage",
        f"{counted(count, 'row')} of usage are withheld, for they break a rule of conservation, and are not billed",
        "read why with `ioledger usage build --explain` and the table `quarantine`, mend it and build again",
    )
