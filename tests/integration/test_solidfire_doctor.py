"""What `doctor` says of a cluster of SolidFire, and what `collect` prints."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from clocks import HeldClock
from command import ioledger
from lakes import NOON
from solidfire_reading import known, lent, source_of
from solidfire_site import SolidfireSite, running

from ioledger.errors import ConfigurationError, SourceError
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ioledger.health.check import Check


@pytest.fixture(scope="module")
def placed() -> Iterator[SolidfireSite]:
    with running(3) as site, known(site):
        yield site


@pytest.fixture
def site(placed: SolidfireSite) -> Iterator[SolidfireSite]:
    with lent(placed):
        placed.cluster.headers = {"Date": format_datetime(NOON, usegmt=True)}
        yield placed


def examined(site: SolidfireSite, **settings: object) -> list[Check]:
    source = source_of(site, **settings)
    try:
        return source.examine(HeldClock())
    finally:
        source.close()


def to_mend(checks: list[Check]) -> list[tuple[str, str]]:
    return [(check.name, str(check.mend)) for check in checks if check.mend is not None]


def test_doctor_tells_all_that_a_run_needs(site: SolidfireSite) -> None:
    assert [(check.name, check.found) for check in examined(site)] == [
        ("login", "metering reads the cluster gold (3p53)"),
        ("version", "12.3 of a cluster with 12.5"),
        ("rights", "ListActiveVolumes is allowed"),
        ("rights", "GetClusterCapacity is allowed"),
        ("rights", "ListVolumeStatsByVolume is allowed"),
        ("rights", "ListQoSPolicies is allowed"),
        ("clock", "0 s behind the cluster"),
        ("health", "0 faults, 0 of them serious"),
        ("defaults", "minimum 50, maximum 15000, burst 15000 IOPS: what a volume gets that is made without"),
    ]
    assert to_mend(examined(site)) == []


def test_doctor_tells_of_rights_that_are_missing(site: SolidfireSite) -> None:
    site.cluster.access = ("reporting",)
    (found,) = [check for check in examined(site) if check.mend]
    assert found.found == "ListActiveVolumes: xPermissionDenied: metering may not call ListActiveVolumes"
    assert str(found.mend).startswith("give the account the access types read and reporting")


def test_doctor_tells_of_serious_faults_and_not_of_warnings(site: SolidfireSite) -> None:
    site.cluster.faults = [{"severity": "warning", "code": "driveAvailable"}]
    assert to_mend(examined(site)) == []
    site.cluster.faults += [{"severity": "critical", "code": "blockClusterFull"}]
    assert to_mend(examined(site)) == [("health", "see the faults in the cluster's own alerts")]


@pytest.mark.parametrize(("seconds", "is_fine"), [(59, True), (-59, True), (62, False), (-62, False)])
def test_doctor_compares_the_clocks(site: SolidfireSite, seconds: int, *, is_fine: bool) -> None:
    moment = NOON.timestamp() + seconds
    site.cluster.headers = {"Date": format_datetime(NOON.fromtimestamp(moment, NOON.tzinfo), usegmt=True)}
    (clock,) = [check for check in examined(site) if check.name == "clock"]
    assert clock.found == f"{abs(seconds)} s {'behind' if seconds > 0 else 'ahead of'} the cluster"
    assert (clock.mend is None) == is_fine


def test_doctor_names_a_version_that_is_not_supported(site: SolidfireSite) -> None:
    site.cluster.results = {"GetAPI": {"currentVersion": "12.0", "supportedVersions": ["11.8", "12.0"]}}
    assert to_mend(examined(site)) == [("version", "set api_version to one that the cluster supports")]
    with pytest.raises(SourceError, match="supports api_version"):
        examined(site, api_version="99.0")


def test_a_ca_file_that_is_none_is_named(site: SolidfireSite, tmp_path: Path) -> None:
    for content, reason in ((None, "No such file or directory"), (b"", "it holds no certificates")):
        file = tmp_path / "authorities.pem"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ConfigurationError, match=f"{file} cannot be used: {reason}; name a readable file"):
            examined(site, ca_file=str(file))


def test_collect_prints_no_line_for_each_request(site: SolidfireSite, tmp_path: Path) -> None:
    table = "\n".join(
        f'{key} = {{ env = "{value["env"]}" }}' if isinstance(value, dict) else f'{key} = "{value}"'
        for key, value in site.settings.items()
    )
    (tmp_path / "ioledger.toml").write_text(f'lake = "lake"\n[sources.gold]\ntype = "solidfire"\n{table}\n')
    layout.create(tmp_path / "lake")
    done = ioledger("collect", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "json-rpc" not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) <= 2, done.stderr
