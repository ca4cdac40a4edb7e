"""Reading what was computed while it is made again: all of it from before, or all of it from after.

Facts keep their names for as long as somebody reads (``locks.reading``). Derived rows do not: a build or `rate`
replaces the file of a day whenever it is ready, and waits for nobody, and so does `close` freeze a month. Whoever reads
several files, or one file several times, so looks afterwards whether they are still the same.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from ioledger.errors import BusyError
from ioledger.lake import layout, lock_holders
from ioledger.model.period import utc_day
from ioledger.model.tables import CHARGE, QUARANTINE, USAGE_DAY, USAGE_MONTH, USAGE_RECORD

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime
    from pathlib import Path

    Span = tuple[datetime | None, datetime]

_T = TypeVar("_T")

_REPLACED: Final = (USAGE_RECORD, USAGE_DAY, USAGE_MONTH, QUARANTINE, CHARGE)
"""Tables whose files others take the place of; each check writes a file of its own."""

_LONGEST: Final = timedelta(days=34)
"""Longer than any rollup, which lies under the date on which it begins."""

_TRIES: Final = 5

BUILD: Final = "usage-build"
"""The lock of whoever makes usage records, or has to know that nobody does."""


class Watch:
    """The files of derived rows of a span of time, which may have no beginning, as they were when this was made.

    The closed months are among them: whether a month is closed decides which files its rows are read from.
    """

    def __init__(self, lake: Path, span: Span | None = None) -> None:
        self._lake = lake
        since, until = span or (None, None)
        self._first = None if since is None else utc_day(since - _LONGEST)
        self._last = None if until is None else utc_day(until)
        self._before = self._files()

    def is_changed(self) -> bool:
        """Tell whether one of them is another now, is gone, or has come."""
        return self._files() != self._before

    def refuse_change(self) -> None:
        """Raise BusyError if one is: what was read meanwhile may be of before and after."""
        if self.is_changed():
            raise self.busy()

    def busy(self) -> BusyError:
        """Return the error that tells who is making usage."""
        who = lock_holders.last_in_words(layout.lock_file(self._lake, BUILD))
        return BusyError(
            f"what was read of {self._lake} was made again meanwhile, the last time by {who}; nothing was given out, "
            "run the command again"
        )

    def _files(self) -> dict[Path, tuple[int, int, int]]:
        found = dict.fromkeys((self._lake / layout.CLOSED_MONTHS).glob("[!.]*"), (0, 0, 0))
        for table in _REPLACED:
            for day in layout.days(self._lake, table.name):
                if self._is_within(day):
                    with suppress(FileNotFoundError):
                        for path in layout.derived_partition(self._lake, table.name, day).glob("[!.]*.parquet"):
                            state = path.stat()
                            found[path] = (state.st_ino, state.st_size, state.st_mtime_ns)
        return found

    def _is_within(self, day: date) -> bool:
        return (self._first is None or self._first <= day) and (self._last is None or day <= self._last)


def consistently(lake: Path, read: Callable[[], _T], span: Span | None = None) -> _T:
    """Return what ``read`` gives of derived rows, all of a moment in which none of them was replaced.

    It is called again where some were meanwhile, of those that lie in ``span`` or anywhere. Raises BusyError
    where that happens each time, and what ``read`` raises.
    """

    def attempt(watch: Watch) -> _T:
        found = read()
        watch.refuse_change()
        return found

    return while_changed(lake, attempt, span)


def while_changed(lake: Path, attempt: Callable[[Watch], _T], span: Span | None = None) -> _T:
    """Return what ``attempt`` gives; it is called again where it raises an error and what it reads was replaced.

    It is given the watch with which to refuse that before it gives anything out. Raises as ``consistently``.
    """
    for _ in range(_TRIES):
        watch = Watch(lake, span)
        try:
            return attempt(watch)
        except Exception:
            if not watch.is_changed():
                raise
    raise watch.busy()
