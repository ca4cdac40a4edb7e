"""One step of an explanation: what is stored, what comes out when it is made again, and whether they agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """A value that was made again.

    ``how`` is the arithmetic in words. ``computed`` is None with ``is_known`` False where what it takes
    is gone.
    """

    what: str
    stored: Any
    computed: Any
    how: str = ""
    is_known: bool = True

    @property
    def agrees(self) -> bool | None:
        """Tell whether both are equal; None where nobody can know any more."""
        return bool(self.stored == self.computed) if self.is_known else None

    def told(self) -> dict[str, Any]:
        """Return the step for programs."""
        return {
            "what": self.what,
            "stored": self.stored,
            "computed": self.computed,
            "how": self.how,
            "agrees": self.agrees,
        }
