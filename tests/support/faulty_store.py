"""A store that fails at a chosen request: before it did what it was asked to, or after, when the answer is lost.

Whoever asks may also be ``killed`` before a request, or ``stopped`` after it: then it still tidies up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ioledger.lake.remote.store import Store, StoreAwayError

if TYPE_CHECKING:
    from collections.abc import Callable

Failure = Literal["refused", "lost answer", "killed", "stopped"]


class Killed(BaseException):
    """The process that asks ends here."""


@dataclass
class Plan:
    """Which of the next requests fails, from 0, and how; and how many there were."""

    at: int | None = None
    how: Failure = "refused"
    count: int = 0
    is_dead: bool = False
    requests: list[str] = field(default_factory=list)

    def asked(self, what: str, request: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the request gives
        """Make a request, unless it is the one that fails."""
        if self.is_dead:
            raise Killed
        number, self.count = self.count, self.count + 1
        self.requests.append(what)
        if number != self.at:
            return request()
        if self.how in {"lost answer", "stopped"}:
            request()
        if self.how == "stopped":
            raise KeyboardInterrupt
        if self.how == "killed":
            self.is_dead = True
            raise Killed
        raise StoreAwayError(f"the store did not answer: {what}")


@dataclass(frozen=True)
class FaultyStore(Store):
    """The same objects as another store's, asked by the plan."""

    plan: Plan = field(default_factory=Plan)

    def list(self, prefix: str) -> Any:  # noqa: ANN401 - as Store
        return self.plan.asked(f"list {prefix}", lambda: Store.list(self, prefix))

    def state_of(self, name: str) -> Any:  # noqa: ANN401 - as Store
        return self.plan.asked(f"state {name}", lambda: Store.state_of(self, name))

    def read(self, name: str) -> Any:  # noqa: ANN401 - as Store
        return self.plan.asked(f"read {name}", lambda: Store.read(self, name))

    def fetch(self, name: str, e_tag: str, path: Any) -> Any:  # noqa: ANN401 - as Store
        return self.plan.asked(f"fetch {name}", lambda: Store.fetch(self, name, e_tag, path))

    def put_new(self, name: str, content: Any) -> Any:  # noqa: ANN401 - as Store
        return self.plan.asked(f"put new {name}", lambda: Store.put_new(self, name, content))

    def put(self, name: str, content: Any) -> Any:  # noqa: ANN401 - as Store
        return self.plan.asked(f"put {name}", lambda: Store.put(self, name, content))

    def copy(self, name: str, target: str) -> Any:  # noqa: ANN401 - as Store
        return self.plan.asked(f"copy {target}", lambda: Store.copy(self, name, target))

    def delete(self, names: Any) -> Any:  # noqa: ANN401 - as Store
        for name in names:
            self.plan.asked(f"delete {name}", lambda name=name: Store.delete(self, [name]))
