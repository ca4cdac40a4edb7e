"""Times, periods and durations of the command line, and times as programs write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from fuzzing.mutation import TEXT
from fuzzing.target import Refused, Target, WrongError, require

from collectors.remote.calls import seconds_after
from collectors.remote.clocks import header_time
from ioledger.errors import ConfigurationError
from ioledger.lake.settings import BEGINNING_OF_TIME, END_OF_TIME
from ioledger.model.period import parse_duration, parse_moment, parse_period, windows
from ioledger.model.when import Calendar

if TYPE_CHECKING:
    from random import Random

    from ioledger.model.period import ZoneSpan

NOW: Final = datetime(2026, 11, 28, 19, 30, 15, 123456, tzinfo=UTC)
_BERLIN: Final = ZoneInfo("Europe/Berlin")
_CHANGE: Final = datetime(2026, 6, 1, tzinfo=UTC)
_CALENDARS: Final = tuple(
    Calendar(NOW, spans)
    for spans in (
        [(BEGINNING_OF_TIME, END_OF_TIME, ZoneInfo("UTC"))],
        [(BEGINNING_OF_TIME, END_OF_TIME, _BERLIN)],
        [(BEGINNING_OF_TIME, END_OF_TIME, ZoneInfo("Pacific/Apia"))],
        [(BEGINNING_OF_TIME, _CHANGE, ZoneInfo("America/New_York")), (_CHANGE, END_OF_TIME, _BERLIN)],
    )
)
_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogateescape")  # as Python reads arguments of a command
    except UnicodeDecodeError as error:
        raise Refused("no argument of a command") from error


def _of_calendar(data: bytes) -> tuple[Calendar, str]:
    text = _text(data)
    return _CALENDARS[len(data) % len(_CALENDARS)], text


def read_moment(data: bytes) -> None:
    calendar, text = _of_calendar(data)
    taken = calendar.moment(text)
    if taken.tzinfo is not UTC:
        raise WrongError(f"{text!r} is not given in UTC")
    said = _iso(text)
    if said is None:
        return
    if said.tzinfo is not None:
        require(same=taken, as_=said.astimezone(UTC), what=repr(text))
    else:
        _require_local(taken, said, calendar.spans, text)


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _require_local(taken: datetime, said: datetime, spans: list[ZoneSpan], text: str) -> None:
    """Require that one of the billing time zones has this local time then, or has none such near it."""
    zones = [zone for _, _, zone in spans]
    meant = [said.replace(tzinfo=zone, fold=fold).astimezone(UTC) for zone in zones for fold in (0, 1)]
    starts = [start for start, _, _ in spans]
    if taken not in meant and taken not in starts:
        raise WrongError(f"{text!r} is taken for {taken}, which shows this time in none of {zones}")


def read_period(data: bytes) -> None:
    calendar, text = _of_calendar(data)
    taken = calendar.period(text)
    start, end = parse_period(taken, calendar.spans)
    if not timedelta() < end - start <= timedelta(days=35):
        raise WrongError(f"{text!r} lasts from {start} to {end}")
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?", text):
        require(same=taken, as_=text, what=text)
        local = [start.astimezone(zone).strftime("%Y-%m-%d") for _, _, zone in calendar.spans]
        if not any(each.startswith(text) for each in local):
            raise WrongError(f"{text!r} starts at {start}")
    hours = windows(start, min(end, start + timedelta(days=2)), calendar.spans)
    if hours[0][0] != start or any(one[1] != next_[0] for one, next_ in pairwise(hours)):
        raise WrongError(f"the hours of {text!r} are not one after the other from {start}")
    try:
        require(same=calendar.month(text), as_=taken, what=f"the month {text!r}")
    except ConfigurationError:
        if len(taken) == len("2026-11"):
            raise


def read_duration(data: bytes) -> None:
    text = _text(data)
    taken = parse_duration(text)
    parts = re.findall(r"([0-9]+)([dhms])", text)
    require(same="".join(count + unit for count, unit in parts), as_=text, what="the text")
    said = sum(int(count) * _UNITS[unit] for count, unit in parts)
    require(same=taken, as_=timedelta(seconds=said), what=text)


def read_written(data: bytes) -> None:
    text = _text(data)
    taken = parse_moment(text, _BERLIN)
    said = datetime.fromisoformat(text)
    said = said if said.tzinfo else said.replace(tzinfo=_BERLIN)
    require(same=taken, as_=said.astimezone(UTC), what=text)


def read_header(data: bytes) -> None:
    text = data.decode("latin-1")  # as HTTP's clients read headers
    waits = seconds_after(text)
    if waits is not None and not waits >= 0:
        raise WrongError(f"Retry-After {text!r} is taken for {waits}")
    taken = header_time(text)
    if taken is None and waits is None:
        raise Refused("it tells no time")
    if taken is not None and re.fullmatch(r"\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT", text, re.ASCII):
        said = format_datetime(taken.astimezone(UTC), usegmt=True)
        require(same=said[5:], as_=text[5:], what=text)


def _any_moment(random: Random) -> bytes:
    moment = datetime.fromtimestamp(random.randrange(-(2**31), 2**34), UTC) + timedelta(
        microseconds=random.randrange(3)
    )
    text = moment.isoformat()
    zone = random.choice(("", "Z", "+00:00", "+05:30", "-23:59", "+01:00:01"))
    return random.choice(
        (text[:10], text[:7], text[:16], text.removesuffix("+00:00") + zone, text[:19] + zone)
    ).encode()


def _any_duration(random: Random) -> bytes:
    count = random.choice((0, 1, 59, 60, 99999, 100000))
    return "".join(f"{random.choice((count, 7))}{unit}" for unit in random.sample("dhmsx", 2)).encode()


_PERIODS: Final = ("ioledger.model.period", "ioledger.model.when")

TARGETS: Final = (
    Target("moment", read_moment, TEXT, _PERIODS, 40, _any_moment),
    Target("period", read_period, TEXT, _PERIODS, 8, _any_moment),
    Target("duration", read_duration, TEXT, _PERIODS, 60, _any_duration),
    Target("written-time", read_written, TEXT, _PERIODS, 60, _any_moment),
    Target("http-header", read_header, TEXT, ("collectors.remote.clocks",), 60),
)
