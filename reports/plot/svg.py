"""Draws the history of a disk as an SVG picture that needs nothing else, for light and dark pages.

The few shapes are laid out here and written by a template: a plotting library is a large dependency for them, and
one such as matplotlib writes its colours into every shape, so that no page could turn its pictures dark.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from reports.pages.environment import environment
from reports.plot import words
from reports.plot.labels import Box, Taken, shortened, text_width
from reports.plot.panel import FONT, LINE, Frame, panel, px
from reports.plot.scales import time_ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Template

    from reports.plot.disk import DiskHistory, MarkKind, Stretch

LEAST_WIDTH: Final = 480
LEAST_HEIGHT: Final = 280
_MARGIN: Final = 16.0
_LEFT: Final = 66.0
_RIGHT: Final = 168.0
_TITLE: Final = 17.0
_BOLD: Final = 1.12
"""How much wider text in bold type is."""

_TICK_DISTANCE: Final = 64
_GLYPH: Final = 10.0
_STRIP: Final = 20.0
_PANEL_GAP: Final = 30.0
_SWATCH: Final = 22.0
_BOTTOM: Final = 30.0


class Area(NamedTuple):
    """A stretch of time over the whole height, with what a pointer over it is told."""

    css: str
    x: float
    width: float
    title: str


class Event(NamedTuple):
    """A mark: where it stands, what a pointer over it is told, and its text where that has room."""

    kind: MarkKind
    x: float
    title: str
    text: str


class Key(NamedTuple):
    """An entry of the legend."""

    css: str
    text: str
    x: float
    y: float


def svg(history: DiskHistory, *, width: int = 960, height: int = 360) -> str:
    """Draw a history; equal input gives equal text.

    ``width`` and ``height`` are pixels, and at least 480 and 280: below that nothing is to be read. The style
    holds only below the root, and all ids begin with the root's, so that a page can hold several pictures.
    """
    width, height = max(width, LEAST_WIDTH), max(height, LEAST_HEIGHT)
    units = history.units()
    taken = Taken()
    keys = _keys(history, width, has_bands=_is_dense(history, width))
    strip_y = (keys[-1].y if keys else 44) + LINE
    top = strip_y + (_STRIP if history.marks else 10) + 12
    bottom = height - _BOTTOM - (LINE * len(words.notes(history)))
    each = (bottom - top - _PANEL_GAP * (len(units) - 1)) / len(units)
    frames = [
        Frame(_LEFT, top + n * (each + _PANEL_GAP), width - _RIGHT, top + n * (each + _PANEL_GAP) + each,
              history.start, history.end)
        for n in range(len(units))
    ]  # fmt: skip
    areas = _areas(history, frames[0])
    gap_texts = _gap_texts(history, frames[0], taken)
    panels = [panel(history, unit, frame, _RIGHT, taken) for unit, frame in zip(units, frames, strict=True)]
    most_ticks = int((frames[0].right - frames[0].left) / _TICK_DISTANCE)
    return _template().render(
        id=f"plot-{_digest(history)}",
        width=width,
        height=height,
        title=shortened(words.title(history), _TITLE * _BOLD, width - 2 * _MARGIN),
        whole_title=words.title(history),
        description=words.description(history),
        resolution=f", {words.resolution(history)}" if history.steps else "",
        subtitle=_subtitle(history, width),
        keys=keys,
        events=_events(history, frames[0], width),
        strip_y=strip_y,
        areas=areas,
        gap_texts=gap_texts,
        panels=panels,
        ticks=[
            (frames[0].x(tick.at), tick.text)
            for tick in time_ticks(history.start, history.end, history.zone, most_ticks)
        ],
        notes=words.notes(history),
        bottom=bottom,
        margin=_MARGIN,
        line=LINE,
    )


@cache
def _template() -> Template:
    templates = environment(__package__ or "")
    templates.filters["px"] = px
    return templates.get_template("picture.svg")


def _digest(history: DiskHistory) -> str:
    about = repr((history.volume_id, history.disk_names, history.start, history.end))
    return hashlib.sha256(about.encode()).hexdigest()[:12]


def _is_dense(history: DiskHistory, width: float) -> bool:
    return len(history.steps) > int(width - _LEFT - _RIGHT)


def _subtitle(history: DiskHistory, width: float) -> str:
    parts = [words.period(history), *words.summary(history)]
    while len(parts) > 1 and text_width(" · ".join(parts), FONT) > width - 2 * _MARGIN:
        parts.pop()
    return shortened(" · ".join(parts), FONT, width - 2 * _MARGIN)


def _keys(history: DiskHistory, width: float, *, has_bands: bool) -> list[Key]:
    """Lay out the legend, in as many rows as it takes; only what is in the picture is in it."""
    entries = [("line total", "reads and writes"), ("line read", "reads"), ("line write", "writes")]
    if not history.steps:
        entries = []
    if has_bands:
        entries.append(("swatch total band", "least to most"))
    for stretches, css, text in (
        (history.at_cap, "swatch at-cap", "at a cap"),
        (history.gaps, "swatch gap", "readings too far apart"),
        (history.unobserved, "swatch unobserved", "not observed"),
    ):
        if stretches:
            entries.append((css, text))
    entries += [(f"mark {kind}", words.MARK_NAMES[kind]) for kind in sorted({mark.kind for mark in history.marks})]
    keys: list[Key] = []
    x, y = _MARGIN, 62.0
    for css, text in entries:
        taken = _SWATCH + 6 + text_width(text, FONT) + 14
        if keys and x + taken > width - _MARGIN:
            x, y = _MARGIN, y + LINE + 2
        keys.append(Key(css, text, x, y))
        x += taken
    return keys


def _areas(history: DiskHistory, frame: Frame) -> list[Area]:
    def of(css: str, stretches: Sequence[Stretch], what: str) -> list[Area]:
        return [
            Area(
                css,
                frame.x(each.start),
                max(frame.x(each.end) - frame.x(each.start), 1.0),
                f"{what} for {words.length(each.length)}, from {words.moment(each.start, history.zone)}",
            )
            for each in stretches
        ]

    return [
        *of("unobserved", history.unobserved, "Not observed"),
        *of("gap", history.gaps, "No readings between"),
        *of("at-cap", history.at_cap, "At a cap"),
    ]


def _gap_texts(history: DiskHistory, frame: Frame, taken: Taken) -> list[tuple[float, float, str]]:
    """Say how long gaps are, where there is room in them."""
    texts = []
    for stretch in history.gaps:
        text = words.length(stretch.length)
        left, right = frame.x(stretch.start), frame.x(stretch.end)
        half = text_width(text, FONT) / 2
        middle = (left + right) / 2
        if right - left > 2 * half + 4 and taken.take(
            Box(middle - half, frame.top, middle + half, frame.top + LINE + 2)
        ):
            texts.append((middle, frame.top + LINE - 1, text))
    return texts


def _events(history: DiskHistory, frame: Frame, width: float) -> list[Event]:
    """Lay out marks; a text that would reach the next mark is left to the pointer."""
    places = [frame.x(mark.at) for mark in history.marks]
    events = []
    for mark, x, following in zip(history.marks, places, [*places, width - _MARGIN + 8][1:], strict=True):
        more = words.plain(mark.text)
        local = words.clock(mark.at.astimezone(history.zone))
        told = f"{words.moment(mark.at, history.zone)}: {words.MARK_NAMES[mark.kind]}{f', {more}' if more else ''}"
        room = following - x - 2 * _GLYPH
        text = next((each for each in (f"{local} {more}".strip(), local) if text_width(each, FONT) <= room), "")
        events.append(Event(mark.kind, x, told, text))
    return events
