"""What a source of type ebs says that instances did: windows of CloudWatch, read once and again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ebs_reading import WINDOW, Runs, did, source_of, windows
from ebs_site import STATISTICS, VOLUMES, Account, listing, metric_data

from collectors.storage.ebs_progress import LEAST_WINDOWS, MOST_ROWS

MINUTE = timedelta(minutes=1)
MORNING = datetime(2025, 11, 22, 8, tzinfo=UTC)
ELEVEN_THIRTY = datetime(2025, 11, 22, 11, 30, tzinfo=UTC)
NEWEST = datetime(2025, 11, 22, 11, 50, tzinfo=UTC)
"""The start of the newest window that is old enough at noon."""

HOUR_MINUTES = 60


@pytest.fixture
def volume(site: Account) -> str:
    """Return a volume that instance i-1 has since the morning."""
    made = site.volume()
    site.attach(made, "i-1", MORNING)
    return made


def counts(number: int) -> dict[str, int]:
    return {"read_ops": number, "write_ops": 2 * number, "read_bytes": 4096 * number, "write_bytes": 8192 * number}


def row(instance: str, window: datetime, number: int) -> tuple[Any, ...]:
    return (instance, window, *counts(number).values())


def test_a_window_is_a_row_and_a_missing_one_is_none(site: Account, runs: Runs, volume: str) -> None:
    site.sums(volume, ELEVEN_THIRTY, **counts(7))
    site.sums(volume, ELEVEN_THIRTY + 4 * MINUTE, **counts(3))
    site.sums(volume, NEWEST, **counts(0))
    reading = runs.read()
    assert did(reading) == [row("i-1", ELEVEN_THIRTY, 10), row("i-1", NEWEST, 0)]
    assert reading.error is None
    assert reading.host_id is None
    assert reading.tables["disk_io_stat"][0] == {
        "window_start": ELEVEN_THIRTY,
        "sampled_at": ELEVEN_THIRTY + WINDOW,
        "vm_id": "i-1",
        "device": "/dev/sdf",
        "volume_id": volume,
        "source_path": volume,
        "epoch": f"{volume}:i-1:/dev/sdf",
        "state": "ok",
        **counts(10),
    }


def test_windows_that_are_too_young_wait_for_the_next_run(site: Account, runs: Runs, volume: str) -> None:
    site.sums(volume, NEWEST + WINDOW, **counts(1))
    runs.clock.let_pass(119)
    assert did(runs.read()) == []
    runs.clock.let_pass(1)
    assert did(runs.read()) == [row("i-1", NEWEST + WINDOW, 1)]


def test_volumes_without_an_instance_are_not_asked_for_and_cost_nothing(site: Account, runs: Runs) -> None:
    site.volume()
    runs.read()
    assert site.asked(STATISTICS) == []


def test_one_request_takes_125_volumes_and_asks_for_sums_of_300_seconds(site: Account, runs: Runs) -> None:
    for number in range(126):
        site.attach(site.volume(), f"i-{number}", MORNING)
    runs.read()
    first, second = (json.loads(body) for body in site.asked(STATISTICS))
    assert [len(each["MetricDataQueries"]) for each in (first, second)] == [500, 4]
    stats = [query["MetricStat"] for query in first["MetricDataQueries"]]
    assert {(stat["Stat"], stat["Period"], stat["Metric"]["Namespace"]) for stat in stats} == {("Sum", 300, "AWS/EBS")}
    assert (first["StartTime"], first["EndTime"]) == (ELEVEN_THIRTY.timestamp() - 300, NEWEST.timestamp() + 300)


def test_xen_leaves_out_the_bytes_of_no_operations(site: Account, runs: Runs, volume: str) -> None:
    site.sums(volume, ELEVEN_THIRTY, read_ops=0, write_ops=5, write_bytes=20480)
    assert did(runs.read()) == [("i-1", ELEVEN_THIRTY, 0, 5, 0, 20480)]


def test_a_count_that_is_not_there_is_not_0(site: Account, runs: Runs, volume: str) -> None:
    site.sums(volume, ELEVEN_THIRTY, read_ops=4, write_bytes=20480)
    assert did(runs.read()) == [("i-1", ELEVEN_THIRTY, 4, None, None, 20480)]


def test_the_next_runs_read_what_is_new_and_what_came_late(site: Account, runs: Runs, volume: str) -> None:
    site.sums(volume, ELEVEN_THIRTY, **counts(1))
    runs.read()
    site.sums(volume, ELEVEN_THIRTY + 2 * MINUTE, **counts(1))
    site.sums(volume, NEWEST + WINDOW, **counts(5))
    assert did(runs.read(5)) == [row("i-1", ELEVEN_THIRTY, 2), row("i-1", NEWEST + WINDOW, 5)]
    assert did(runs.read(30)) == [row("i-1", ELEVEN_THIRTY, 2), row("i-1", NEWEST + WINDOW, 5)]
    assert did(runs.read(30)) == []


def test_what_a_run_read_first_the_next_one_reads_again_lest_a_crash_lost_it(
    site: Account, runs: Runs, volume: str
) -> None:
    runs.read()
    for window in windows(NEWEST + WINDOW, 12):
        site.sums(volume, window, **counts(1))
    first = did(runs.read(60))
    assert len(first) == 12
    assert did(runs.read(1)) == first


def test_after_an_outage_runs_catch_up_and_are_partial_until_they_have(
    site: Account, runs: Runs, volume: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.storage.ebs_progress.MOST_ROWS", LEAST_WINDOWS)
    runs.read()
    hours = windows(NEWEST + WINDOW, 12 * 9)
    for window in hours:
        site.sums(volume, window, **counts(1))
    found: set[tuple[Any, ...]] = set()
    told = []
    for minutes in (9 * HOUR_MINUTES, 1, 1, 1, 1):
        reading = runs.read(minutes)
        found.update(did(reading))
        told.append(reading.error)
    assert sorted(found) == [row("i-1", window, 1) for window in hours]
    assert told == [
        *(
            "one part could not be read, the statistics of the time after: "
            f"2025-11-22 {until} UTC; the next runs read on"
            for until in ("14:25", "16:25", "18:25", "20:25")
        ),
        None,
    ]


def test_many_volumes_are_read_over_fewer_windows() -> None:
    assert MOST_ROWS // 10_000 >= LEAST_WINDOWS


def test_a_volume_that_changed_hands_is_counted_for_each_in_its_time(site: Account, runs: Runs, volume: str) -> None:
    for window in windows(ELEVEN_THIRTY, 4):
        site.sums(volume, window, **counts(1))
    assert {each[0] for each in did(runs.read())} == {"i-1"}
    site.attach(volume, "i-2", NEWEST + 6 * MINUTE)
    site.sums(volume, NEWEST, **counts(2))
    site.sums(volume, NEWEST + WINDOW, **counts(3))
    expected = [
        *(row("i-1", window, 1) for window in windows(ELEVEN_THIRTY, 4)),
        row("i-1", NEWEST, 2),
        row("i-2", NEWEST + WINDOW, 3),
    ]
    assert did(runs.read(5)) == expected
    assert did(runs.read(1)) == expected


def test_what_was_done_before_a_detachment_is_read_after_it(site: Account, runs: Runs, volume: str) -> None:
    runs.read()
    site.sums(volume, NEWEST + WINDOW, **counts(4))
    site.detach(volume)
    assert did(runs.read(5)) == [row("i-1", NEWEST + WINDOW, 4)]


def test_what_was_done_before_a_volume_was_deleted_is_read_after_it(site: Account) -> None:
    runs = Runs(source_of(site, volume_id=[{"from": "name"}]))
    volume = site.volume(name="pvc-7")
    site.attach(volume, "i-1", MORNING)
    runs.read()
    site.sums(volume, NEWEST + WINDOW, **counts(4))
    site.detach(volume)
    site.delete(volume)
    reading = runs.read(5)
    assert did(reading) == [row("i-1", NEWEST + WINDOW, 4)]
    assert [each["volume_id"] for each in reading.tables["disk_io_stat"]] == ["pvc-7"]
    assert reading.tables["provisioned_iops"] == []


def test_a_detached_volume_is_forgotten_once_its_windows_were_read(site: Account, runs: Runs, volume: str) -> None:
    runs.read()
    site.detach(volume)
    for minutes in (5, 30, 30):
        runs.read(minutes)
    site.proxy.requests.clear()
    runs.read(5)
    assert site.asked(STATISTICS) == []


def test_a_volume_on_a_lost_page_still_has_its_instance(site: Account, runs: Runs, volume: str) -> None:
    runs.read()
    site.proxy.answer(f"{VOLUMES}(?!.*NextToken)", listing("DescribeVolumes", next_token="2"))  # noqa: S106 - of a page
    site.proxy.fail(f"{VOLUMES}.*NextToken", status=400)
    for minutes in (5, 20):
        at = NEWEST + minutes * MINUTE
        site.sums(volume, at, **counts(minutes))
        reading = runs.read(minutes)
        assert did(reading)[-1] == row("i-1", at, minutes)
        assert "the volumes after the first 0" in str(reading.error)


def test_what_several_instances_did_on_one_volume_is_nobodys(site: Account, runs: Runs, volume: str) -> None:
    """Multi-Attach: two instances at once, since different times; before that there was one."""
    site.ec2.get_volume(volume).multi_attach_enabled = True
    for window in windows(ELEVEN_THIRTY, 5):
        site.sums(volume, window, **counts(1))
    runs.read()
    site.attach(volume, "i-2", ELEVEN_THIRTY + 2 * WINDOW)
    assert did(runs.read()) == [row("i-1", window, 1) for window in windows(ELEVEN_THIRTY, 2)]


def result(column: str, state: str, *sums: tuple[datetime, int]) -> dict[str, Any]:
    """Return a MetricDataResult for the first volume of a request."""
    return {
        "Id": f"{column}_0",
        "Label": "of a test",
        "StatusCode": state,
        "Timestamps": [at.timestamp() for at, _ in sums],
        "Values": [float(value) for _, value in sums],
    }


def whole(state: str, *numbers: tuple[datetime, int]) -> list[dict[str, Any]]:
    return [result(column, state, *((at, counts(number)[column]) for at, number in numbers)) for column in counts(1)]


@pytest.mark.parametrize("first_state", ["PartialData", "InternalError"])
def test_sums_come_in_pages_and_parts(site: Account, runs: Runs, volume: str, first_state: str) -> None:
    later = ELEVEN_THIRTY + WINDOW
    site.proxy.answer('"NextToken": "2"', metric_data(*whole("Complete", (later, 2))))
    site.proxy.answer(STATISTICS, metric_data(*whole(first_state, (ELEVEN_THIRTY, 1)), next_token="2"))  # noqa: S106
    reading = runs.read()
    assert did(reading) == [row("i-1", ELEVEN_THIRTY, 1), row("i-1", later, 2)]
    assert (reading.error, len(site.asked(STATISTICS))) == (None, 2)
    assert volume in site.asked(STATISTICS)[1]


@pytest.mark.parametrize("state", ["PartialData", "InternalError", "Forbidden"])
def test_sums_that_are_not_all_there_make_the_run_partial_and_are_read_again(
    site: Account, runs: Runs, volume: str, state: str
) -> None:
    later = ELEVEN_THIRTY + WINDOW
    answered = [*whole("Complete", (ELEVEN_THIRTY, 1), (later, 1))[:3], result("write_bytes", state, (later, 8192))]
    site.proxy.answer(STATISTICS, metric_data(*answered))
    reading = runs.read()
    assert did(reading) == [row("i-1", later, 1)]
    assert reading.error == f"one part could not be read, the statistics of {volume}: VolumeWriteBytes is {state}"
    site.proxy.answer(STATISTICS, metric_data())
    for _ in range(3):
        assert runs.read(HOUR_MINUTES).error is not None
    site.proxy.mend()
    site.sums(volume, ELEVEN_THIRTY - WINDOW, **counts(1))
    assert did(runs.read(5)) == [row("i-1", ELEVEN_THIRTY - WINDOW, 1)]


def test_a_metric_that_is_not_in_the_answer_is_missed(site: Account, runs: Runs, volume: str) -> None:
    site.proxy.answer(STATISTICS, metric_data(*whole("Complete", (ELEVEN_THIRTY, 1))[1:]))
    assert f"{volume}: VolumeReadOps is not in the answer" in str(runs.read().error)


@pytest.mark.parametrize(
    "sums", [(ELEVEN_THIRTY, -1), (ELEVEN_THIRTY + MINUTE, 1), (ELEVEN_THIRTY - HOUR_MINUTES * MINUTE, 1)]
)
def test_a_value_that_is_no_sum_of_a_window_is_not_counted(
    site: Account, runs: Runs, volume: str, sums: tuple[datetime, int]
) -> None:
    answered = [*whole("Complete", (ELEVEN_THIRTY, 1))[1:], result("read_ops", "Complete", sums)]
    site.proxy.answer(STATISTICS, metric_data(*answered))
    reading = runs.read()
    assert did(reading) == []
    assert f"the statistics of {volume}: VolumeReadOps has {float(sums[1])}" in str(reading.error)


def test_a_refused_request_costs_its_volumes_this_run_and_not_the_next(site: Account, runs: Runs) -> None:
    volumes = sorted(site.volume() for _ in range(130))
    for volume in volumes:
        site.attach(volume, f"i-{volume}", MORNING)
        site.sums(volume, NEWEST, **counts(1))
    denied = json.dumps({"__type": "AccessDenied", "Message": "not authorized to perform cloudwatch:GetMetricData"})
    site.proxy.answer(f'{STATISTICS}.*"{volumes[0]}"', denied.encode(), 403)
    reading = runs.read()
    assert {each["source_path"] for each in reading.tables["disk_io_stat"]} == set(volumes[125:])
    assert str(reading.error).startswith("125 parts could not be read; the first is the statistics of vol-")
    assert "not authorized to perform cloudwatch:GetMetricData" in str(reading.error)
    site.proxy.mend()
    again = runs.read(HOUR_MINUTES)
    assert {each["source_path"] for each in again.tables["disk_io_stat"]} == set(volumes)
    assert again.error is None


def test_requests_that_fail_one_after_another_are_not_followed_by_more(site: Account, runs: Runs) -> None:
    for number in range(4 * 125):
        site.attach(site.volume(), f"i-{number}", MORNING)
    site.proxy.answer(STATISTICS, b'{"__type": "InvalidParameterValue", "Message": "no"}', 400)
    reading = runs.read()
    assert len(site.asked(STATISTICS)) == 2
    assert str(reading.error).startswith("500 parts could not be read")
    assert len(reading.tables["provisioned_iops"]) == 500


@pytest.mark.parametrize("remembered", [{}, {"until_us": "?"}, {"attachments": 5}, None])
def test_a_memory_that_is_lost_or_strange_is_a_first_run(
    site: Account, runs: Runs, volume: str, remembered: dict[str, Any] | None
) -> None:
    site.sums(volume, ELEVEN_THIRTY, **counts(1))
    runs.remembered = remembered
    assert did(runs.read()) == [row("i-1", ELEVEN_THIRTY, 1)]


def test_what_is_remembered_is_json(site: Account, runs: Runs, volume: str) -> None:
    site.ec2.get_volume(volume).multi_attach_enabled = True
    runs.read()
    assert json.loads(json.dumps(runs.remembered)) == runs.remembered
    runs.remembered = json.loads(json.dumps(runs.remembered))
    site.sums(volume, NEWEST + WINDOW, **counts(1))
    assert did(runs.read(5)) == [row("i-1", NEWEST + WINDOW, 1)]
