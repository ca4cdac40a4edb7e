"""The CloudStack source and its server: signatures, pages, lists that change, and what goes wrong."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import cloudstack_items as items_of
import pytest
import requests
import tenacity
from cloudstack_reading import Reader, keys_in_environment
from cloudstack_server import API_KEY, SECRET_KEY, Answer, Cloud, error, serving
from cs import CloudStack, CloudStackApiException

from collectors.controlplanes.cloudstack_lists import READINGS
from collectors.remote.calls import ATTEMPTS
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

VOLUMES = [items_of.uuid(number) for number in range(10)]
"""Of which a page holds three."""

INTERNAL = error(530, "Internal error executing command", 4250)


@pytest.fixture(scope="module")
def cloud_reader() -> Iterator[Reader]:
    with serving(Cloud()) as server, keys_in_environment(), pytest.MonkeyPatch.context() as patch:
        # Nothing here passes with time: a second attempt need not wait for the first.
        patch.setattr("collectors.remote.calls.wait_exponential_jitter", lambda **_: tenacity.wait_none())
        yield Reader(server, page_size=3)


@pytest.fixture
def reader(cloud_reader: Reader) -> Reader:
    cloud_reader.server.cloud = Cloud(
        volumes=[items_of.volume(name) for name in VOLUMES],
        disk_offerings=[items_of.disk_offering("off-plain")],
        service_offerings=[items_of.service_offering("off-small")],
        accounts=[items_of.account("id-of-acme", "acme")],
        configurations=items_of.configurations(),
        pools=[items_of.pool("pool-nfs")],
    )
    cloud_reader.settings["page_size"] = 3
    return cloud_reader


class Failing:
    """Answers with an error where it is asked for a page, so many times."""

    def __init__(self, command: str, page: int, answer: Answer = INTERNAL, times: int = 10**9) -> None:
        self._wanted = (command, page)
        self._answer = answer
        self._times = times

    def __call__(self, command: str, page: int) -> Answer | None:
        if (command, page) != self._wanted or self._times == 0:
            return None
        self._times -= 1
        return self._answer


def failure(reader: Reader) -> str:
    with pytest.raises(SourceError) as told:
        reader.read()
    return str(told.value)


def names(rows: list[Any]) -> list[str]:
    return sorted(str(row["volume_id"]) for row in rows)


# Signatures


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_server_of_the_tests_takes_what_the_vendors_client_signs_and_nothing_else(
    reader: Reader, method: str
) -> None:
    url = reader.server.url
    assert CloudStack(url, key=API_KEY, secret=SECRET_KEY, method=method).listAccounts(listall=True)["count"] == 1
    assert CloudStack(url, key=API_KEY, secret=SECRET_KEY, method=method, expiration=-1).listAccounts(listall=True)
    for key, secret in (("another", SECRET_KEY), (API_KEY, "another")):
        with pytest.raises(CloudStackApiException, match="401"):
            CloudStack(url, key=key, secret=secret, method=method).listAccounts(listall=True)


def test_a_request_that_was_changed_on_its_way_is_refused(reader: Reader) -> None:
    CloudStack(reader.server.url, key=API_KEY, secret=SECRET_KEY).listAccounts(listall=True, keyword="a b*c")
    signed = dict(reader.server.cloud.requests[-1])
    assert status_of(reader, signed) == 200
    assert status_of(reader, {**signed, "keyword": "a b*d"}) == 401
    assert status_of(reader, {**signed, "expires": "2036-01-01T00:00:00+0000"}) == 401


def status_of(reader: Reader, parameters: dict[str, str]) -> int:
    answer = requests.get(reader.server.url, params=parameters, timeout=10)
    told = answer.json()["listaccountsresponse"]
    assert told.get("errorcode", 200) == answer.status_code
    return answer.status_code


def test_requests_are_signed_and_expire_soon(reader: Reader) -> None:
    reader.read()
    assert all(request["signatureVersion"] == "3" for request in reader.server.cloud.requests)
    assert {"expires", "signature", "apiKey"} <= set(reader.server.cloud.requests[0])


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(minutes=20), "the server's clock is 1200 s ahead of ours, and a request is good for 10 minutes"),
        (timedelta(minutes=-20), "the server's clock is 1200 s behind ours"),
    ],
)
def test_a_signature_that_has_expired_is_told_with_the_clocks(reader: Reader, ahead: timedelta, words: str) -> None:
    reader.server.cloud.clock_ahead = ahead
    told = failure(reader)
    assert "error 401: unable to verify user credentials and/or request signature" in told
    assert words in re.sub("1199|1201", "1200", told)  # the Date of an answer is in whole seconds
    assert told.endswith("; correct api_key and secret_key, and have both clocks set by NTP")


def test_keys_that_are_refused_in_the_middle_end_the_run(reader: Reader) -> None:
    reader.server.cloud.before = Failing("listVolumes", 2, error(401, "unable to verify user credentials"))
    assert "correct api_key and secret_key" in failure(reader)


# What goes wrong


def test_an_error_of_the_server_is_told_with_its_codes(reader: Reader) -> None:
    reader.server.cloud.before = Failing("listVolumes", 1)
    told = failure(reader)
    assert told == (
        "CloudStack cannot be read: listVolumes was answered with error 530 (cserrorcode 4250): Internal error "
        "executing command; see the management server's log"
    )


BAD_GATEWAY: Answer = (502, b"<html>Bad Gateway</html>")


@pytest.mark.parametrize("answer", [INTERNAL, BAD_GATEWAY])
def test_an_error_that_passes_costs_nothing(reader: Reader, answer: Answer) -> None:
    reader.server.cloud.before = Failing("listVolumes", 2, answer, times=ATTEMPTS - 1)
    reading = reader.read()
    assert reading.error is None
    assert names(reading.tables["entitlement"]) == VOLUMES


def test_too_many_requests_are_asked_for_again_and_told(reader: Reader) -> None:
    limit = error(429, "The given user has reached his/her account api limit, please retry after 100 ms.", 4365)
    reader.server.cloud.before = Failing("listVolumes", 2, limit, times=1)
    assert reader.read().error is None
    reader.server.cloud.before = Failing("listVolumes", 1, limit)
    assert "lower requests_per_second" in failure(reader)


def test_a_parameter_that_is_refused_is_asked_for_once(reader: Reader) -> None:
    reader.settings["page_size"] = 1000
    told = failure(reader)
    assert "error 431 (cserrorcode 4350): Page size can't exceed max allowed page size value: 500" in told
    assert told.endswith("; set page_size to what the server allows (default.page.size)")
    assert len(reader.server.cloud.requests) == 1


def test_an_error_that_no_wait_mends_is_not_asked_for_again(reader: Reader) -> None:
    reader.server.cloud.before = Failing("listVolumes", 1, error(531, "User is not allowed CloudStack commands", 4365))
    assert "error 531 (cserrorcode 4365): User is not allowed" in failure(reader)
    asked = [request for request in reader.server.cloud.requests if request["command"] == "listVolumes"]
    assert len(asked) == 1


@pytest.mark.parametrize(
    "command",
    [
        "listConfigurations", "listStoragePools", "listVolumes", "listDiskOfferings", "listServiceOfferings",
        "listAccounts",
    ],
)  # fmt: skip
def test_a_role_that_may_not_ask_everything_is_told_what_it_lacks(reader: Reader, command: str) -> None:
    reader.server.cloud.forbidden = frozenset((command,))
    told = failure(reader)
    assert f"The given command '{command}' either does not exist, is not available for user" in told
    assert told.endswith("; give the keys' user a role of type Admin that may call this command")


def test_what_is_no_api_is_told_apart(reader: Reader) -> None:
    reader.server.cloud.before = Failing("listVolumes", 1, (200, b"<html>Please log in</html>"))
    assert failure(reader).endswith("; see that `endpoint` is the URL of the API, which ends in /api")
    reader.server.cloud.before = Failing("listVolumes", 1, BAD_GATEWAY)
    assert failure(reader) == (
        "CloudStack cannot be read: listVolumes: HTTP 502 Bad Gateway; see whether the management server is up, and "
        "the log of what lies before it"
    )
    elsewhere = Reader(reader.server)
    elsewhere.settings["endpoint"] = reader.server.url.replace("/api", "")
    assert "HTTP 404" in failure(elsewhere)


def test_nobody_at_the_endpoint_is_told(reader: Reader) -> None:
    elsewhere = Reader(reader.server)
    elsewhere.settings["endpoint"] = "http://127.0.0.1:9/client/api"
    assert failure(elsewhere).endswith("; see that `endpoint` can be reached from here")


def test_without_a_default_rate_nobody_knows_the_caps(reader: Reader) -> None:
    reader.server.cloud.configurations = items_of.configurations()[:-1]
    assert "vm.disk.throttling.iops_write_rate cannot be read" in failure(reader)
    broken = items_of.configuration("vm.disk.throttling.iops_write_rate", "many")
    reader.server.cloud.configurations = [*items_of.configurations()[:-1], broken]
    assert "'many'" in failure(reader)


# Pages


def test_a_page_that_is_lost_makes_the_run_partial_and_costs_no_other(reader: Reader) -> None:
    reader.server.cloud.before = Failing("listVolumes", 2)
    reading = reader.read()
    assert reading.error is not None
    assert reading.error.startswith("one part could not be read, page 2 of listVolumes: listVolumes was answered with")
    assert names(reading.tables["entitlement"]) == VOLUMES[:3] + VOLUMES[6:]


def test_a_service_that_goes_down_is_not_asked_for_ever(reader: Reader) -> None:
    reader.server.cloud.volumes = [items_of.volume(items_of.uuid(number)) for number in range(60)]
    reader.server.cloud.before = lambda command, page: INTERNAL if command == "listVolumes" and page > 1 else None
    reading = reader.read()
    assert reading.error is not None
    assert len(reading.tables["entitlement"]) == 3
    asked = [request for request in reader.server.cloud.requests if request["command"] == "listVolumes"]
    assert len(asked) == 1 + 3 * ATTEMPTS + 1  # and the projects'


@pytest.mark.parametrize("command", ["listDiskOfferings", "listAccounts"])
def test_what_needs_a_lost_page_is_left_as_it_was_before(reader: Reader, command: str) -> None:
    cloud = reader.server.cloud
    cloud.disk_offerings = [items_of.disk_offering(f"off-{number}") for number in range(5)]
    cloud.accounts = [items_of.account(f"id-{number}", f"account-{number}") for number in range(5)]
    cloud.volumes = [
        items_of.volume(VOLUMES[0], diskofferingid="off-1", account="account-1"),
        items_of.volume(VOLUMES[1], diskofferingid="off-4", account="account-4"),
    ]
    cloud.before = Failing(command, 2)
    reading = reader.read()
    assert names(reading.tables["entitlement"]) == VOLUMES[:1]
    assert reading.error is not None
    assert reading.error.startswith("2 parts could not be read")


def test_an_item_that_cannot_be_read_is_named(reader: Reader) -> None:
    reader.server.cloud.volumes = [items_of.volume(VOLUMES[0], size="large"), items_of.volume(VOLUMES[1])]
    reading = reader.read()
    assert names(reading.tables["entitlement"]) == [VOLUMES[1]]
    assert reading.error is not None
    assert VOLUMES[0] in reading.error
    assert "'large'" in reading.error


def test_items_without_an_id_are_counted(reader: Reader) -> None:
    cloud = reader.server.cloud
    cloud.pools = [*cloud.pools, {"name": "x"}, "pool", {"id": 7}]  # type: ignore[list-item]
    reading = reader.read()
    assert len(reading.tables["storage_pool"]) == 1
    assert reading.error is not None
    assert reading.error.startswith("3 parts could not be read; the first is item 1 of listStoragePools that is none")


def test_a_page_that_holds_no_list_is_lost(reader: Reader) -> None:
    reader.server.cloud.before = Failing("listVolumes", 2, (200, {"count": 10, "volume": "none"}))
    reading = reader.read()
    assert names(reading.tables["entitlement"]) == VOLUMES[:3] + VOLUMES[6:]
    assert reading.error is not None
    assert "listVolumes has no list of volume" in reading.error


# Lists that change


class Changing:
    """Changes the list of volumes, newest first, once when its page is asked for."""

    def __init__(self, reader: Reader, page: int, change: Any) -> None:  # noqa: ANN401 - a function on the list
        self._reader = reader
        self._page = page
        self._change = change

    def __call__(self, command: str, page: int) -> None:
        if (command, page) == ("listVolumes", self._page) and self._change is not None:
            volumes = list(self._reader.server.cloud.volumes)
            self._change(volumes)
            self._reader.server.cloud.volumes = volumes
            self._change = None


def test_a_volume_that_is_made_meanwhile_hides_none(reader: Reader) -> None:
    newest = items_of.volume(items_of.uuid(99), created="2026-11-01T00:00:00+0000")
    reader.server.cloud.before = Changing(reader, 2, lambda volumes: volumes.insert(0, newest))
    reading = reader.read()
    assert reading.error is None
    assert names(reading.tables["entitlement"]) == VOLUMES


def test_a_volume_that_is_deleted_meanwhile_hides_none(reader: Reader) -> None:
    reader.server.cloud.before = Changing(reader, 2, lambda volumes: volumes.pop(0))
    reading = reader.read()
    assert reading.error is None
    assert VOLUMES[3] in names(reading.tables["entitlement"])
    assert names(reading.tables["entitlement"]) == VOLUMES


def test_a_list_that_is_not_in_order_is_read_again_where_it_changed(reader: Reader) -> None:
    days = (3, 1, 2, 9, 7, 8, 4, 6, 5, 9)
    reader.server.cloud.volumes = [
        items_of.volume(name, created=f"2026-10-{day:02}T00:00:00+0000")
        for name, day in zip(VOLUMES, days, strict=True)
    ]
    reader.server.cloud.before = Changing(reader, 2, lambda volumes: volumes.pop(0))
    reading = reader.read()
    assert reading.error is None
    assert names(reading.tables["entitlement"]) == VOLUMES[1:]


def test_a_list_that_never_keeps_still_makes_the_run_partial(reader: Reader) -> None:
    counter = iter(range(1000))

    def one_more(command: str, page: int) -> None:  # noqa: ARG001 - on every page
        if command == "listAccounts":
            name = f"account-{next(counter)}"
            reader.server.cloud.accounts = [*reader.server.cloud.accounts, items_of.account(f"id-of-{name}", name)]

    reader.server.cloud.accounts = [items_of.account(f"id-{number}", f"name-{number}") for number in range(9)]
    reader.server.cloud.accounts.append(items_of.account("id-of-acme", "acme"))
    reader.server.cloud.before = one_more
    reading = reader.read()
    assert reading.error is not None
    assert f"listAccounts as a whole: the list changed while it was read, {READINGS} times" in reading.error


# Doctor


def test_doctor_tells_of_everything_a_run_needs(reader: Reader) -> None:
    checks = reader.checks()
    assert {name: check.found for name, check in checks.items() if name != "clock"} == {
        "connection": "CloudStack 4.22.0.0",
        "rights": "volumes, pools, offerings, accounts and global settings are shown",
        "page size": "3 items",
    }
    assert not any(check.mend for check in checks.values())
    assert len(reader.server.cloud.requests) < 15


def test_doctor_notices_a_clock_before_it_matters(reader: Reader) -> None:
    reader.server.cloud.clock_ahead = timedelta(minutes=4)
    clock = reader.checks()["clock"]
    assert clock.found.endswith("s ahead of ours")
    assert clock.mend == "have both clocks set by NTP"


def test_doctor_names_the_page_size_that_the_server_allows(reader: Reader) -> None:
    reader.settings["page_size"] = 400
    reader.server.cloud.configurations = [
        items_of.configuration("default.page.size", "200"), *items_of.configurations()[1:]
    ]  # fmt: skip
    assert reader.checks()["page size"].mend == "set page_size = 200, or raise default.page.size in CloudStack"


def test_doctor_notices_keys_that_are_not_a_root_admins(reader: Reader) -> None:
    reader.server.cloud.forbidden = frozenset(("listStoragePools",))
    assert reader.checks()["rights"].mend == "give the keys' user a role of type Admin that may call this command"
    reader.server.cloud.forbidden = frozenset()
    reader.server.cloud.volumes = [items_of.volume(VOLUMES[0], storage=None, storageid=None, path=None)]
    assert reader.checks()["rights"].found == "volumes are shown without their pools"
