"""Draws the history of a disk in a terminal: bars of reads and writes, lines of limits, and what happened."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.text import Text

from reports.plot import words
from reports.plot.columns import columns, marked
from reports.plot.disk import Stretch
from reports.plot.scales import number, reach, scale, time_ticks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reports.plot.columns import Column
    from reports.plot.disk import DiskHistory, Limit, LimitKind, MarkKind, Unit
    from reports.plot.scales import Scale

LEAST_WIDTH: Final = 40
_AXIS: Final = 10
"""Columns left of the bars: a number, a space and the axis."""

_LABELS: Final = 24
_NARROW: Final = 90
"""Terminals narrower than this have no column of labels: limits are named below."""

_ROWS: Final[Mapping[int, int]] = {1: 14, 2: 9}
"""Rows of bars in each panel, by the number of panels: together they fit a terminal of 24 lines."""

_TICK_COLUMNS: Final = 11
_ROWS_FOR_A_NUMBER: Final = 3
_EVENTS: Final = 8
_HALF: Final = 0.5


class Glyphs(NamedTuple):
    """The characters of a picture.

    ``parts`` fill a cell from below by an eighth more each, if there are any; ``some`` is what is too little for
    a cell.
    """

    read: str
    write: str
    peak: str
    some: str
    parts: str
    axis: str
    floor: str
    corner: str
    tick: str
    at_cap: str
    gap: str
    unobserved: str
    limits: Mapping[LimitKind, str]


_MARKS: Final[Mapping[MarkKind, str]] = {"reset": "R", "migration": "M", "attachment": "A"}
_COLOURED: Final = Glyphs(
    read="█", write="█", peak="░", some="▁", parts="▁▂▃▄▅▆▇", axis="│", floor="─", corner="└", tick="┴", at_cap="▀",
    gap="╱", unobserved="·",  # noqa: RUF001 - it is drawn, not read
    limits={"cap": "━", "read cap": "━", "write cap": "━", "minimum": "╌", "unenforced minimum": "┈", "maximum": "─",
            "burst": "┄"},
)  # fmt: skip
_PLAIN: Final = _COLOURED._replace(write="▒", parts="")
_ASCII: Final = Glyphs(
    read="#", write="+", peak=":", some="_", parts="", axis="|", floor="-", corner="+", tick="+", at_cap="^",
    gap="/", unobserved=".",
    limits={"cap": "=", "read cap": "=", "write cap": "=", "minimum": "~", "unenforced minimum": "~", "maximum": "-",
            "burst": "-"},
)  # fmt: skip
_STYLES: Final[Mapping[LimitKind, str]] = {
    "cap": "magenta", "read cap": "cyan", "write cap": "yellow", "minimum": "green", "unenforced minimum": "green",
    "maximum": "bold", "burst": "bold",
}  # fmt: skip
"""Styles that are to be read on light and on dark terminals; white or black is on one of them only."""

_UNDRAWN: Final[tuple[LimitKind, ...]] = ("write cap",)
"""Writes stand on reads, so that no line could show what their cap leaves to them."""

_READ: Final = "blue"
_WRITE: Final = "yellow"
_AT_CAP: Final = "red"
_SOFT: Final = "dim"


def drawn(history: DiskHistory, width: int, *, is_coloured: bool, is_unicode: bool = True) -> Text:
    """Draw a history in lines of at most ``width`` characters, or of 40 where that is less.

    Without colours the characters alone tell everything apart; without Unicode they are all ASCII.
    """
    glyphs = _ASCII if not is_unicode else _COLOURED if is_coloured else _PLAIN
    picture = _Picture(history, max(width, LEAST_WIDTH), glyphs)
    lines = list(picture.lines())
    for line in lines:
        line.rstrip()
        line.truncate(picture.width, overflow="ellipsis" if is_unicode else "crop")
    whole = Text("\n", no_wrap=True).join(lines)
    return whole if is_unicode else Text(_ascii(whole.plain))


def _ascii(text: str) -> str:
    return (
        text.translate({ord("→"): "->", ord("·"): "-", ord("…"): "...", ord("↑"): "^"})
        .encode("ascii", "replace")
        .decode()
    )


class _Picture:
    """One picture of one width."""

    def __init__(self, history: DiskHistory, width: int, glyphs: Glyphs) -> None:
        self._history = history
        self.width = width
        self._glyphs = glyphs
        self._has_labels = width >= _NARROW and bool(history.limits)
        self._count = width - _AXIS - (_LABELS if self._has_labels else 1)
        span = (history.start, history.end, self._count)
        self._gaps = marked(history.gaps, *span)
        self._has_peaks = False
        self._at_cap = marked(history.at_cap, *span)

    def lines(self) -> Iterator[Text]:
        history = self._history
        yield Text(words.title(history), style="bold")
        yield from _wrapped([words.period(history), *words.summary(history)], self.width, " · ")
        units = history.units()
        for unit in units:
            yield Text()
            yield from self._panel(unit, _ROWS[len(units)])
        yield from self._times()
        if history.at_cap:
            yield self._row(
                "at cap", {n: (self._glyphs.at_cap, _AT_CAP) for n, flag in enumerate(self._at_cap) if flag}
            )
        if history.marks:
            yield self._row("events", self._marks())
        yield Text()
        yield from _wrapped_texts(self._legend(), self.width)
        yield from self._told()

    def _panel(self, unit: Unit, row_count: int) -> Iterator[Text]:
        history = self._history
        rates = history.rates(unit)
        limits = [limit for limit in history.limits if limit.unit == unit and limit.kind not in _UNDRAWN]
        peak = max((rate.total for rate in rates), default=0.0)
        axis = scale(reach(peak, (limit.value for limit in limits)), row_count // _ROWS_FOR_A_NUMBER)
        found = columns(rates, history.start, history.end, self._count)
        lines = self._limit_cells(limits, axis, row_count)
        labels = self._labels(limits, axis, row_count)
        numbers = {_row_of(value, axis, row_count): number(value, unit) for value in axis.ticks[1:]}
        yield Text(f"{unit}, {words.resolution(history)}" if history.steps else unit, style=_SOFT)
        height = axis.top / row_count
        for row in reversed(range(row_count)):
            line = Text()
            line.append(f"{numbers.get(row, ''):>{_AXIS - 2}} {self._glyphs.axis}", _SOFT)
            cells: list[tuple[str, str]] = []
            for n, column in enumerate(found):
                if (row, n) in lines:
                    kind = lines[row, n]
                    ground = self._ground(column, (row + _HALF) * height)
                    cells.append((self._glyphs.limits[kind], f"{_STYLES[kind]}{ground}"))
                else:
                    cells.append(self._cell(column, n, row * height, height))
            _append(line, cells)
            if row in labels:
                line.append(f" {labels[row][0]}", labels[row][1])
            yield line

    def _cell(self, column: Column | None, n: int, low: float, height: float) -> tuple[str, str]:
        """Return the character of a cell that stands for the values from ``low`` on, and its style."""
        glyphs = self._glyphs
        if column is None:
            return (glyphs.gap if self._gaps[n] else glyphs.unobserved), _SOFT
        read, total = ((value - low) / height for value in (column.read.mean, column.total.mean))
        glyph, style = self._coloured(read, total) if glyphs.parts else self._textured(read, total)
        if glyph != " ":
            return glyph, style
        if column.total.high > column.total.mean and (column.total.high - low) / height >= _HALF:
            self._has_peaks = True
            return glyphs.peak, _SOFT
        if low == 0 and column.total.mean > 0:
            return glyphs.some, _READ if column.read.mean > column.write.mean else _WRITE
        return " ", ""

    def _coloured(self, read: float, total: float) -> tuple[str, str]:
        """Fill a cell from below by so much with reads and then, up to the total, with writes."""
        if read >= 1:
            return self._glyphs.read, _READ
        if total >= 1:
            part = self._part(read)
            return (self._glyphs.write, _WRITE) if part == " " else (part, f"{_READ} on {_WRITE}")
        # No cell has three colours: it has that of what is more.
        return self._part(total), _READ if read > total / 2 else _WRITE

    def _textured(self, read: float, total: float) -> tuple[str, str]:
        if total < _HALF:
            return " ", ""
        return (self._glyphs.read, _READ) if read >= _HALF else (self._glyphs.write, _WRITE)

    def _ground(self, column: Column | None, value: float) -> str:
        """Return what leaves a bar of colour to be seen behind the line of a limit."""
        if column is None or not self._glyphs.parts or column.total.mean < value:
            return ""
        return f" on {_READ if column.read.mean >= value else _WRITE}"

    def _part(self, filled: float) -> str:
        """Return the character that fills so much of a cell from below."""
        eighths = round(filled * 8)
        if eighths <= 0:
            return " "
        return self._glyphs.parts[min(eighths, len(self._glyphs.parts)) - 1]

    def _limit_cells(self, limits: Iterable[Limit], axis: Scale, row_count: int) -> dict[tuple[int, int], LimitKind]:
        cells: dict[tuple[int, int], LimitKind] = {}
        for limit in limits:
            if limit.value <= axis.top:
                row = _row_of(limit.value, axis, row_count)
                flags = marked([_stretch(limit)], self._history.start, self._history.end, self._count)
                cells.update({(row, n): limit.kind for n, flag in enumerate(flags) if flag})
        return cells

    def _labels(self, limits: Iterable[Limit], axis: Scale, row_count: int) -> dict[int, tuple[str, str]]:
        """Name the limits that are in force at the end, each in its row or the next one below that is free."""
        labels: dict[int, tuple[str, str]] = {}
        if not self._has_labels:
            return labels
        for limit in sorted(_last_of_each(limits), key=lambda limit: -limit.value):
            row = row_count - 1 if limit.value > axis.top else _row_of(limit.value, axis, row_count)
            while row in labels and row > 0:
                row -= 1
            arrow = "↑ " if limit.value > axis.top else ""
            labels[row] = (
                f"{arrow}{words.LIMIT_NAMES[limit.kind]} {number(limit.value, limit.unit)}",
                _STYLES[limit.kind],
            )
        return labels

    def _times(self) -> Iterator[Text]:
        """Draw the axis of time and write below it."""
        history = self._history
        floor = [self._glyphs.floor] * self._count
        written = [" "] * (_AXIS + self._count + _LABELS)
        free = 0
        for tick in time_ticks(history.start, history.end, history.zone, max(1, self._count // _TICK_COLUMNS)):
            n = min(self._count - 1, int(self._count * ((tick.at - history.start) / (history.end - history.start))))
            left = max(0, _AXIS + n - len(tick.text) // 2)
            if left >= free and left + len(tick.text) <= self.width:
                floor[n] = self._glyphs.tick
                written[left : left + len(tick.text)] = tick.text
                free = left + len(tick.text) + 1
        yield Text(f"{'0':>{_AXIS - 2}} {self._glyphs.corner}{''.join(floor)}", style=_SOFT)
        yield Text("".join(written), style=_SOFT)

    def _row(self, name: str, cells: Mapping[int, tuple[str, str]]) -> Text:
        line = Text()
        line.append(f"{name:>{_AXIS - 1}} ", _SOFT)
        _append(line, [cells.get(n, (" ", "")) for n in range(self._count)])
        return line

    def _marks(self) -> dict[int, tuple[str, str]]:
        cells: dict[int, tuple[str, str]] = {}
        history = self._history
        for mark in history.marks:
            n = min(self._count - 1, int(self._count * ((mark.at - history.start) / (history.end - history.start))))
            cells[n] = ("*" if n in cells else _MARKS[mark.kind], "bold")
        return cells

    def _legend(self) -> Iterator[Text]:
        glyphs, history = self._glyphs, self._history
        if history.steps:
            yield _key(glyphs.read, _READ, " reads")
            yield _key(glyphs.write, _WRITE, " writes")
            if self._has_peaks:
                yield _key(glyphs.peak, _SOFT, " most within a column")
        if history.at_cap:
            yield _key(glyphs.at_cap, _AT_CAP, " at a cap")
        if any(self._gaps):
            yield _key(glyphs.gap, _SOFT, " readings too far apart")
        if history.unobserved:
            yield _key(glyphs.unobserved, _SOFT, " not observed")
        for limit in [] if self._has_labels else _last_of_each(history.limits):
            if limit.kind in _UNDRAWN:
                continue
            name = f" {words.LIMIT_NAMES[limit.kind]} {number(limit.value, limit.unit)}"
            yield _key(glyphs.limits[limit.kind], _STYLES[limit.kind], name)

    def _told(self) -> Iterator[Text]:
        """Tell of events and changes, line by line."""
        history = self._history
        for mark in history.marks[:_EVENTS]:
            text = words.plain(f"{words.MARK_NAMES[mark.kind]}{f': {mark.text}' if mark.text else ''}")
            yield Text(f"{_MARKS[mark.kind]} {words.moment(mark.at, history.zone)} {text}")
        if len(history.marks) > _EVENTS:
            yield Text(f"and {len(history.marks) - _EVENTS} more events", style=_SOFT)
        for limit in _last_of_each(each for each in history.limits if each.kind in _UNDRAWN):
            text = (
                f"The {words.LIMIT_NAMES[limit.kind]} is {number(limit.value, limit.unit)}; it has no line, for writes"
            )
            yield Text(f"{text} stand on reads", style=_SOFT)
        for sentence in (*words.changes(history), *words.notes(history)):
            yield Text(sentence, style=_SOFT)


def _key(glyph: str, style: str, meaning: str) -> Text:
    return Text().append(glyph, style).append(meaning)


def _append(line: Text, cells: Iterable[tuple[str, str]]) -> None:
    """Append cells, neighbours of one style at once."""
    for style, run in groupby(cells, lambda cell: cell[1]):
        line.append("".join(glyph for glyph, _ in run), style)


def _row_of(value: float, axis: Scale, row_count: int) -> int:
    return min(row_count - 1, int(value / axis.top * row_count + 1e-9))


def _stretch(limit: Limit) -> Stretch:
    return Stretch(limit.start, limit.end)


def _last_of_each(limits: Iterable[Limit]) -> list[Limit]:
    """Return the last limit of each kind and unit."""
    return list({(limit.kind, limit.unit): limit for limit in sorted(limits, key=lambda limit: limit.start)}.values())


def _wrapped(parts: Iterable[str], width: int, separator: str) -> Iterator[Text]:
    """Join parts, in as many lines as they take."""
    yield from _wrapped_texts((Text(part, style=_SOFT) for part in parts if part), width, separator)


def _wrapped_texts(parts: Iterable[Text], width: int, separator: str = "   ") -> Iterator[Text]:
    line: Text | None = None
    for part in parts:
        if line is not None and line.cell_len + len(separator) + part.cell_len <= width:
            line.append(separator).append_text(part)
        else:
            if line is not None:
                yield line
            line = Text().append_text(part)
    if line is not None:
        yield line
