"""Numbers as people read them: nothing of them is rounded away, however long they are."""

from __future__ import annotations

import re
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from ioledger.numbers import Amount, grouped, plain

NUMBERS = st.integers(-(10**38), 10**38)
"""The digits of any DECIMAL(38, n); Python's arithmetic keeps 28 of them."""


@given(NUMBERS, st.integers(0, 12), st.integers(0, 4))
@example(123_456_789_012_345_678_901_234_567_890, 12, 2)
@example(-0, 2, 2)
def test_a_number_keeps_every_digit_and_has_the_places_that_are_asked(digits: int, places: int, least: int) -> None:
    value = Decimal(f"{digits}E-{places}")
    text = grouped(value, least)
    assert re.fullmatch(r"-?\d{1,3}(,\d{3})*(\.\d+)?", text)
    assert Decimal(text.replace(",", "")) == value == Decimal(plain(value))
    shown = text.partition(".")[2]
    assert len(shown) >= least
    assert len(shown) == least or not shown.endswith("0")
    assert not (value == 0 and text.startswith("-"))


@given(NUMBERS)
def test_a_whole_number_is_as_that_decimal(number: int) -> None:
    assert grouped(number) == grouped(Decimal(number)) == f"{number:,}"


@given(NUMBERS, st.integers(0, 12))
def test_an_amount_keeps_the_places_that_it_was_made_with(digits: int, places: int) -> None:
    value = Decimal(f"{digits}E-{places}")
    assert len(grouped(Amount(value)).partition(".")[2]) == places
    assert Decimal(plain(Amount(value))) == value
