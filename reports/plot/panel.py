"""The geometry of one panel of a picture: one unit over time, with its axis, lines, limits and their labels."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from reports.plot.columns import columns
from reports.plot.labels import Box, apart, shortened, text_width
from reports.plot.scales import number, reach, scale
from reports.plot.words import LIMIT_NAMES, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from reports.plot.disk import DiskHistory, Limit, LimitKind, Rates, Unit
    from reports.plot.labels import Taken

    _Y = Callable[[float], float]

_Run = tuple[float, float, float]
"""A level line: from x, to x, at y."""

FONT: Final = 12.0
LINE: Final = 15.0
_SERIES: Final = ("total", "read", "write")
_TICK_DISTANCE: Final = 45
_LABEL_GAP: Final = 10.0
_MOVED: Final = 3.0
"""A label that stands so far from its line gets a leader to it."""


class Frame(NamedTuple):
    """Where a panel lies, in pixels, and the time that it shows."""

    left: float
    top: float
    right: float
    bottom: float
    start: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        """Return where a moment is, from left to right."""
        return self.left + (self.right - self.left) * ((at - self.start) / (self.end - self.start))


class Text(NamedTuple):
    """A text at a place, and where the line is that it belongs to (None: at it)."""

    x: float
    y: float
    text: str
    css: str
    leader_y: float | None = None


class Path(NamedTuple):
    """A drawn line or area; ``title`` is what a pointer over it is told."""

    css: str
    d: str
    title: str = ""


class Panel(NamedTuple):
    """One panel, ready to be drawn."""

    frame: Frame
    unit: Unit
    ticks: list[tuple[float, str]]
    areas: list[Path]
    lines: list[Path]
    limits: list[Path]
    texts: list[Text]
    has_bands: bool


def panel(history: DiskHistory, unit: Unit, frame: Frame, label_width: float, taken: Taken) -> Panel:
    """Lay out one unit of a history; labels go right of the frame, or where they are free inside."""
    rates = history.rates(unit)
    limits = [limit for limit in history.limits if limit.unit == unit]
    peak = max((rate.total for rate in rates), default=0.0)
    height = frame.bottom - frame.top
    axis = scale(reach(peak, (limit.value for limit in limits)), int(height / _TICK_DISTANCE))

    def y(value: float) -> float:
        return frame.bottom - height * value / axis.top

    pixel_count = max(1, int(frame.right - frame.left))
    is_exact = len(rates) <= pixel_count
    drawn = _exact(rates, frame, y) if is_exact else _by_pixel(rates, frame, y, pixel_count)
    texts = _inside(history, [limit for limit in limits if limit.value <= axis.top], frame, y, taken)
    texts += _beside(limits, frame, y, axis.top, label_width)
    return Panel(
        frame=frame,
        unit=unit,
        ticks=[(y(value), number(value, unit)) for value in axis.ticks],
        areas=drawn[0],
        lines=drawn[1],
        limits=[
            Path(kind.replace(" ", "-"), _steps(_levels(of_kind, frame, y)), _told(history, of_kind))
            for kind, of_kind in _by_kind(limit for limit in limits if limit.value <= axis.top)
        ],
        texts=texts,
        has_bands=not is_exact,
    )


def _by_kind(limits: Iterable[Limit]) -> Iterator[tuple[LimitKind, list[Limit]]]:
    for kind, of_kind in groupby(sorted(limits, key=lambda limit: (limit.kind, limit.start)), lambda limit: limit.kind):
        yield kind, list(of_kind)


def _levels(limits: Iterable[Limit], frame: Frame, y: _Y) -> list[_Run]:
    return [(frame.x(limit.start), frame.x(limit.end), y(limit.value)) for limit in limits]


def _told(history: DiskHistory, limits: Sequence[Limit]) -> str:
    return "; ".join(
        f"{_named(limit)} from {moment(limit.start, history.zone)} to {moment(limit.end, history.zone)}"
        for limit in limits
    )


def _named(limit: Limit) -> str:
    return f"{LIMIT_NAMES[limit.kind]} {number(limit.value, limit.unit)}"


def _runs(levels: Iterable[_Run]) -> list[list[_Run]]:
    """Part levels where there is a hole between two of them; what follows at the same height is one."""
    parts: list[list[_Run]] = []
    for left, right, y in levels:
        if parts and abs(parts[-1][-1][1] - left) < 0.01:  # noqa: PLR2004 - pixels
            before = parts[-1][-1]
            if abs(before[2] - y) < 0.05:  # noqa: PLR2004 - pixels
                parts[-1][-1] = (before[0], right, before[2])
            else:
                parts[-1].append((left, right, y))
        else:
            parts.append([(left, right, y)])
    return parts


def px(value: float) -> str:
    """Write pixels with one decimal place at most."""
    return f"{value:.1f}".removesuffix(".0")


def _steps(levels: Iterable[_Run]) -> str:
    """Write levels as a path of steps, which is parted where they are."""
    return "".join(_part(part, "M") for part in _runs(levels))


def _part(part: Sequence[_Run], first: str) -> str:
    left, right, y = part[0]
    rest = "".join(f"V{px(each[2])}H{px(each[1])}" for each in part[1:])
    return f"{first}{px(left)} {px(y)}H{px(right)}{rest}"


def _exact(rates: Sequence[Rates], frame: Frame, y: _Y) -> tuple[list[Path], list[Path]]:
    """Draw every rate for as long as it lasted."""
    spans = [(frame.x(rate.start), frame.x(rate.end), rate) for rate in rates]
    lines = [
        Path(name, _steps([(left, right, y(getattr(rate, name))) for left, right, rate in spans])) for name in _SERIES
    ]
    below = "".join(
        f"{_part(part, 'M')}V{px(frame.bottom)}H{px(part[0][0])}Z"
        for part in _runs([(left, right, y(rate.total)) for left, right, rate in spans])
    )
    return [Path("area", below)], lines


def _by_pixel(rates: Sequence[Rates], frame: Frame, y: _Y, count: int) -> tuple[list[Path], list[Path]]:
    """Draw of each column of pixels the mean, and the range from the least to the most."""
    width = (frame.right - frame.left) / count
    found = columns(rates, frame.start, frame.end, count)
    known = [(frame.left + n * width, frame.left + (n + 1) * width, each) for n, each in enumerate(found) if each]
    bands, lines = [], []
    for name in _SERIES:
        spans = [(left, right, getattr(each, name)) for left, right, each in known]
        bands.append(
            Path(f"{name} band", _band([(left, right, y(span.high), y(span.low)) for left, right, span in spans]))
        )
        lines.append(Path(name, _steps([(left, right, y(span.mean)) for left, right, span in spans])))
    return bands, lines


def _band(spans: Sequence[tuple[float, float, float, float]]) -> str:
    """Write the area between two lines of steps as a path: forth along the upper one, back along the lower one."""
    parts: list[list[tuple[float, float, float, float]]] = []
    for span in spans:
        if parts and abs(parts[-1][-1][1] - span[0]) < 0.01:  # noqa: PLR2004 - pixels
            parts[-1].append(span)
        else:
            parts.append([span])
    written = []
    for part in parts:
        forth = _part([(left, right, high) for left, right, high, _ in part], "M")
        back = "".join(f"V{px(max(low, high + 1))}H{px(left)}" for left, _, high, low in reversed(part))
        written.append(f"{forth}{back}Z")
    return "".join(written)


def _beside(limits: Sequence[Limit], frame: Frame, y: _Y, top: float, width: float) -> list[Text]:
    """Name the limits that are in force at the end right of them, and those beyond the axis at its end."""
    wanted = []
    for kind, of_kind in _by_kind(limits):
        beyond = max((limit.value for limit in of_kind), default=0)
        if beyond > top:
            greatest = next(limit for limit in of_kind if limit.value == beyond)
            wanted.append((frame.top, f"↑ {_named(greatest)}", kind))
        last = of_kind[-1]
        if last.value <= top and last.end == frame.end:
            wanted.append((y(last.value), _named(last), kind))
    wanted.sort(key=lambda each: (each[0], each[1]))
    places = apart([place for place, _, _ in wanted], LINE, frame.top + 4, frame.bottom - 2)
    return [
        Text(
            frame.right + _LABEL_GAP + 4,
            place + 4,
            shortened(text, FONT, width - _LABEL_GAP - 4),
            f"label {kind.replace(' ', '-')}",
            at if abs(place - at) > _MOVED and not text.startswith("↑") else None,
        )
        for place, (at, text, kind) in zip(places, wanted, strict=True)
    ]


def _inside(history: DiskHistory, limits: Sequence[Limit], frame: Frame, y: _Y, taken: Taken) -> list[Text]:
    """Name limits that changed or ended where they begin, as far as there is room."""
    texts = []
    for kind, of_kind in _by_kind(limits):
        told = {of_kind[-1].value} if of_kind[-1].end == history.end else set()
        for limit in of_kind:
            left, right = frame.x(limit.start) + 4, frame.x(limit.end)
            text = _named(limit)
            width = text_width(text, FONT)
            if limit.value in told or width > right - left:
                continue
            at = y(limit.value)
            for baseline in (at - 5, at + LINE - 2):
                box = Box(left, baseline - FONT, left + width, baseline + 3)
                if box.top >= frame.top and box.bottom <= frame.bottom and taken.take(box):
                    texts.append(Text(left, baseline, text, f"label inside {kind.replace(' ', '-')}"))
                    told.add(limit.value)
                    break
    return texts
