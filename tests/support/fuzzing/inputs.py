"""The inputs of a target: those that are kept, and those that are made of them by number."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from fuzzing.mutation import mutated

if TYPE_CHECKING:
    from fuzzing.target import Target

CORPUS: Final = Path(__file__).parents[2] / "fuzz" / "corpus"

_FRESH: Final = 0.3
"""How many of the inputs of a target that can make them are made of chance alone."""


@cache
def kept(name: str) -> tuple[bytes, ...]:
    """Return the inputs of a target that are kept, in the order of their names."""
    return tuple(path.read_bytes() for path in sorted((CORPUS / name).iterdir()))


def made(target: Target, seed: int, number: int) -> bytes:
    """Make an input, the same whenever seed, number and what is kept are the same."""
    random = Random(f"{target.name} {seed} {number}")  # noqa: S311 - the same inputs every time
    if target.fresh is not None and random.random() < _FRESH:
        return target.fresh(random)
    base = kept(target.name)
    return mutated(random, target.shape, random.choice(base), random.choice(base))


def path_for(target: str, data: bytes) -> Path:
    """Return where an input is kept, by what is in it."""
    return CORPUS / target / hashlib.sha256(data).hexdigest()[:12]
