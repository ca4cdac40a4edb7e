"""Lists of a real Cinder, page by page, while volumes come and go and pages fail."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from cinder_server import CinderApi
from components import shared
from http_proxy import Proxy, proxied

from collectors.controlplanes.cinder_client import Cinder, CinderError
from collectors.controlplanes.cinder_pages import listed
from collectors.controlplanes.cinder_settings import CinderSettings
from collectors.remote.unread import Unread
from ioledger.config import validated

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND_PAGE = r"/volumes/detail\?.*marker="


class Shelf:
    """A project of a Cinder that shows two volumes to a page, and what lists it through a proxy."""

    def __init__(self, url: str, proxy: Proxy) -> None:
        self.proxy = proxy
        project = uuid4().hex
        self.api = CinderApi(url, project, f"admin:{project}")
        settings = {
            "endpoint": f"{proxy.url}/v3/{project}", "token": {"env": "CINDER_TOKEN"}, "requests_per_second": 1000,
        }  # fmt: skip
        self._settings = validated(CinderSettings, settings, "sources.tried")
        self.unread = Unread()

    def put(self, count: int) -> list[str]:
        """Put volumes on it, and return their ids, those made last first, as Cinder lists them."""
        return [self.api.volume(f"data-{number}") for number in range(count)][::-1]

    def listed(self) -> Iterator[str]:
        cinder = Cinder(self._settings)
        query = {"all_tenants": "1", "project_id": self.api.project}
        try:
            items: Iterator[dict[str, Any]] = listed(cinder, "/volumes/detail", "volumes", self.unread, query)
            for item in items:
                yield item["id"]
        finally:
            cinder.close()


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    with proxied(shared("cinder_server:running", page_items=2)["url"]) as proxy:
        shelf = Shelf(shared("cinder_server:running", page_items=2)["url"], proxy)
        monkeypatch.setenv("CINDER_TOKEN", shelf.api.token)
        yield shelf


def test_all_pages_are_read(shelf: Shelf) -> None:
    assert list(shelf.listed()) == []
    volumes = shelf.put(5)
    assert list(shelf.listed()) == volumes
    assert list(shelf.listed())[:4] == volumes[:4]
    assert shelf.unread.sentence() is None


def test_the_pages_after_a_lost_one_are_read(shelf: Shelf) -> None:
    volumes = shelf.put(7)
    shelf.proxy.fail(SECOND_PAGE, nth=1, status=503)
    assert list(shelf.listed()) == volumes[:2] + volumes[4:]
    assert shelf.unread.sentence() == "one part could not be read, volumes 3 to 4: HTTP 503: the proxy was told to fail"


def test_a_last_page_that_is_lost_is_told(shelf: Shelf) -> None:
    volumes = shelf.put(5)
    shelf.proxy.fail(SECOND_PAGE, nth=2, status=400)
    assert list(shelf.listed()) == volumes[:4]
    assert len(shelf.unread) == 1


def test_a_service_that_goes_on_failing_is_left_alone(shelf: Shelf) -> None:
    volumes = shelf.put(9)
    shelf.proxy.fail(SECOND_PAGE, status=400)
    assert list(shelf.listed()) == volumes[:2]
    pages = [asked for asked in shelf.proxy.requests if asked.matches(SECOND_PAGE)]
    assert len(pages) == 3
    assert len(shelf.unread) == 4


def test_a_first_page_that_is_lost_is_no_list(shelf: Shelf) -> None:
    shelf.proxy.fail("volumes/detail", status=400)
    with pytest.raises(CinderError, match="HTTP 400"):
        list(shelf.listed())


@pytest.mark.parametrize("gone", [1, 2, 3])
def test_a_volume_that_is_deleted_while_a_page_begins_after_it_hides_no_other(shelf: Shelf, gone: int) -> None:
    volumes = shelf.put(8)
    reading = shelf.listed()
    begun = list(islice(reading, 6))
    for volume in volumes[6 - gone : 6]:  # the marker of the fourth page, and those before it
        shelf.api.delete(volume)
    assert begun + list(reading) == volumes
    assert shelf.unread.sentence() is None


def test_all_that_were_read_may_be_deleted(shelf: Shelf) -> None:
    volumes = shelf.put(4)
    reading = shelf.listed()
    begun = list(islice(reading, 2))
    for volume in begun:
        shelf.api.delete(volume)
    assert begun + list(reading) == volumes


def test_volumes_that_are_made_meanwhile_move_no_others(shelf: Shelf) -> None:
    volumes = shelf.put(4)
    reading = shelf.listed()
    begun = list(islice(reading, 2))
    shelf.put(3)
    assert begun + list(reading) == volumes
