"""What services tell of themselves in headers, and what their addresses must not hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from collectors.hypervisors.vsphere import VsphereSettings
from collectors.hypervisors.xenserver_settings import XenserverSettings
from collectors.remote.calls import seconds_after
from collectors.remote.certificates import tls_context
from collectors.remote.clocks import clock_check, header_time
from collectors.remote.settings import RemoteSettings
from ioledger.config import validated
from ioledger.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize("settings", [VsphereSettings, XenserverSettings])
@pytest.mark.parametrize("url", ["https://reader:s3cret@host/api?x", "https://reader:s3cret@", "reader:s3cret@[host"])
def test_credentials_in_an_address_that_is_none_are_not_repeated(settings: Any, url: str) -> None:  # noqa: ANN401 - a class
    values = {"url": url, "username": "reader", "password": {"env": "PASSWORD"}}
    with pytest.raises(ConfigurationError, match="username and password") as told:
        validated(settings, values, "sources.host")
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("url", ["https://host:port", "https://host:0", "https://[host"])
def test_a_port_or_host_that_cannot_be_is_no_address(url: str) -> None:
    values = {"url": url, "username": "reader", "password": {"env": "PASSWORD"}}
    with pytest.raises(ConfigurationError, match="is no address of a host"):
        validated(XenserverSettings, values, "sources.host")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), (None, None), ("Sat, 22 Nov 2025 12:00:00 GMT", None), ("nan", None), ("-1", None)],
)
def test_when_to_ask_again_is_a_number_of_seconds(header: str | None, seconds: float | None) -> None:
    assert seconds_after(header) == seconds


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Sat, 22 Nov 2025 12:00:00 GMT", NOON),
        ("Sat, 22 Nov 2025 12:00:00 -0000", NOON),
        ("Sat, 22 Nov 2025 13:00:00 +0100", NOON),
        ("Sat, 22 Nov 0025 12:00:00 GMT", None),
        ("at noon", None),
        ("", None),
        (None, None),
    ],
)
def test_the_time_of_an_answer_is_read_from_its_header(date: str | None, at: datetime | None) -> None:
    assert header_time(date) == at


@pytest.mark.parametrize(
    ("ahead_seconds", "found", "mend"),
    [
        (61, "61 s ahead of the array", "set it"),
        (60, "60 s ahead of the array", None),
        (-61, "61 s behind the array", "set it"),
    ],
)
def test_a_clock_more_than_a_minute_off_is_to_be_mended(ahead_seconds: int, found: str, mend: str | None) -> None:
    check = clock_check(NOON + timedelta(seconds=ahead_seconds), NOON, "the array", "set it")
    assert (check.name, check.found, check.mend) == ("clock", found, mend)


def test_a_file_of_authorities_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing", encoding="utf-8")
    for name, reason in (("ca.pem", "it holds no certificates"), ("nowhere.pem", "No such file or directory")):
        settings = validated(RemoteSettings, {"ca_file": name}, "sources.host", {"directory": tmp_path})
        with pytest.raises(ConfigurationError, match=rf"{name} cannot be used: {reason}; name a readable file"):
            tls_context(settings)
