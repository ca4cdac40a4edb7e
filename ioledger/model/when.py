"""Times and periods as people write them on a command line; docs/times.md tells them how.

What machines write is read by ``ioledger.model.period``, which knows no word and no clock.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.errors import ConfigurationError, did_you_mean, shown
from ioledger.model.period import days, months, parse_duration, parse_moment, parse_period, require_billable, zone_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ioledger.model.period import Window, ZoneSpan

PERIOD_WORDS: Final = ("today", "yesterday", "this-month", "last-month")
MOMENT_WORDS: Final = ("now", *PERIOD_WORDS)
"""The word for a day or month, where a moment is asked for, means its beginning."""

_MONTH: Final = re.compile(r"[0-9]{4}-[0-9]{2}")
_AGO: Final = re.compile(r"-([0-9]+[dhms])+")
_MOMENT: Final = timedelta(microseconds=1)


class Calendar(NamedTuple):
    """The one moment at which a command began, and the billing time zones in which its words are meant."""

    now: datetime
    spans: Sequence[ZoneSpan]

    def moment(self, text: str) -> datetime:
        """Read a time: a word, how long ago (``-2h``), a month, a day, or ISO 8601; returns UTC.

        A time without an offset is meant in the billing time zone of then, and a day or a month means its
        beginning. Raises ConfigurationError for anything else.
        """
        word = _word(text)
        if word == "now":
            return self.now
        if word in PERIOD_WORDS:
            return self._window(word)[0]
        if _MONTH.fullmatch(text):
            return parse_period(text, self.spans)[0]
        if _AGO.fullmatch(text):
            return require_billable(self.now - parse_duration(text[1:]), text)
        if not _is_iso(text):
            raise ConfigurationError(
                f"{shown(text)} is no time{did_you_mean(word, MOMENT_WORDS)}; write it as 2026-11-22, "
                "2026-11-22T10:00, 2026-11-22T10:00:00Z, 2026-11, as how long ago, such as -2h, or as "
                f"{_one_of(MOMENT_WORDS)}"
            )
        read = ((max(parse_moment(text, zone), since), until) for since, until, zone in self.spans)
        return next(moment for moment, until in read if moment < until)

    def period(self, text: str) -> str:
        """Read a billing month or day and return it as ``2026-11`` or ``2026-11-22``, whatever word it was.

        Raises ConfigurationError for what is neither.
        """
        word = _word(text)
        if word in PERIOD_WORDS:
            start, _ = self._window(word)
            day = f"{start.astimezone(zone_at(start, self.spans)):%Y-%m-%d}"
            return day[: len("2026-11")] if word.endswith("month") else day
        if near := did_you_mean(word, PERIOD_WORDS):
            raise ConfigurationError(
                f"{shown(text)} is no period{near}; write a month as 2026-11, a day as 2026-11-22, or "
                f"{_one_of(PERIOD_WORDS)}"
            )
        parse_period(text, self.spans)
        return text

    def month(self, text: str) -> str:
        """Read a billing month and return it as ``2026-11``; raises ConfigurationError for anything else."""
        period = self.period(text)
        month = period[: len("2026-11")]
        if month != period:
            raise ConfigurationError(f"{text!r} is a day, and bills are of months; write a month as {month}")
        return month

    def _window(self, word: str) -> Window:
        """Return the billing day or month that a word means."""
        listed = months if word.endswith("month") else days
        (current,) = listed(self.now, self.now + _MOMENT, self.spans)
        if word in ("today", "this-month"):
            return current
        return listed(current[0] - _MOMENT, current[0], self.spans)[-1]


def is_word(text: str) -> bool:
    """Tell whether a text is one of the words for periods."""
    return _word(text) in PERIOD_WORDS


def _word(text: str) -> str:
    return "-".join(text.lower().replace("-", " ").replace("_", " ").split())


def _is_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _one_of(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
