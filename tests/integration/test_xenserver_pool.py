"""How a pool is reached: its coordinator, sessions, rights, certificates, and answers that are none; and doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from certificates import Authority
from xen_pool import ADDRESSES, Load, pool_of_hosts
from xen_reading import PASSWORD_VARIABLE, Runs, did, runs_of, steady

from collectors.hypervisors import xenserver_web
from ioledger.clock import SystemClock
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;">]><x>&c;</x>'
LOGGED_IN = (
    b"<methodResponse><params><param><value><struct><member><name>Status</name><value>Success</value></member>"
    b"<member><name>Value</name><value>OpaqueRef:x</value></member></struct></value></param></params></methodResponse>"
)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    with runs_of(monkeypatch) as made:
        made.pool.disk(made.pool.vm(1, name="web"), load=steady(1, 0, 4096, 0))
        yield made


def logins(runs: Runs) -> list[int]:
    return [host for host, what, _ in runs.pool.asked if what == "session.login_with_password"]


def test_one_session_is_kept_and_ended(runs: Runs) -> None:
    runs.read()
    runs.read(1)
    assert (runs.pool.logins, len(runs.pool.sessions)) == (1, 1)
    runs.source.close()
    assert not runs.pool.sessions
    runs.read(1)
    assert runs.pool.logins == 2


def test_a_supporter_names_the_coordinator(runs: Runs) -> None:
    runs.pool.master = 1
    assert runs.read().error is None
    assert logins(runs) == [0, 1]


def test_a_pool_whose_coordinator_changed_is_followed(runs: Runs) -> None:
    runs.read()
    runs.pool.master = 1
    runs.pool.sessions.clear()
    assert len(did(runs.read(1), next(iter(runs.remembered["until"])))) == 1
    runs.pool.master = 0
    assert runs.read(1).error is None
    assert logins(runs) == [0, 0, 1, 0]


def test_a_coordinator_that_is_gone_is_looked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with runs_of(monkeypatch, timeout_seconds=1) as runs:
        runs.pool.disk(runs.pool.vm(1), load=steady(1, 0, 4096, 0))
        runs.pool.master = 1
        assert runs.read().error is None
        runs.pool.hang(1)
        runs.pool.master = 0
        with pytest.raises(SourceError, match=r"127\.0\.0\.2:\d+ does not answer within 1 s; see whether it is up"):
            runs.read(1)
        assert runs.read(1).error is None


def test_a_clock_that_cannot_be_asked_for_costs_the_other_hosts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with runs_of(monkeypatch) as runs:
        pool = runs.pool
        vms = [pool.vm(number, host=number) for number in (0, 1)]
        for vm in vms:
            pool.disk(vm, load=steady(1, 0, 4096, 0))
        runs.read()
        asked: list[str] = []

        def disturb(what: str) -> None:
            asked.append(what)
            first = asked.count("host.get_servertime") == 1
            pool.failing = {"host.get_servertime": ["HOST_OFFLINE", "OpaqueRef:x"]} if first else {}

        pool.before = disturb
        reading = runs.read(1)
        assert "what VMs did on xen-01" in (reading.error or "")
        assert [len(did(reading, vm)) for vm in vms] == [0, 1]


def test_hosts_that_name_each_other_are_followed_once(runs: Runs) -> None:
    runs.pool.before = lambda _: setattr(runs.pool, "master", 1 - runs.pool.master)
    with pytest.raises(SourceError, match=r"127\.0\.0\.2:\d+ says that 127\.0\.0\.1 is the pool's coordinator; set"):
        runs.read()
    assert logins(runs) == [0, 1]


@pytest.mark.parametrize("moment", ["SR.get_all_records", "VM.get_all_records", "host.get_servertime", "/rrd_updates"])
def test_a_session_that_ended_is_renewed(runs: Runs, moment: str) -> None:
    runs.read()
    asked = []

    def end(what: str) -> None:
        if what == moment and not asked:
            asked.append(what)
            runs.pool.sessions.clear()

    runs.pool.before = end
    reading = runs.read(1)
    assert (asked, reading.error, len(reading.tables["disk_io_stat"])) == ([moment], None, 1)
    assert runs.pool.logins == 2


def test_a_password_that_was_changed_is_read_again(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.read()
    runs.pool.password = "another"  # noqa: S105 - of a pool that exists in this test alone
    runs.pool.sessions.clear()
    with pytest.raises(SourceError, match="refuses the user name 'metering' or its password"):
        runs.read(1)
    monkeypatch.setenv(PASSWORD_VARIABLE, "another")
    assert runs.read(1).error is None


def test_what_the_role_does_not_allow_is_told(runs: Runs) -> None:
    runs.pool.failing["VBD.get_all_records"] = ["RBAC_PERMISSION_DENIED", "VBD.get_all_records", "No permission"]
    with pytest.raises(SourceError, match=r"does not allow 'metering' VBD\.get_all_records; give the user the role"):
        runs.read()
    runs.pool.mend()
    runs.pool.answers["statistics of 0"] = 403, b"forbidden"
    assert "does not allow 'metering' to read its statistics" in (runs.read().error or "")


@pytest.mark.parametrize("kind", ["host", "SR", "VDI", "VBD", "VM"])
def test_a_class_that_cannot_be_listed_fails_the_run(runs: Runs, kind: str) -> None:
    """Without one of them a disk would be missing, or under another name."""
    runs.pool.failing[f"{kind}.get_all_records"] = ["INTERNAL_ERROR", "Db_exn.DBCache_NotFound"]
    with pytest.raises(SourceError, match=r"answers INTERNAL_ERROR, Db_exn\.DBCache_NotFound; see the pool's log"):
        runs.read()


def test_records_of_something_else_are_told(runs: Runs) -> None:
    for record in runs.pool.objects["VBD"].values():
        del record["empty"]
    with pytest.raises(SourceError, match=r"records have no 'empty'"):
        runs.read()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Hello</html>",
        b"Hello",
        b"",
        b"<methodResponse><params><param><value>x</value></param></params></methodResponse>",
        b"<methodResponse><params><param><value><int>x</int></value></param></params></methodResponse>",
        b"<value><array><data></data></array></value></param>",
        b"<methodResponse><fault><value><struct></struct></value></fault></methodResponse>",
        BOMB,
        b"<!DOCTYPE methodResponse>" + LOGGED_IN,
    ],
)
def test_what_is_no_pool_is_told(runs: Runs, body: bytes) -> None:
    runs.pool.answers["session.login_with_password"] = 200, body
    with pytest.raises(SourceError, match="answers what is no answer of XenAPI; see whether url is a host"):
        runs.read()


def test_a_status_that_is_none_of_success_is_told(runs: Runs) -> None:
    runs.pool.answers["session.login_with_password"] = 404, b""
    with pytest.raises(SourceError, match="answers with the status 404"):
        runs.read()


def xport(step: object = 5, entry: str = "AVERAGE:vm:x:vbd_xvda_read", row: str = "<t>1763812860</t><v>1</v>") -> bytes:
    return (
        f"<xport><meta><step>{step}</step><end>1763812860</end><legend><entry>{entry}</entry></legend></meta>"
        f"<data><row>{row}</row></data></xport>"
    ).encode()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "cannot be read"),
        (b"<xport>", "cannot be read"),
        (BOMB, "cannot be read"),
        (b"<!DOCTYPE xport>" + xport(), "cannot be read"),
        (xport(step=3600), "steps of 3600 s"),
        (xport(step=0), "steps of 0 s"),
        (xport(step="many"), "cannot be read"),
        (xport(row="<t>soon</t><v>1</v>"), "cannot be read"),
        (xport(row="<t>1763812860</t>"), "fewer values"),
        (xport(row="<t>1763812860</t><v>lots</v>"), "is no number"),
    ],
)
def test_statistics_that_are_none_are_told(runs: Runs, body: bytes, told: str) -> None:
    runs.read()
    runs.pool.answers["statistics of 0"] = 200, body
    reading = runs.read(1)
    assert "what VMs did on xen-01" in (reading.error or "")
    assert told in (reading.error or "")
    runs.pool.mend()
    assert len(runs.read(1).tables["disk_io_stat"]) == 2


def test_an_answer_without_an_end_is_not_read(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xenserver_web, "MOST_BYTES", 1000)
    with pytest.raises(SourceError, match="longer than 1000 bytes"):
        runs.read()


def test_certificates_are_verified_unless_one_says_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority").make()
    tls = authority.server_context(*ADDRESSES)
    for settings in ({"ca_file": str(authority.file)}, {"verify_tls": False}):
        with runs_of(monkeypatch, tls, **settings) as runs:
            runs.pool.disk(runs.pool.vm(1, host=1))
            assert runs.read().error is None
    with runs_of(monkeypatch, tls) as runs, pytest.raises(SourceError, match=r"not trusted .*ca_file"):
        runs.read()


def test_a_host_with_a_certificate_of_another_address_has_no_statistics(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority").make()
    with runs_of(monkeypatch, authority.server_context(ADDRESSES[0]), ca_file=str(authority.file)) as runs:
        for host in (0, 1):
            runs.pool.disk(runs.pool.vm(host, host=host))
        assert "what VMs did on xen-02: https://127.0.0.2" in (runs.read().error or "")


def told_by_doctor(runs: Runs) -> dict[str, tuple[str, str | None]]:
    return {check.name: (check.found, check.mend) for check in runs.source.examine(runs.clock)}


def test_doctor_tells_version_rights_clock_and_statistics(runs: Runs) -> None:
    runs.clock.let_pass(120)
    told = told_by_doctor(runs)
    assert told == {
        "connection": (f"{runs.pool.url} is XCP-ng 8.3.0, API 2.21, coordinator of 2 hosts", None),
        "rights": ("the lists can be read", None),
        "clock": ("0 s behind xen-01", None),
        "statistics": ("xen-01 counts the operations of 1 of 1 disk", None),
    }


def test_doctor_finds_clocks_that_are_apart_and_operations_that_are_not_recorded(runs: Runs) -> None:
    vm = runs.pool.vm(2)
    runs.pool.disk(vm, 3, load=Load(without=("iops_write",)))
    runs.pool.ahead_seconds[0] = 31
    told = told_by_doctor(runs)
    assert told["clock"] == ("31 s behind xen-01", "set both clocks by NTP; minutes are filed by the host's")
    assert told["statistics"] == (
        "xen-01 counts the operations of 1 of 2 disks",
        f"have it record vbd_xvdd_iops_read and _iops_write of VM {vm}, with xe vm-data-source-record",
    )


def test_doctor_tells_of_statistics_that_cannot_be_had(runs: Runs) -> None:
    runs.pool.answers["statistics of 0"] = 403, b""
    found, mend = told_by_doctor(runs)["statistics"]
    assert "does not allow 'metering' to read its statistics" in found
    assert mend == "give the user the role read-only"


def test_doctor_of_a_pool_without_vms(monkeypatch: pytest.MonkeyPatch) -> None:
    with runs_of(monkeypatch) as runs:
        assert told_by_doctor(runs)["statistics"] == ("no VM with a disk is up, so there are none to look at", None)


def test_the_real_clock_is_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    with pool_of_hosts() as pool, runs_of(monkeypatch, url=pool.url) as runs:
        pool.disk(pool.vm(1))
        assert [check.mend for check in runs.source.examine(SystemClock())] == [None] * 4
