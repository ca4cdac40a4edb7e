"""What `doctor` says of runs, versions, zones, permissions and secrets."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from clocks import HeldClock
from lakes import MINUTE, NOON, a_run, new_lake, sample
from packaging.requirements import Requirement

from collectors.doctor import secret_files
from collectors.hypervisors import libvirt_versions
from ioledger.app import App
from ioledger.config import Secret
from ioledger.health import permissions, runs, versions, zones
from ioledger.lake.compaction import compact
from ioledger.lake.writer import write_run
from reports.usage import freshness
from reports.usage.build import build

if TYPE_CHECKING:
    from datetime import datetime

    from ioledger.health.check import Check
    from ioledger.model.records import Run

TWO_SOURCES = """
[sources.kvm-01]
type = "synthetic"
fleet = "fleet.toml"
host = "h"
[sources.kvm-02]
type = "synthetic"
fleet = "fleet.toml"
host = "h"
"""


def minutes(count: int, source: str = "kvm-01") -> list[Run]:
    return [a_run(sample(at=NOON + n * MINUTE), source=source, at=NOON + n * MINUTE) for n in range(count)]


def of_runs(lake: Path, now: datetime, configuration: str = TWO_SOURCES) -> dict[str | None, Check]:
    (lake.parent / "ioledger.toml").write_text(configuration)
    app = App(HeldClock(now), lake.parent / "ioledger.toml", lake_option=lake)
    return {check.source: check for check in runs.checks(app)}


def test_a_source_that_misses_its_beats_is_told(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, *minutes(5), *minutes(5, "kvm-02")[::4])
    soon, late = (of_runs(lake, NOON + n * MINUTE)["kvm-01"] for n in (7, 8))
    assert soon.found == "the last run was at 2025-11-22T12:04:00Z, one every 60 s, and it was whole"
    assert soon.mend is None
    assert late.mend is not None
    assert "systemctl status ioledger-collect" in late.mend
    slow = of_runs(lake, NOON + 8 * MINUTE)["kvm-02"]
    assert (slow.found.partition("Z")[2], slow.mend) == (", one every 240 s, and it was whole", None)
    compact(lake, NOON + timedelta(days=2))
    assert of_runs(lake, NOON + 7 * MINUTE)["kvm-01"] == soon


def test_a_source_that_is_read_once_a_day_or_an_hour_has_its_beat_after_midnight_too(tmp_path: Path) -> None:
    midnight = NOON + timedelta(hours=12)
    hourly = [a_run(at=midnight - n * timedelta(hours=1), source="kvm-01") for n in range(7)]
    daily = [a_run(at=midnight - n * timedelta(days=1), source="kvm-02") for n in range(3)]
    lake = new_lake(tmp_path, *hourly, *daily)
    found = of_runs(lake, midnight + timedelta(minutes=50))
    told = {source: (check.found.partition("Z")[2], check.mend) for source, check in found.items()}
    assert told == {
        "kvm-01": (", one every 3600 s, and it was whole", None),
        "kvm-02": (", one every 86400 s, and it was whole", None),
    }


def test_a_source_without_runs_and_one_that_nothing_reads_any_more_are_told(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample()), a_run(sample("b"), source="old"))
    found = of_runs(lake, NOON + timedelta(minutes=16))
    assert found["kvm-02"].found == "it was never read into this lake"
    assert "ioledger collect --source kvm-02" in (found["kvm-02"].mend or "")
    assert "retired" in (found["old"].mend or "")
    (lake / "settings.toml").write_text('[[settings]]\nvalid_from = 2025-01-01T00:00:00Z\nretired = ["old"]\n')
    assert "old" not in of_runs(lake, NOON + MINUTE)


def test_a_run_that_failed_is_told_with_why(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(at=NOON, status="failed"))
    check = of_runs(lake, NOON + MINUTE)["kvm-01"]
    assert ", and it was failed: " in check.found
    assert "ioledger collect --source kvm-01" in (check.mend or "")


def test_usage_that_nobody_builds_is_told(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, *minutes(2))
    app = App(HeldClock(), lake_option=lake)
    (before,) = freshness.checks(app)
    assert before.found == "no usage is built yet, and the newest run is of 2025-11-22T12:01:00Z"
    assert "ioledger usage build" in (before.mend or "")
    build(lake, NOON, NOON + 2 * MINUTE)
    (after,) = freshness.checks(app)
    assert after == freshness.Check("usage", "the last hour with usage is that of 2025-11-22T12:00:00Z")
    write_run(lake, a_run(sample(at=NOON + timedelta(hours=4)), at=NOON + timedelta(hours=4)))
    assert next(iter(freshness.checks(app))) == after, "a run of the future is not the newest"
    later = App(HeldClock(NOON + timedelta(hours=4)), lake_option=lake)
    assert next(iter(freshness.checks(later))).mend == before.mend
    assert freshness.built(None, None).mend is None


def test_packages_that_are_missing_or_too_old_are_told() -> None:
    wanted = [Requirement("duckdb>=2.0,<3"), Requirement("pyarrow>=20"), Requirement("cs>=5.2")]
    there = {"ioledger": "1", "duckdb": "2.0.1", "pyarrow": "20.0.0", "cs": "5.2"}
    assert versions.packages(wanted, there.get).mend is None
    check = versions.packages(wanted, {**there, "duckdb": "3.0.0", "cs": None}.get)
    assert check.found == "duckdb 3.0.0, no cs"
    assert check.mend == "run `pip install 'duckdb<3,>=2.0' 'cs>=5.2'`"


def test_what_a_configured_source_needs_is_looked_at_and_what_others_need_is_not(tmp_path: Path) -> None:
    (tmp_path / "ioledger.toml").write_text("")
    app = App(HeldClock(), tmp_path / "ioledger.toml")
    of_python, of_packages = versions.checks(app)
    assert (of_python.mend, of_packages.mend) == (None, None)
    assert "duckdb 2." in of_packages.found
    count = int(of_packages.found.split(" and ")[1].split()[0])
    (tmp_path / "ioledger.toml").write_text('[sources.host]\ntype = "libvirt"\nuri = "test:///default"\n')
    assert list(versions.checks(app))[1].found.split(" and ")[1].split()[0] == str(count + 2)


def test_a_python_that_is_too_old_is_told() -> None:
    assert versions.python("3.14.0rc1", ">=3.11").mend is None
    assert versions.python("3.9.2", ">=3.11").mend == "install ioledger with Python >=3.11"


@pytest.mark.parametrize(("daemon", "is_to_mend"), [(9_000_000, False), (4_005_000, False), (4_004_000, True)])
def test_a_daemon_without_what_runs_rest_on_is_told(daemon: int, *, is_to_mend: bool) -> None:
    check = libvirt_versions.of_versions(11_003_002, daemon)
    assert check.found.startswith("libvirt 11.3.2 here, ")
    assert (check.mend is not None) == is_to_mend


def test_zones_of_this_machine_and_of_the_package_are_compared(tmp_path: Path) -> None:
    berlin, new_york = zones.system_zone("Europe/Berlin"), zones.package_zone("America/New_York")
    assert zones.zone("Europe/Berlin", berlin, zones.package_zone("Europe/Berlin"), NOON).mend is None
    check = zones.zone("Europe/Berlin", berlin, new_york, NOON)
    assert check.found.startswith("Europe/Berlin is +0100 from UTC by the machine's data, which count, and -0500 by ")
    assert check.found.endswith(", from 2025-11-22T12:00Z on")
    assert "tzdata" in (check.mend or "")
    assert zones.system_zone("Europe/Berlin", (str(tmp_path),)) is None
    alone = zones.zone("Europe/Berlin", None, zones.package_zone("Europe/Berlin"), NOON)
    assert alone.found.startswith("Europe/Berlin is known to package tzdata 20")


def test_a_zone_that_changes_its_clocks_later_than_now_is_compared_as_well() -> None:
    fixed = ZoneInfo.from_file(io.BytesIO(an_hour_ahead()), "CET")
    summer = zones.package_zone("Europe/Berlin")
    check = zones.zone("Europe/Berlin", summer, fixed, NOON)
    assert check.found.endswith(", from 2026-03-29T01:00Z on")


def an_hour_ahead() -> bytes:
    """Give the file of a zone that is an hour ahead of UTC and never changes its clocks (RFC 9636)."""
    counts = (0, 0, 0, 0, 1, 4)
    header = b"TZif2" + bytes(15) + b"".join(count.to_bytes(4, "big") for count in counts)
    block = (3600).to_bytes(4, "big") + b"\0\0" + b"CET\0"
    return header + block + header + block + b"\nCET-1\n"


def test_what_everybody_may_write_is_told(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample()))
    assert permissions.closed(lake, permissions.owners_in(lake)).mend is None
    (lake / "disk_io_stat").chmod(0o777)
    check = permissions.closed(lake, permissions.owners_in(lake))
    assert check.found.endswith(f"may write 1 place in the lake, such as {lake / 'disk_io_stat'}")
    assert check.mend == f"run `chmod -R o-w {lake}`"
    configured = tmp_path / "ioledger.toml"
    assert permissions.configuration(configured, 0o100644).mend is None
    assert permissions.configuration(configured, 0o100646).mend == f"run `chmod o-w {configured}`"


def test_a_lake_that_everybody_may_look_into_is_told() -> None:
    with TemporaryDirectory(dir="/var/tmp") as name:
        lake = new_lake(Path(name), a_run(sample()))
        lake.chmod(0o755)
        assert permissions.closed(lake, permissions.owners_in(lake)).mend is None, "the directory above is closed"
        Path(name).chmod(0o755)
        check = permissions.closed(lake, permissions.owners_in(lake))
        assert "every user of this machine may look into" in check.found
        assert check.mend == f"run `chmod o-rwx {lake}`"
        lake.chmod(0o750)
        assert permissions.closed(lake, permissions.owners_in(lake)).mend is None


def test_files_of_several_users_are_told(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample()))
    owners = permissions.owners_in(lake)
    assert permissions.one_owner(lake, owners).mend is None
    other = lake / "collection_run"
    check = permissions.one_owner(lake, {**owners, other: (65_534, owners[other][1])})
    assert "1 to nobody" in check.found
    assert check.mend is not None


def test_a_directory_that_this_user_may_not_write_is_told(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample()))
    closed = lake / "disk_io_stat"
    check = permissions.access(lake, permissions.owners_in(lake), lambda path: path != closed)
    assert check.found.endswith(f"cannot read and write 1 place in the lake, such as {closed}")
    assert check.mend is not None


def test_secrets_that_others_can_read_or_that_are_missing_are_told(tmp_path: Path) -> None:
    kept = tmp_path / "secret"
    kept.write_text("s3cret")
    kept.chmod(0o640)
    assert secret_files.of_secret("cloud", Secret(file=str(kept))).mend is None
    kept.chmod(0o644)
    check = secret_files.of_secret("cloud", Secret(file=str(kept)))
    assert (check.source, check.mend) == ("cloud", f"run `chmod o= {kept}`")
    assert "s3cret" not in check.found
    missing = secret_files.of_secret("cloud", Secret(env="IOLEDGER_NOT_SET"))
    assert missing.found == "the secret's environment variable IOLEDGER_NOT_SET is not set"
    assert missing.mend == "set it, or name a file instead"


def test_secrets_are_found_wherever_a_source_has_them(tmp_path: Path) -> None:
    kept = tmp_path / "secret"
    kept.write_text("s3cret")
    kept.chmod(0o604)
    configuration = tmp_path / "ioledger.toml"
    configuration.write_text(
        '[sources.cloud]\ntype = "cloudstack"\nendpoint = "https://cloud.example.org/client/api"\n'
        f'api_key = {{ env = "PATH" }}\nsecret_key = {{ file = "{kept}" }}\n'
    )
    found = list(secret_files.checks(App(HeldClock(), configuration)))
    assert [(check.source, check.mend is None) for check in found] == [("cloud", True), ("cloud", False)]
