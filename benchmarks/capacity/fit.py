"""Formulas by least squares: what a step takes, as a sum of costs per thing, none of them negative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIXED: Final = "fixed"
"""The name of the cost that does not depend on how much there is."""


@dataclass(frozen=True, slots=True)
class Formula:
    """Costs by what they are per, and how far each measurement is from them, as a share of it."""

    costs: Mapping[str, float]
    residuals: Sequence[float]

    @property
    def worst(self) -> float:
        """Return the greatest residual."""
        return max(map(abs, self.residuals))

    def at(self, counts: Mapping[str, float]) -> float:
        """Return what so many things cost."""
        return sum(cost * counts.get(name, 0) for name, cost in self.costs.items() if name != FIXED) + self.costs.get(
            FIXED, 0.0
        )


def fit(per: Sequence[str], counts: Sequence[Mapping[str, float]], taken: Sequence[float]) -> Formula:
    """Fit ``taken`` to a fixed cost and costs ``per`` things, of which each measurement had ``counts``.

    Squares of relative errors are least, so that small measurements count as much as large ones. A cost that
    would be negative is none: then the others are fitted again without it.
    """
    names = [FIXED, *per]
    rows = np.array([[1.0, *(each[name] for name in per)] for each in counts])
    amounts = np.array(taken, float)
    weighted = rows / amounts[:, None]
    kept = list(range(len(names)))
    while True:
        scale = np.abs(weighted[:, kept]).max(axis=0)
        solved = np.linalg.lstsq(weighted[:, kept] / scale, np.ones(len(amounts)), rcond=None)[0] / scale
        if len(kept) == 1 or solved.min() >= 0:
            break
        del kept[int(np.argmin(solved * scale))]
    costs = {names[number]: float(cost) for number, cost in zip(kept, solved, strict=True)}
    residuals = [float(value) for value in weighted[:, kept] @ solved - 1]
    return Formula(costs, residuals)
