"""Lists of Cinder, page by page, and what becomes of a page that cannot be read.

A page begins after a marker, the id of the last item before it. Cinder orders by the time at which items
were made and by id, which never change, so that items that come or go meanwhile move no others. Without
a page there is no marker for the next one; an offset counts from the marker before it, so that the page
after a lost one is asked for all the same. A marker whose item was deleted is not found; one before it
leads to the same place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from collectors.controlplanes.cinder_client import NOT_FOUND, CinderError
from collectors.remote.calls import MOST_LOST_IN_A_ROW

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from collectors.controlplanes.cinder_client import Cinder
    from collectors.remote.unread import Unread

PAGE_ITEMS: Final = 1000
"""The most that Cinder puts on a page unless configured (osapi_max_limit)."""


def listed(
    cinder: Cinder, path: str, key: str, unread: Unread, query: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Give all items of a list, each once; what could not be read is noted.

    ``key`` is where the answer has them. Raises CinderError where not even the first page could be read.
    """
    seen: dict[str, None] = {}  # in order
    marker: str | None = None
    page_items = 0
    lost = offset = 0
    back = 1
    while True:
        position = {"marker": marker} if marker else {}
        if offset:
            position["offset"] = str(offset)
        try:
            page = _page(cinder, path, key, {**(query or {}), "limit": str(PAGE_ITEMS), **position})
        except CinderError as error:
            if not page_items:
                raise
            if error.status == NOT_FOUND and marker:
                marker, back = _before(list(seen), back), back * 2
                continue
            unread.note(f"{key} {len(seen) + offset + 1} to {len(seen) + offset + page_items}", str(error))
            lost, offset = lost + 1, offset + page_items
            if lost == MOST_LOST_IN_A_ROW:
                unread.note(f"{key} after these", "after so many failures nothing more was asked for")
                return
            continue
        items: list[dict[str, Any]] = page[key]
        for item in items:
            if item["id"] not in seen:
                seen[item["id"]] = None
                yield item
        if not items or not _has_next(page):
            return
        page_items = page_items or len(items)
        marker, lost, offset, back = items[-1]["id"], 0, 0, 1


def _page(cinder: Cinder, path: str, key: str, query: Mapping[str, str]) -> dict[str, Any]:
    page = cinder.get(path, query)
    items = page.get(key)
    if not isinstance(items, list) or not all(map(_is_item, items)):
        raise CinderError(f"the answer to {path} has no list of {key}")
    return page


def _is_item(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), str) and item["id"] != ""


def _has_next(page: Mapping[str, Any]) -> bool:
    """Tell whether a page names the next one; each list calls its links by another name."""
    links = next((value for name, value in page.items() if name.endswith("_links")), None)
    return isinstance(links, list) and any(isinstance(link, dict) and link.get("rel") == "next" for link in links)


def _before(seen: list[str], back: int) -> str | None:
    return seen[-1 - back] if back < len(seen) else None
