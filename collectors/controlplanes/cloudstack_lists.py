"""Lists of CloudStack, page by page, and what becomes of one that changes or fails meanwhile.

A page is a number of items from the beginning of the list as it is at that moment: what comes or goes
moves all that follow. Every page tells how many items there are by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from collectors.controlplanes.cloudstack_client import CloudStackError, moment
from collectors.remote.calls import MOST_LOST_IN_A_ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from collectors.controlplanes.cloudstack_client import CloudStackClient
    from collectors.remote.unread import Unread

READINGS: Final = 3
"""A list that differs in two readings is read a third time, and no more."""

T = TypeVar("T")


@dataclass(frozen=True)
class ListOf(Generic[T]):
    """What is asked for: the command, the key that has the items in its response, and what is made of one.

    ``take`` returns None for an item that is of no interest and raises ValueError for one that cannot be
    read. ``identity`` is the key that tells items apart. ``newest_first``: CloudStack orders this list by the
    time at which items were created.
    """

    command: str
    key: str
    take: Callable[[Mapping[str, Any]], T | None]
    parameters: Mapping[str, object] = field(default_factory=dict)
    identity: str = "id"
    newest_first: bool = False


@dataclass
class _Read(Generic[T]):
    """One reading of a list; ``lost`` and ``bad`` have the reasons by page and by item."""

    found: dict[str, T | None] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    counts: set[int] = field(default_factory=set)
    pages: int = 0
    is_ordered: bool = True

    @property
    def known(self) -> set[str]:
        """The ids of all items that were on a page."""
        return self.found.keys() | self.bad.keys()

    def is_whole(self, known_before: set[str] | None, *, newest_first: bool) -> bool:
        """Tell whether nothing can have slipped between two pages.

        In a list that begins with the newest, what is created moves items to later pages, so that some are
        read twice and none is missed; for what is deleted ``_read`` goes back. Of any other list of several
        pages as much may have come as went, so that only a second reading tells that it kept still:
        ``known_before`` is what was known after the first.
        """
        known = self.known
        if newest_first and self.is_ordered:
            return len(known) >= min(self.counts)
        is_steady = self.counts == {len(known)}
        return is_steady and (self.pages == 1 or known_before == known)


def listed(client: CloudStackClient, what: ListOf[T], unread: Unread) -> tuple[dict[str, T], bool]:
    """Return the items of a list by their ids, and whether these are all; what could not be read is noted.

    Raises CloudStackError where the first page cannot be read, or the login is refused.
    """
    known: set[str] | None = None
    for reading in range(1, READINGS + 1):
        read = _read(client, what)
        if read.lost or read.is_whole(known, newest_first=what.newest_first):
            break
        known = read.known
        if reading == READINGS:
            read.lost[f"{what.command} as a whole"] = f"the list changed while it was read, {READINGS} times"
    for name, reason in (*read.lost.items(), *read.bad.items()):
        unread.note(name, reason)
    return {name: item for name, item in read.found.items() if item is not None}, not read.lost and not read.bad


def _read(client: CloudStackClient, what: ListOf[T]) -> _Read[T]:
    read: _Read[T] = _Read()
    page, count, lost_in_a_row = 1, 0, 0
    oldest: datetime | None = None
    while True:
        try:
            answer = client.ask(what.command, page=page, pagesize=client.page_size, **what.parameters)
            items = _items(answer, what)
        except CloudStackError as error:
            if page == 1 or error.is_refused:
                raise
            read.lost[f"page {page} of {what.command}"] = str(error)
            lost_in_a_row += 1
            if lost_in_a_row == MOST_LOST_IN_A_ROW:
                read.lost[f"the pages of {what.command} after it"] = "nothing more was asked for"
                return read
        else:
            lost_in_a_row = 0
            before, count = count, _count(answer, items)
            read.counts.add(count)
            read.pages = max(read.pages, page)
            oldest = _take(read, what, items, oldest)
            if what.newest_first and count < before:
                # As many may have moved to pages that were read before they were there.
                page, oldest = max(1, page - -(-(before - count) // client.page_size)), None
                continue
        if page * client.page_size >= count:
            return read
        page += 1


def _items(answer: Mapping[str, Any], what: ListOf[T]) -> list[Any]:
    items = answer.get(what.key, [])  # an empty list is left out
    if not isinstance(items, list):
        raise CloudStackError(f"{what.command} has no list of {what.key}", "see what answers at `endpoint`")
    return items


def _count(answer: Mapping[str, Any], items: list[Any]) -> int:
    count = answer.get("count", len(items))
    return count if isinstance(count, int) else len(items)


def _take(read: _Read[T], what: ListOf[T], items: list[Any], oldest: datetime | None) -> datetime | None:
    """Take the items of a page, and return when the oldest of them was created.

    ``oldest`` is that of the page before, where it was read right before.
    """
    times = []
    for item in items:
        name = item.get(what.identity) if isinstance(item, dict) else None
        if not isinstance(name, str) or not name:
            read.bad[f"item {len(read.bad) + 1} of {what.command} that is none"] = f"it has no {what.identity}"
            continue
        try:
            read.found[name] = what.take(item)
            if what.newest_first and (created := moment(item.get("created"))):
                times.append(created)
        except ValueError as error:
            read.found.pop(name, None)
            read.bad[f"{what.key} {name}"] = str(error)
    if not times:
        return None
    if oldest is not None and max(times) > oldest:
        read.is_ordered = False
    return min(times)
