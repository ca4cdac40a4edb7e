"""How the vSphere source fails: in part, in whole, and never in silence."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import vcenter
from vsphere_reading import Meter
from vsphere_site import fault

from ioledger.clock import SystemClock
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from http_proxy import Proxy
    from vcenter import Admin

MACHINES = 120

FIRST_PAGE, LATER_PAGE = "<type>VirtualMachine</type>", "<ContinueRetrievePropertiesEx "
SAMPLES = "<QueryPerf "


def test_a_later_page_that_fails_makes_the_run_partial_and_loses_no_operations(meter: Meter, proxy: Proxy) -> None:
    meter.collect()
    meter.let_pass(300)
    proxy.fail(LATER_PAGE)
    outcome = meter.collect()
    assert outcome.status == "partial"
    assert outcome.error is not None
    assert "the list of VMs after the first 100" in outcome.error
    read = {row["vm_name"] for row in meter.windows()}
    assert 0 < len(read) <= 100
    proxy.mend()
    assert meter.collect().status == "ok"
    late = [row for row in meter.windows() if row["vm_name"] not in read]
    assert len({row["vm_name"] for row in late}) == MACHINES - len(read)
    assert len(late) >= 9 * (MACHINES - len(read)), "the samples of five minutes, but for those that are missing"


def test_a_page_that_is_lost_is_read_with_the_whole_list(meter: Meter, proxy: Proxy) -> None:
    proxy.answer(LATER_PAGE, fault("InvalidArgument"), status=500, nth=1)
    assert meter.collect().status == "ok"
    assert len(meter.now()) == len({row["vm_id"] for row in meter.now()}) == MACHINES


def test_a_list_that_fails_at_once_fails_the_run(meter: Meter, proxy: Proxy) -> None:
    proxy.answer(FIRST_PAGE, fault("InvalidRequest", "not today"), status=500)
    outcome = meter.collect()
    assert (outcome.status, outcome.row_count, outcome.is_defect) == ("failed", 0, False)
    assert outcome.error is not None
    assert "InvalidRequest (not today)" in outcome.error


def test_samples_that_are_refused_for_one_machine_cost_the_others_nothing(
    meter: Meter, proxy: Proxy, admin: Admin
) -> None:
    refused = admin.digit(5)
    meter.collect()
    meter.let_pass(300)
    proxy.answer(f"(?s){SAMPLES}.*>{refused._moId}<", fault("InvalidArgument"), status=500)  # noqa: SLF001 - its only name for it
    outcome = meter.collect()
    assert outcome.status == "partial"
    assert outcome.error is not None
    assert outcome.error.startswith("one part could not be read, the samples of ")
    names = {row["vm_name"] for row in meter.windows()}
    assert names == {row["vm_name"] for row in meter.now()} - {refused.name}
    proxy.mend()
    meter.collect()
    assert len(meter.windows(refused.name)) >= 13, "what was missed is read by the next run"


def test_a_server_that_falls_silent_in_the_middle_is_not_asked_machine_by_machine(meter: Meter, proxy: Proxy) -> None:
    meter.collect()
    meter.let_pass(300)
    proxy.fail(SAMPLES, status=503)
    outcome = meter.collect()
    assert outcome.status == "partial"
    assert outcome.error is not None
    assert f"the samples of {MACHINES} VMs" in outcome.error
    assert len(meter.now()) == MACHINES
    assert len([asked for asked in proxy.requests if SAMPLES.encode() in asked.body]) == 3


def test_a_session_that_ended_is_begun_anew(meter: Meter, admin: Admin, proxy: Proxy) -> None:
    meter.collect()
    assert len(admin.sessions()) == 1
    meter.collect()
    assert len(_logins(proxy)) == 1, "a session is kept between runs"
    admin.end_sessions()
    assert meter.collect().status == "ok"
    assert len(_logins(proxy)) == 2
    assert len(admin.sessions()) == 1
    meter.source.close()
    assert admin.sessions() == []


def _logins(proxy: Proxy) -> list[bytes]:
    return [asked.body for asked in proxy.requests if b"<Login " in asked.body]


def test_a_user_without_rights_is_told_which(meter: Meter, proxy: Proxy) -> None:
    lacking = '<object type="Folder">group-d1</object><privilegeId>System.View</privilegeId>'
    proxy.answer("<CreateContainerView ", fault("NoPermission", content=lacking), status=500)
    outcome = meter.collect()
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert "System.View" in outcome.error
    assert "Read-only" in outcome.error


def test_a_wrong_password_is_tried_once(meter: Meter, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VCENTER_PASSWORD", "wrong")
    outcome = meter.collect()
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert "correct username or password" in outcome.error
    assert len(_logins(proxy)) == 1, "users are locked out after a few"


def test_certificates_are_verified_unless_one_says_otherwise(tmp_path: Path, settings: dict[str, Any]) -> None:
    told = []
    with tempfile.TemporaryDirectory() as directory, vcenter.running(Path(directory), 2, tls=True) as server:
        for number, tls in enumerate(({}, {"ca_file": server["certificate"]}, {"verify_tls": False})):
            meter = Meter(tmp_path / str(number), {**settings, "url": server["url"], **tls})
            told.append(meter.collect())
            meter.source.close()
    assert [outcome.status for outcome in told] == ["failed", "ok", "ok"]
    assert told[0].error is not None
    assert "ca_file" in told[0].error


class _LateClock(SystemClock):
    """A clock that is five minutes behind."""

    def now(self) -> Any:  # noqa: ANN401 - a moment
        return super().now() - timedelta(minutes=5)


def test_doctor_sees_clocks_that_are_apart(meter: Meter) -> None:
    checks = {check.name: check for check in meter.source.examine(_LateClock())}
    assert checks["clock"].found == "300 s behind the server's clock"
    assert checks["clock"].mend is not None
    assert {name for name, check in checks.items() if check.mend} == {"clock"}
    assert checks["rights"].found == f"{MACHINES} VMs can be seen"


def test_doctor_sees_that_samples_are_missing(meter: Meter, proxy: Proxy) -> None:
    proxy.answer("<QueryPerfProviderSummary ", fault("NotSupported"), status=500)
    checks = {check.name: check for check in meter.source.examine(SystemClock())}
    assert "NotSupported" in checks["samples"].found
    assert checks["samples"].mend is not None


def test_doctor_raises_where_nothing_can_be_told(meter: Meter, proxy: Proxy) -> None:
    proxy.fail("<RetrieveServiceContent ", status=404)
    with pytest.raises(SourceError, match="404"):
        meter.source.examine(SystemClock())
