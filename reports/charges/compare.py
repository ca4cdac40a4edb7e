"""Compares two bills: a month by two rate cards, or two months; nothing is stored."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.lake import derived, reader, settings
from reports.charges import bill, card_file, stored
from reports.charges.charging import lines_of
from reports.charges.differences import Rated, Step, differences
from reports.charges.parts import Part, parts
from reports.closing import archive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.charges.differences import Row
    from reports.charges.parts import Month
    from reports.charges.rate_card import RateCard
    from reports.charges.splitting import Usage

_MONTH: Final = re.compile(r"\d{4}-\d{2}")


class Compared(NamedTuple):
    """The rows of a comparison (``differences``), and what is compared, in words."""

    rows: list[Row]
    before: str
    after: str


def compare(lake: Path, month: Month, rate_card: Path, other: str) -> Compared:
    """Compare the bill of a month by a file of rate cards with another one: of another month, or by another file.

    Another month has its stored bill, or one by the same rate cards if there is none. Raises
    ConfigurationError for wrong rate cards, and LakeError if the lake cannot be read.
    """
    return derived.consistently(lake, lambda: _compare(lake, month, rate_card, other))


def _compare(lake: Path, month: Month, rate_card: Path, other: str) -> Compared:
    comparison = _Comparison(lake)
    after = comparison.rated(month, rate_card)
    if not _MONTH.fullmatch(other):
        before = comparison.rated(month, Path(other))
        rows = differences(before, after, [Step("prices", before, after)])
        return Compared(rows, f"{month.name} by {other}", f"{month.name} by {rate_card}")
    other_month = stored.month_of(other, comparison.line)
    found = comparison.stored(other_month)
    before = found or comparison.rated(other_month, rate_card)
    told = f"{other} as it is stored" if found else f"{other} by {rate_card}"
    steps = comparison.steps(other_month, before, month, after)
    return Compared(differences(before, after, steps), told, f"{month.name} by {rate_card}")


class _Comparison:
    """Bills of one lake, made for comparison."""

    def __init__(self, lake: Path) -> None:
        self._lake = lake
        self.line = settings.load(lake)

    def rated(self, month: Month, path: Path) -> Rated:
        """Rate a month by a file of rate cards; of a closed one what it was closed with, without corrections."""
        text = card_file.text_of(path)
        cut = self._parts(month, stored.cards_of(month, self.line, text, path))
        if archive.closed(self._lake, month.name) is None:
            return Rated(bill.make(self._lake, month, text, path).bill.lines, cut)
        return self._rated_by(month, cut)

    def stored(self, month: Month) -> Rated | None:
        """Return the bill of a month as it is stored, or was closed; None if there is none."""
        closed = archive.closed(self._lake, month.name)
        path = closed.bill if closed else stored.path_of(self._lake, month)
        found = stored.load(path, month)
        if found is None:
            return None
        return Rated(found.lines, self._parts(month, stored.cards_of(month, self.line, found.rate_cards, path)))

    def steps(self, month: Month, before: Rated, other: Month, after: Rated) -> list[Step]:
        """Lead from the bill of one month to that of another: first at the old prices, then to the new ones.

        The old prices are those of the card that was in force last; where others, or none, were before it,
        their month is first rated by the last one.
        """
        if not before.cards:
            return [Step("prices", before, after)]
        last = before.cards[-1]
        found = []
        if len(before.parts) > 1:
            found.append(Step("prices", before, self._by_one(month, last)))
        if [part.card for part in after.parts] == [last]:
            return [*found, Step("usage", found[-1].after if found else before, after)]
        at_old_prices = self._by_one(other, last)
        return [
            *found,
            Step("usage", found[-1].after if found else before, at_old_prices),
            Step("prices", at_old_prices, after),
        ]

    def _by_one(self, month: Month, card: RateCard) -> Rated:
        """Rate a whole month by one card, whenever it is in force."""
        return self._rated_by(month, [Part(month.start, month.end, card)])

    def _rated_by(self, month: Month, cut: Sequence[Part]) -> Rated:
        with reader.open_unlisted(self._lake) as opened:
            return Rated(stored.table_of(lines_of(opened, self._usage(month), month, cut)), cut)

    def _usage(self, month: Month) -> Usage:
        closed = archive.closed(self._lake, month.name)
        return closed.usage() if closed else bill.usage_of(self._lake, month)

    def _parts(self, month: Month, cards: Sequence[RateCard]) -> list[Part]:
        return parts(month, cards, settings.zone_spans(self.line))
