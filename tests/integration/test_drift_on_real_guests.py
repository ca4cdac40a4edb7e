"""Caps that are changed on real guests behind the control plane's back, and what the rules say after each change.

Three guests are started as they were sold. Then, once in each hour of a wall clock that the test puts
forward, something happens to them through `blkdeviotune` or a restart, the sources are collected and the lake
is checked. In the end all is as it was sold again. The guests stay paused, for nothing here needs them to run.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from live_guests import LiveHost, live_host
from paused_guests import start_paused
from policy_lake import NOON, ioledger

from collectors.beat import Beat
from collectors.hypervisors.libvirt_cap_check import CHECK_EVERY
from collectors.registry import build_sources
from collectors.runner import collect_one
from ioledger import config
from ioledger import open as open_lake
from ioledger.clock import SystemClock
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DISKS = {"web": ("vda",), "db": ("vda",), "pair": ("vda", "vdb")}
SOLD_IOPS = 300
CODES = {"QOS108", "QOS204", "QOS205"}

CONFIGURATION = """\
[sources.shop]
type = "controlplane-inventory"
entitlement = "sold.csv"

[sources.kvm-a]
type = "libvirt"
uri = "{uri}"
volume_id = [{{ from = "serial" }}]
"""


class HurriedClock(SystemClock):
    """This machine's clocks, with a wall clock that stood at noon at first.

    It is put forward by as long as the collector takes to read more than the live caps again.
    """

    def __init__(self) -> None:
        self._ahead = NOON - super().now()

    def now(self) -> datetime:
        return super().now() + self._ahead

    def put_forward(self) -> None:
        self._ahead += CHECK_EVERY


def tune(host: LiveHost, guest: str, device: str, iops: int, *options: str) -> None:
    host.virsh("blkdeviotune", guest, device, "--total-iops-sec", str(iops), *options)


def change_nothing(_host: LiveHost) -> None:
    pass


def change_live(host: LiveHost) -> None:
    tune(host, "web", "vda", 500, "--live")


def change_definition(host: LiveHost) -> None:
    tune(host, "db", "vda", 0, "--config")


def restart_and_set_back(host: LiveHost) -> None:
    host.virsh("destroy", "db")
    host.virsh("start", "db", "--paused")
    tune(host, "web", "vda", SOLD_IOPS, "--live")


def group_and_change_live_again(host: LiveHost) -> None:
    for device in DISKS["pair"]:
        tune(host, "pair", device, SOLD_IOPS, "--group-name", "both", "--live", "--config")
    change_live(host)


def mend(host: LiveHost) -> None:
    tune(host, "web", "vda", SOLD_IOPS, "--live")
    tune(host, "db", "vda", SOLD_IOPS, "--live", "--config")
    tune(host, "pair", "vdb", SOLD_IOPS, "--group-name", "own", "--live", "--config")


STEPS: dict[str, Callable[[LiveHost], None]] = {
    "as sold": change_nothing,
    "changed live": change_live,
    "changed in the definition": change_definition,
    "restarted": restart_and_set_back,
    "grouped": group_and_change_live_again,
    "mended": mend,
}


@dataclass(frozen=True)
class Run:
    """The run of the hypervisor source after a step."""

    run_id: str
    started_at: datetime
    ended_at: datetime

    def __str__(self) -> str:
        """Name it as reasons do."""
        return f"run {self.run_id} of kvm-a ({self.started_at:%Y-%m-%d %H:%M} UTC)"


@dataclass(frozen=True, repr=False)
class Story:
    """What the rules that are asked about found after each step, and over the day."""

    names: dict[str, str]
    runs: dict[str, Run]
    found: dict[str, list[dict[str, Any]]]
    over_day: list[dict[str, Any]]

    def problems(self, step: str) -> list[tuple[str, str]]:
        """Return what was found after a step."""
        return sorted(self.problem(finding) for finding in self.found[step])

    def problem(self, finding: dict[str, Any]) -> tuple[str, str]:
        """Return a finding's code and resource, with the guest's name for its UUID."""
        vm_id, _, rest = finding["resource_id"].partition("/")
        return finding["code"], f"{self.names[vm_id]}/{rest}"

    def one(self, step: str, *problem: str) -> dict[str, Any]:
        """Return the finding of a problem after a step."""
        (finding,) = (finding for finding in self.found[step] if self.problem(finding) == problem)
        return finding

    def step_at(self, time: str) -> str:
        """Return after which step a time of a finding lies, within the run that then read the host."""
        at = datetime.fromisoformat(time)
        (step,) = (step for step, run in self.runs.items() if run.started_at <= at <= run.ended_at)
        return step

    def change(self, before: str, until: str, after: str, since: str) -> str:
        """Word a change between the runs after two steps, as reasons do."""
        return f"{before} until {self.runs[until]} and {after} from {self.runs[since]} on"


def start_as_sold(host: LiveHost, sold: Path) -> dict[str, str]:
    """Start the guests and write what was sold; return their names by UUID."""
    cap = f"<total_iops_sec>{SOLD_IOPS}</total_iops_sec>"
    names = {start_paused(host, name, dict.fromkeys(devices, cap)): name for name, devices in DISKS.items()}
    volumes = [f"{name}-{device},acme,{SOLD_IOPS}" for name, devices in DISKS.items() for device in devices]
    sold.write_text("\n".join(["volume_id,account_id,sold_cap_total_iops", *volumes, ""]), encoding="utf-8")
    return names


def tell(host: LiveHost, directory: Path) -> Story:
    """Let everything happen, and check the lake after each step, and over the day."""
    names = start_as_sold(host, directory / "sold.csv")
    configuration, report = directory / "ioledger.toml", directory / "findings.json"
    configuration.write_text(CONFIGURATION.format(uri=host.uri), encoding="utf-8")
    lake, clock = directory / "lake", HurriedClock()
    layout.create(lake)

    def check(*options: str) -> list[dict[str, Any]]:
        ioledger(lake, "check", "--format", "json", "--to", str(report), *options, now=clock.now())
        findings = json.loads(report.read_text(encoding="utf-8"))
        return [finding for finding in findings if finding["code"] in CODES and finding.get("resolved_at") is None]

    found = {}
    with ExitStack() as stack:
        sources = build_sources(config.load(configuration), directory)
        for source in sources.values():
            stack.enter_context(closing(source))
        for step, act in STEPS.items():
            act(host)
            for name, source in sources.items():
                assert collect_one(lake, name, source, Beat(lake, clock, [name])).status == "ok"
            found[step] = check()
            clock.put_forward()
    with open_lake(lake) as opened:
        rows = opened.connection.sql(
            "SELECT run_id, started_at, ended_at FROM collection_run WHERE source = 'kvm-a' ORDER BY started_at"
        ).fetchall()
    runs = {step: Run(*row) for step, row in zip(STEPS, rows, strict=True)}
    return Story(names, runs, found, check("--period", f"{NOON:%Y-%m-%d}"))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    with live_host() as host:
        return tell(host, tmp_path_factory.mktemp("drift"))


@pytest.mark.parametrize("step", ["as sold", "mended"])
def test_nothing_is_found_where_all_layers_are_as_sold(story: Story, step: str) -> None:
    assert story.problems(step) == []


def test_a_cap_that_is_changed_on_the_running_guest_differs_from_what_was_sold_and_from_the_definition(
    story: Story,
) -> None:
    assert story.problems("changed live") == [("QOS204", "web/vda"), ("QOS205", "web/vda")]
    change = story.change("300 IOPS in total", "as sold", "500 IOPS in total", "changed live")
    from_sold = story.one("changed live", "QOS204", "web/vda")
    assert from_sold["status"] == "violation"
    assert (from_sold["volume_id"], from_sold["account_id"]) == ("web-vda", "acme")
    assert from_sold["reason"] == (
        "Disk vda of web has other live caps than were sold: 500 IOPS in total; sold were 300 IOPS in total. "
        f"The disk had {change}."
    )
    from_definition = story.one("changed live", "QOS205", "web/vda")
    assert from_definition["status"] == "violation"
    assert from_definition["reason"] == (
        "Disk vda of web has live 500 IOPS in total, and others elsewhere (definition: 300 IOPS in total). "
        f"The disk had {change}."
    )


def test_a_cap_that_is_changed_in_the_definition_alone_differs_from_the_live_one(story: Story) -> None:
    added = set(story.problems("changed in the definition")) - set(story.problems("changed live"))
    assert added == {("QOS205", "db/vda")}
    change = story.change("300 IOPS in total", "changed live", "no cap", "changed in the definition")
    finding = story.one("changed in the definition", "QOS205", "db/vda")
    assert finding["status"] == "violation"
    assert finding["reason"] == (
        "Disk vda of db has live 300 IOPS in total, and others elsewhere (definition: no cap). "
        f"Its definition had {change}."
    )


def test_a_cap_that_was_live_only_is_missed_after_a_restart_of_the_guest(story: Story) -> None:
    assert story.problems("restarted") == [("QOS204", "db/vda")]
    change = story.change("300 IOPS in total", "changed in the definition", "no cap", "restarted")
    assert story.one("restarted", "QOS204", "db/vda")["reason"] == (
        "Disk vda of db has other live caps than were sold: no cap on IOPS in total; sold were 300 IOPS in total. "
        f"The disk had {change}, after it was started anew."
    )


def test_disks_in_one_throttle_group_are_named_together(story: Story) -> None:
    added = set(story.problems("grouped")) - set(story.problems("restarted"))
    assert added == {("QOS108", "pair/both"), ("QOS204", "web/vda"), ("QOS205", "web/vda")}
    finding = story.one("grouped", "QOS108", "pair/both")
    assert (finding["status"], finding["account_id"]) == ("violation", "acme")
    assert finding["reason"] == (
        "Disks vda (volume pair-vda, 300 IOPS in total), vdb (volume pair-vdb, 300 IOPS in total) of pair share "
        "throttle group both: together they get what each is set to."
    )


def test_the_check_of_the_day_gives_every_interval_from_the_run_that_saw_it_to_the_one_that_no_longer_did(
    story: Story,
) -> None:
    intervals: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for finding in story.over_day:
        between = story.step_at(finding["interval_start"]), story.step_at(finding["interval_end"])
        intervals.setdefault(story.problem(finding), []).append(between)
    changed_live = [("changed live", "restarted"), ("grouped", "mended")]
    assert intervals == {
        ("QOS204", "web/vda"): changed_live,
        ("QOS205", "web/vda"): changed_live,
        ("QOS205", "db/vda"): [("changed in the definition", "restarted")],
        ("QOS204", "db/vda"): [("restarted", "mended")],
        ("QOS108", "pair/both"): [("grouped", "mended")],
    }


def test_an_interval_of_the_day_tells_the_change_that_began_it(story: Story) -> None:
    told = [finding["reason"] for finding in story.over_day if story.problem(finding) == ("QOS204", "web/vda")]
    first = story.change("300 IOPS in total", "as sold", "500 IOPS in total", "changed live")
    second = story.change("300 IOPS in total", "restarted", "500 IOPS in total", "grouped")
    assert [reason.partition("The disk had ")[2] for reason in told] == [f"{first}.", f"{second}."]
