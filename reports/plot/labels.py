"""Where text goes in a picture so that none lies over other text. Widths are estimates that are rather too wide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from unicodedata import east_asian_width

if TYPE_CHECKING:
    from collections.abc import Sequence

_NARROW: Final = frozenset(" ,.:;'|!()[]ijlftrI·-")
_WIDE: Final = frozenset("mwMW@%—→")


class Box(NamedTuple):
    """A rectangle that text takes, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Tell whether two rectangles have a pixel in common."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


class Taken:
    """The rectangles of a picture that have text already."""

    def __init__(self) -> None:
        self._boxes: list[Box] = []

    def take(self, box: Box) -> bool:
        """Take a rectangle if it is free; tell whether it was."""
        if any(box.meets(other) for other in self._boxes):
            return False
        self._boxes.append(box)
        return True


def text_width(text: str, size: float) -> float:
    """Estimate the width of a text in a sans serif of ``size`` pixels."""
    return size * sum(_em(character) for character in text)


def _em(character: str) -> float:
    if east_asian_width(character) in "WF":
        return 1.05
    if character in _NARROW:
        return 0.36
    if character in _WIDE or ord(character) > 0x2190:  # noqa: PLR2004 - arrows and all after them may be wide
        return 0.98
    return 0.72 if character.isupper() else 0.6


def shortened(text: str, size: float, width: float) -> str:
    """Return as much of a text as fits, with an ellipsis where some is left out."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…" if text else ""


def apart(wanted: Sequence[float], least: float, top: float, bottom: float) -> list[float]:
    """Move places, given from top to bottom, so that they are ``least`` apart, each as little as possible."""
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + least if places else top))
    limit = bottom
    for n in reversed(range(len(places))):
        places[n] = min(places[n], limit)
        limit = places[n] - least
    return places
