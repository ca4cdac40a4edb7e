"""What is fuzzed, and what may come of it.

A target hands bytes to the function by which the product reads them. Either they are taken, and then a second, small
reading of the same bytes has to find the same; or they are refused in one sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ioledger.errors import IoledgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from fuzzing.mutation import Shape

LONGEST_SENTENCE: Final = 20_000
"""Beyond it, a message repeats an input instead of naming what is wrong with it."""


class Refused(Exception):  # noqa: N818 - it is what should happen
    """The input was refused by an error that does not leave its area, such as one guest's."""


class WrongError(AssertionError):
    """An input was taken for something else than it says, or refused in another way than by a sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser.

    ``read`` takes an input: it returns, or raises what refuses it; WrongError is raised where what was taken is not
    what the input says. ``parsers`` are the modules whose branches the inputs are to reach. ``share`` is how many
    inputs it gets, beside the others: parsers that take long get fewer, those of money and counters more. ``fresh``
    makes an input of nothing but chance.
    """

    name: str
    read: Callable[[bytes], object]
    shape: Shape
    parsers: Sequence[str]
    share: int = 10
    fresh: Callable[[Random], bytes] | None = None


def is_taken(target: Target, data: bytes) -> bool:
    """Hand an input to a parser and tell whether it was taken.

    Raises WrongError where it was taken wrongly or refused badly, and whatever else comes out of the parser.
    """
    try:
        target.read(data)
    except (IoledgerError, Refused) as error:
        _require_sentence(str(error))
        return False
    return True


def _require_sentence(text: str) -> None:
    if not text.strip() or len(text.splitlines()) > 1 or len(text) > LONGEST_SENTENCE or "Traceback" in text:
        raise WrongError(f"it is refused by what is no sentence: {text[:400]!r}")


def require(*, same: object, as_: object, what: str) -> None:
    """Raise WrongError unless what was taken is what the input says."""
    if type(same) is not type(as_) or same != as_:
        raise WrongError(f"{what} is taken for {same!r:.300}, and the input says {as_!r:.300}")
