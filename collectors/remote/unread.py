"""What of a service could not be read in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_REASON: Final = 500
"""Services put whole pages into their errors; the first characters say what it is."""


class Unread:
    """Pages and items that could not be read, while others could."""

    def __init__(self) -> None:
        self._first: str | None = None
        self._count = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def note(self, what: str, reason: str) -> None:
        """Note that something could not be read; ``reason`` is worded to follow its name and a colon."""
        self._count += 1
        if self._first is None:
            self._first = f"{shortened(what)}: {shortened(reason)}"

    def sentence(self) -> str | None:
        """Say how much could not be read, and why the first could not; None where all could."""
        match self._count:
            case 0:
                return None
            case 1:
                return f"one part could not be read, {self._first}"
            case count:
                return f"{count} parts could not be read; the first is {self._first}"


def shortened(reason: str) -> str:
    """Return a reason on one line, cut where it is long."""
    line = " ".join(reason.split())
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}…"


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return a text in which each secret is replaced by stars: clients' errors quote whole requests."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
