"""A billing month as rate cards cut it: each part has one card, or none."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.model.period import windows
from reports.charges.rate_card import card_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from ioledger.model.period import Window, ZoneSpan
    from reports.charges.rate_card import Item, RateCard

_MICROSECOND: Final = timedelta(microseconds=1)


class Month(NamedTuple):
    """A billing month: what it is called (``2026-11``), its start and its end (exclusive) in UTC."""

    name: str
    start: datetime
    end: datetime

    @property
    def us(self) -> int:
        """Return how long it lasts, in microseconds: with the hour that a change of the clock adds or takes."""
        return (self.end - self.start) // _MICROSECOND


class Part(NamedTuple):
    """The hours of a billing month that begin while one card is in force, or while none is."""

    start: datetime
    end: datetime
    card: RateCard | None

    def share(self, month: Month) -> Fraction:
        """Return which share of the month it is."""
        return Fraction((self.end - self.start) // _MICROSECOND, month.us)

    def of(self, item: Item) -> Part | None:
        """Return the part of it for which an item has a price; None if there is none."""
        start = max(self.start, item.valid_from or self.start)
        end = min(self.end, item.valid_to or self.end)
        return Part(start, end, self.card) if start < end else None

    def cut_by(self, others: Iterable[Part]) -> list[Part]:
        """Cut it where any of the others, which lie within it, begins or ends."""
        borders = {self.start, self.end}.union(*((other.start, other.end) for other in others))
        return [Part(start, end, self.card) for start, end in pairwise(sorted(borders))]


def parts(month: Month, cards: Sequence[RateCard], spans: Sequence[ZoneSpan]) -> list[Part]:
    """Cut a billing month where another rate card begins; an hour belongs to the card at its start."""

    def card_of(hour: Window) -> RateCard | None:
        return card_at(cards, hour[0])

    hours = [hour for hour in windows(month.start, month.end, spans) if hour[0] >= month.start]
    cut = [(card, list(of_card)) for card, of_card in groupby(hours, card_of)]
    return [Part(of_card[0][0], of_card[-1][1], card) for card, of_card in cut]
