"""One value of an inventory file: from what a format holds to what the lake's column takes.

The parsers raise ValueError or OverflowError for what the column does not take; ``takes`` says in
words what it does. Nothing is rounded, guessed or cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ioledger.errors import one_of
from ioledger.model.columns import COUNT, FLAG, PER_GIB, TEXT, TIME

if TYPE_CHECKING:
    import pyarrow as pa

    from ioledger.model.columns import Column

Parser = Callable[[Any], object]

MAX_COUNT: Final = 2**63 - 1
"""The greatest BIGINT, which is what the lake counts in."""

_PLACES: Final[int] = PER_GIB.scale
_INTEGER_DIGITS: Final[int] = PER_GIB.precision - PER_GIB.scale
_SHOWN_CHARACTERS: Final = 60

_EXACT_TEXT: Final = re.compile(rf"[0-9]{{1,{_INTEGER_DIGITS}}}(\.[0-9]{{1,{_PLACES}}})?")
_TIME_TEXT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
"""ISO 8601 down to the microsecond: datetime.fromisoformat would silently drop what is finer."""


class Numeral(str):
    """A number as its file writes it, apart from text: a float would not keep its digits."""

    __slots__ = ()


def count(value: object) -> int:
    """Take an integer of the lake's range; a boolean, though Python counts it as one, is none."""
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise ValueError
    return value


def count_of_text(text: str) -> int:
    """Take plain digits: no sign, point, exponent, space or thousands separator."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError
    return count(int(text))


def exact(value: int | Decimal) -> Decimal:
    """Take a number that has at most six places, however many zeros it carries after them."""
    numerator, denominator = value.as_integer_ratio()
    units, lost = divmod(numerator * 10**_PLACES, denominator)
    if lost or not 0 <= units < 10**PER_GIB.precision:
        raise ValueError
    return Decimal(units).scaleb(-_PLACES)


def exact_of_text(text: str) -> Decimal:
    """Take plain digits with at most one point and six places."""
    if not _EXACT_TEXT.fullmatch(text):
        raise ValueError
    return exact(Decimal(text))


def flag(value: object) -> bool:
    """Take a boolean, and no number in its place."""
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004 - one exception for all that a column does not take
    return value


def flag_of_text(text: str) -> bool:
    """Take true or false, in lower case."""
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


def instant(value: object) -> datetime:
    """Take a time that says its offset, and give it in UTC."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError
    return value.astimezone(UTC)


def instant_of_text(text: str) -> datetime:
    """Take ISO 8601 with an offset or Z, to the microsecond at the finest."""
    if not _TIME_TEXT.fullmatch(text):
        raise ValueError
    return instant(datetime.fromisoformat(text))


def text(value: object) -> str:
    """Take text as it is."""
    if type(value) is not str:
        raise ValueError
    return value


def word(parse: Parser, vocabulary: tuple[str, ...]) -> Parser:
    """Narrow a parser to a closed vocabulary."""

    def parse_word(value: object) -> object:
        parsed = parse(value)
        if parsed not in vocabulary:
            raise ValueError
        return parsed

    return parse_word


def takes(column: Column, vocabulary: tuple[str, ...] | None) -> str:
    """Say what a column takes, as the end of a sentence."""
    if vocabulary is not None:
        return f"one of {one_of(vocabulary)}"
    descriptions: dict[pa.DataType, str] = {
        COUNT: f"a whole number of {column.unit} in plain digits, 0 to {MAX_COUNT}",
        PER_GIB: (
            f"a number of {column.unit} in plain digits, "
            f"at most {_INTEGER_DIGITS} before the point and {_PLACES} after it"
        ),
        FLAG: "true or false",
        TIME: "a time in whole microseconds with its offset from UTC, such as 2026-11-01T00:00:00Z",
        TEXT: "text, in quotes",
    }
    return descriptions[column.type]


def shown(value: object) -> str:
    """Repeat a received value in a sentence: in one line, cut where it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    if isinstance(value, int):
        # Python writes out decimal digits only up to a limit; hexadecimal has none.
        return str(value) if value.bit_length() <= PER_GIB.bit_width else _cut(f"{value:#x}")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, str):
        return _cut(value) if isinstance(value, Numeral) else repr(_cut(value))
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _cut(long: str) -> str:
    return long if len(long) <= _SHOWN_CHARACTERS else long[:_SHOWN_CHARACTERS] + "…"


def legible(reason: str) -> str:
    """Put another library's words into a sentence: their first line, without what no terminal should get."""
    line = next(iter(reason.splitlines()), "").rstrip(".")
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
