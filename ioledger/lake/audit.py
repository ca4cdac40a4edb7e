"""The audit log of a lake: who closed, exempted, rated by other prices, and gave bills out, entry by entry.

Each entry is a small file ``audit/<number>.json`` that is never written again and names the SHA-256 of the
one before, so that whoever changes, removes or reorders entries breaks the chain. An entry is there, durably,
**before** what it tells of happens: nothing happens without one, and a crash between the two leaves an entry
of something that did not.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.errors import LakeError
from ioledger.lake import access, files, locks
from ioledger.users import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

DIRECTORY: Final = "audit"

_LOCK: Final = "audit"
_NAME: Final = re.compile(r"[0-9]{10}\.json")
_READ_ONLY: Final = 0o444
_REFUSED: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_LOGIN: Final = Path("/proc/self/loginuid")
_NO_LOGIN: Final = 2**32 - 1
"""What the kernel has for a process of no login, as those of services."""

_log = logging.getLogger(__name__)


class Anchor(NamedTuple):
    """An entry as something outside of the log names it, so that the log cannot lose it unseen."""

    number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is stored: its bytes, and what they say (nothing if that cannot be read)."""

    number: int
    content: bytes

    @property
    def sha256(self) -> str:
        """Return the digest by which the next entry names this one."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def told(self) -> Mapping[str, Any]:
        """Return what it says."""
        try:
            return _mapping(json.loads(self.content))
        except (ValueError, RecursionError):
            return {}

    @property
    def what(self) -> Mapping[str, Any]:
        """Return what it says was done."""
        return _mapping(self.told.get("what"))


def path_of(lake: Path, number: int) -> Path:
    """Return where an entry lies, or would lie."""
    return lake / DIRECTORY / f"{number:010d}.json"


def entries(lake: Path) -> list[Entry]:
    """Read all entries in the order of their numbers; raises LakeError if one cannot be read."""
    return [_read(lake, number) for number in _numbers(lake)]


def head(lake: Path) -> Anchor | None:
    """Name the last entry; None if there is none yet. Raises LakeError if it cannot be read."""
    last = _last(lake)
    return Anchor(last.number, last.sha256) if last else None


def record(lake: Path, action: str, what: Mapping[str, object], now: datetime) -> int:
    """Add an entry: that this user does ``action``, and ``what`` that is, as JSON holds it; return its number.

    Raises LakeError if it cannot be stored; what it tells of must not be done then.
    """
    return _add(lake, action, what, now, {})


def record_reading(lake: Path, action: str, what: Mapping[str, object], now: datetime) -> int | None:
    """Add an entry of what leaves the lake as it is, unless this user may not write the lake, which is warned of.

    Such a user could read the files without us, so that refusing would protect nothing. Returns the entry's
    number, None where there is none.
    """
    try:
        return record(lake, action, what, now)
    except LakeError as error:
        cause = error.__cause__
        if not (isinstance(cause, OSError) and cause.errno in _REFUSED):
            raise
        tell_of_none(action, lake / DIRECTORY)
    return None


def tell_of_none(action: str, place: object) -> None:
    """Warn that what is given out has no entry, for this user may not write where entries go."""
    _log.warning(
        "ioledger: the audit log has no entry of this %s, for this user may not write %s; keep a note of it, or "
        "run it as the user who owns the lake",
        action, place,
    )  # fmt: skip


def withdraw(lake: Path, number: int) -> None:
    """Remove an entry of a working copy that its store does not take, so that it is not offered again.

    Raises LakeError if that cannot be done.
    """
    path = path_of(lake, number)
    with locks.waiting(lake, _LOCK):
        try:
            path.unlink()
            files.sync_directory(path.parent)
        except OSError as error:
            raise LakeError(f"{path} cannot be removed: {error.strerror}; make the working copy writable") from error


def record_change(lake: Path, action: str, content: bytes, what: Mapping[str, object], now: datetime) -> None:
    """Add an entry if ``content`` is not what was in force by the last entry; what never was, is empty.

    Raises LakeError as ``record`` does.
    """
    digest = hashlib.sha256(content).hexdigest() if content else None
    if _in_force(_last(lake)).get(action) != digest:
        _add(lake, action, {"sha256": digest, **what}, now, {action: digest})


def _add(lake: Path, action: str, what: Mapping[str, object], now: datetime, in_force: Mapping[str, str | None]) -> int:
    with locks.waiting(lake, _LOCK):
        last = _last(lake)
        number = last.number + 1 if last else 1
        entry = {
            "number": number,
            "at": now.isoformat(),
            "action": action,
            **_whoever(),
            "what": dict(what),
            "in_force": {**_in_force(last), **in_force},
            "before": last.sha256 if last else None,
        }
        path = path_of(lake, number)
        try:
            files.make_directories(path.parent)
            files.write_whole(path, json.dumps(entry, ensure_ascii=False, indent=1).encode())
            path.chmod(_READ_ONLY)
        except OSError as error:
            raise LakeError(
                f"the audit log {path.parent} cannot be written: {error.strerror or error}; nothing was done that it "
                "would not tell of, make the lake writable and run the command again"
            ) from error
    return number


def _whoever() -> dict[str, object]:
    """Name who runs this: the user, whom the kernel saw log in (also behind sudo), the machine and the program."""
    uid, login = os.geteuid(), _login()
    return {
        "user": {"uid": uid, "name": name_of(uid)},
        "login": None if login is None else {"uid": login, "name": name_of(login)},
        "host": os.uname().nodename,
        "ioledger": version("ioledger"),
    }


def _login() -> int | None:
    try:
        uid = int(_LOGIN.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if uid == _NO_LOGIN else uid


def _in_force(entry: Entry | None) -> Mapping[str, str | None]:
    return _mapping(entry.told.get("in_force")) if entry else {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _last(lake: Path) -> Entry | None:
    numbers = _numbers(lake)
    return _read(lake, numbers[-1]) if numbers else None


def _numbers(lake: Path) -> list[int]:
    return sorted(int(name.removesuffix(".json")) for name in listed(lake) if _NAME.fullmatch(name))


def listed(lake: Path) -> list[str]:
    """Name what lies in the log but for what is being written, sorted; raises LakeError if it may not be listed."""
    return sorted(path.name for path in access.listed(lake / DIRECTORY) if not path.name.startswith("."))


def _read(lake: Path, number: int) -> Entry:
    path = path_of(lake, number)
    try:
        return Entry(number, path.read_bytes())
    except OSError as error:
        access.refuse(f"{path} cannot be read", error)
