"""Lists that change between two pages: nothing that was there all along is missed unnoticed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collectors.controlplanes.cloudstack_lists import ListOf, listed
from collectors.remote.unread import Unread

START = datetime(2026, 11, 1, tzinfo=UTC)

PAGE_SIZES = st.integers(min_value=1, max_value=4)
SIZES = st.integers(min_value=0, max_value=12)
CHANGES = st.lists(
    st.lists(st.one_of(st.just("create"), st.integers(min_value=0, max_value=30)), max_size=4), max_size=12
)
"""By request: what happens right before it. A number is the place of what is deleted."""


@dataclass
class ChangingList:
    """A list in pages as a client sees it; new items go to the front or to the end."""

    page_size: int
    items: list[dict[str, Any]]
    changes: list[list[str | int]]
    puts_first: bool
    made: int = 0
    asked: int = 0
    stayed: set[str] = field(default_factory=set)

    def ask(self, _: str, *, page: int, pagesize: int) -> dict[str, Any]:
        for change in self.changes.pop(0) if self.changes else ():
            if isinstance(change, str):
                self._create()
            elif self.items:
                gone = self.items.pop(change % len(self.items))
                self.stayed.discard(gone["id"])
        start = (page - 1) * pagesize
        return {"count": len(self.items), "volume": self.items[start : start + pagesize]} if self.items else {}

    def _create(self) -> None:
        self.made += 1
        created = START + timedelta(seconds=self.made)
        item = {"id": f"new-{self.made}", "created": created.isoformat()}
        self.items.insert(0 if self.puts_first else len(self.items), item)


def changing(page_size: int, size: int, changes: list[list[str | int]], *, puts_first: bool) -> ChangingList:
    times = [START - timedelta(days=number if puts_first else size - number) for number in range(size)]
    items = [{"id": f"old-{number}", "created": at.isoformat()} for number, at in enumerate(times)]
    # What happens before the first request happens before the run.
    return ChangingList(page_size, items, [[], *changes], puts_first, stayed={item["id"] for item in items})


@given(PAGE_SIZES, SIZES, CHANGES)
def test_of_a_list_that_begins_with_the_newest_nothing_is_missed(
    page_size: int, size: int, changes: list[list[str | int]]
) -> None:
    server = changing(page_size, size, changes, puts_first=True)
    what = ListOf("listVolumes", "volume", lambda item: item["id"], newest_first=True)
    found, is_all = listed(server, what, Unread())  # type: ignore[arg-type]  # all of a client that lists need
    assert is_all
    assert server.stayed <= set(found)


@given(PAGE_SIZES, SIZES, CHANGES, st.booleans())
def test_of_any_other_list_what_may_be_missed_is_told(
    page_size: int,
    size: int,
    changes: list[list[str | int]],
    believes_in_order: bool,  # noqa: FBT001 - drawn
) -> None:
    server = changing(page_size, size, changes, puts_first=False)
    what = ListOf("listVolumes", "volume", lambda item: item["id"], newest_first=believes_in_order)
    unread = Unread()
    found, is_all = listed(server, what, unread)  # type: ignore[arg-type]  # likewise
    assert is_all == (unread.sentence() is None)
    assert not is_all or server.stayed <= set(found)
