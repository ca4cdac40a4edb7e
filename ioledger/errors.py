"""One tree of errors that people can act on.

Every message is one sentence that says what was received, what is valid and what to do. The
command line prints it without a traceback and ends with the error's exit code; whatever is not in
this tree is a defect of ours.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


class IoledgerError(Exception):
    """A run that cannot go on for a reason its user can mend."""

    exit_code: ClassVar[int] = 2
    retry_helps: ClassVar[bool] = False


class ConfigurationError(IoledgerError):
    """ioledger.toml, a lake's settings or an option holds something that is not valid."""


class DataError(IoledgerError):
    """A file or row that was handed to us breaks the contract of its table."""


class LakeError(IoledgerError):
    """The lake is missing, cannot be written, or holds a file that cannot be read."""


class DamagedFileError(LakeError):
    """A file of facts cannot be read; the others are as they were."""


class NewerVersionError(LakeError):
    """A newer ioledger wrote it, and what it means is not known to this one."""


class StoreRefusedError(LakeError):
    """The object store does not let this user do that."""


class BusyError(LakeError):
    """Another process is doing the same in the lake."""

    retry_helps: ClassVar[bool] = True


class PartialError(IoledgerError):
    """Some of what was asked for could not be done, each told before; the rest is."""

    exit_code: ClassVar[int] = 3


class SourceError(IoledgerError):
    """A source could not list what it has: unreachable, refused, or gone in the middle."""

    retry_helps: ClassVar[bool] = True


def one_of(valid: Iterable[str]) -> str:
    """Name the valid values, sorted, as part of a sentence."""
    return ", ".join(sorted(valid))


def did_you_mean(received: str, valid: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the nearest valid word, or nothing if none is near."""
    near = difflib.get_close_matches(received, list(valid), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def counted(count: int, singular: str) -> str:
    """Return ``"1 hour"`` or ``"2 hours"``, for a noun whose plural ends in s."""
    return f"{count} {singular}" if count == 1 else f"{count} {singular}s"


UNREADABLE: Final = (OSError, ValueError, ArithmeticError, RecursionError)
"""What reading a text file as TOML or JSON may raise: also numbers longer than Python converts, and deep nesting."""


def unreadable_toml(path: object, error: OSError | ValueError | ArithmeticError | RecursionError) -> str:
    """Say why a TOML file cannot be read, which lies in the place or in the text, and what to do."""
    if isinstance(error, OSError):
        return f"{path} cannot be read: {error.strerror or error}; put a file there that this user can read"
    return f"{path} cannot be read as TOML: {why_unreadable(error)}; correct it there"


def shown(value: object) -> str:
    """Repeat a received value in a sentence; Python writes out whole numbers only up to a limit."""
    try:
        text = repr(value)
    except ValueError:
        return "a number that is too long"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


_MOST_SHOWN: Final = 60


def why_unreadable(error: Exception) -> str:
    """Say why a text could not be read as TOML or JSON, as part of a sentence."""
    if isinstance(error, RecursionError):
        return "its lists or tables are nested too deeply"
    # The readers' own errors are of classes beneath ValueError; what is left is Python's limit of digits.
    if type(error) is ValueError or isinstance(error, ArithmeticError):
        return "it holds a number that is too long"
    return " ".join(str(error).split())
