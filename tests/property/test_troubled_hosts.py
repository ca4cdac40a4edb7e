"""Hosts that are late, dead or have wrong clocks, in whatever mixture: nothing is lost, and each is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from clocks import HeldClock
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.many_hosts.hosts import MINUTE_US, START, Host, Trouble, at_minute
from benchmarks.many_hosts.measure import compare
from ioledger.app import App
from ioledger.health import runs
from ioledger.lake import layout
from ioledger.lake.compaction import compact
from reports.usage.build import build

MINUTES = 14
HOUR = timedelta(hours=1)

ahead_or_behind = st.integers(2, 300).flatmap(lambda minutes: st.sampled_from([minutes, -minutes]))
troubles = st.one_of(
    st.just(Trouble()),
    st.builds(Trouble, st.just("dead"), dies_at_us=st.integers(2, 8).map(MINUTE_US.__mul__)),
    st.builds(Trouble, st.just("late"), waits_us=st.integers(4, 8).map(MINUTE_US.__mul__)),
    st.builds(Trouble, st.just("wrong"), clock_off_us=ahead_or_behind.map(MINUTE_US.__mul__)),
    st.builds(
        Trouble,
        st.just("put forward"),
        clock_off_us=st.integers(2, 300).map(MINUTE_US.__mul__),
        wrong_from_us=st.integers(1, 6).map(MINUTE_US.__mul__),
    ),
)


@given(st.lists(troubles, min_size=2, max_size=3))
@settings(max_examples=3, deadline=None)
def test_nothing_is_lost_or_doubled_and_each_troubled_host_is_named(of_hosts: list[Trouble]) -> None:
    with TemporaryDirectory() as name:
        lake, spool = Path(name, "lake"), Path(name, "spool")
        layout.create(lake)
        hosts = [Host(lake, spool, number, 2, trouble) for number, trouble in enumerate(of_hosts)]
        for minute in range(MINUTES):
            for host in hosts:
                host.beat(minute)
                if host.is_due():
                    host.deliver()
        now = at_minute(MINUTES)
        checks = list(runs.checks(App(HeldClock(now), lake_option=lake)))
        assert {check.source for check in checks if check.mend} == {
            host.name for host in hosts if host.trouble != Trouble()
        }
        compact(lake, now + HOUR)
        for host in hosts:
            host.deliver()
        compact(lake, now + HOUR)
        build(lake, START - 6 * HOUR, START + 7 * HOUR)
        compare(lake, {volume: amounts for host in hosts for volume, amounts in host.truth().items()})
