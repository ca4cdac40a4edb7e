"""How far a source of type ebs has read, and whose the operations of a window are."""

from __future__ import annotations

import pytest

from collectors.storage.ebs_attachments import Attachment, forgotten, history, holder
from collectors.storage.ebs_progress import (
    LEAST_OVERLAP_US,
    LEAST_WINDOWS,
    MOST_LOOK_BACK_US,
    MOST_OVERLAP_US,
    MOST_ROWS,
    PERIOD_US,
    Progress,
    end_us,
    newest_us,
    next_progress,
)

NOON = 1_000_000 * PERIOD_US
HOUR = 12 * PERIOD_US


def test_a_first_run_reads_half_an_hour() -> None:
    assert Progress().start_us("v", NOON) == NOON - LEAST_OVERLAP_US


@pytest.mark.parametrize(
    ("new_us", "overlap_us"),
    [(PERIOD_US, LEAST_OVERLAP_US), (HOUR, HOUR), (5 * HOUR, MOST_OVERLAP_US)],
)
def test_a_run_reads_again_what_was_new_to_the_last_one_within_bounds(new_us: int, overlap_us: int) -> None:
    assert Progress(NOON, new_us).start_us("v", NOON + PERIOD_US) == NOON - overlap_us


def test_a_volume_that_is_behind_is_read_from_there_but_not_from_before_aws_forgets() -> None:
    last = Progress(NOON, PERIOD_US, {"v": NOON - 9 * HOUR, "old": NOON - 2 * MOST_LOOK_BACK_US})
    assert last.start_us("v", NOON) == NOON - 9 * HOUR
    assert last.start_us("old", NOON) == NOON - MOST_LOOK_BACK_US


def test_a_run_has_a_bounded_number_of_rows() -> None:
    long_ago = NOON - MOST_LOOK_BACK_US
    assert end_us(long_ago, NOON, 10_000) == long_ago + MOST_ROWS // 10_000 * PERIOD_US
    assert end_us(long_ago, NOON, 1_000_000) == long_ago + LEAST_WINDOWS * PERIOD_US
    assert end_us(long_ago, NOON, 1) == NOON
    assert end_us(NOON - HOUR, NOON, 10_000) == NOON


def test_windows_are_whole_and_two_minutes_old() -> None:
    assert newest_us(NOON + 120_000_000) == NOON
    assert newest_us(NOON + 119_999_999) == NOON - PERIOD_US


def test_what_could_not_be_read_is_behind_and_the_others_go_on() -> None:
    ends = {"whole": NOON, "lost": NOON}
    starts = {"whole": NOON - HOUR, "lost": NOON - HOUR}
    progress = next_progress(Progress(NOON - PERIOD_US, PERIOD_US), ends, starts, NOON, {"lost"})
    assert (progress.until_us, progress.new_us, progress.behind) == (NOON, PERIOD_US, {"lost": NOON - HOUR})


def test_a_volume_that_catches_up_stays_behind_until_it_has() -> None:
    last = Progress(NOON, PERIOD_US, {"v": NOON - 99 * HOUR, "nearly": NOON - HOUR})
    ends = {"v": NOON - 90 * HOUR, "nearly": NOON + PERIOD_US, "ahead": NOON + PERIOD_US}
    progress = next_progress(last, ends, ends, NOON + PERIOD_US, set())
    assert progress.until_us == NOON + PERIOD_US
    assert progress.behind == {"v": NOON - 90 * HOUR - LEAST_OVERLAP_US}


def test_a_clock_that_was_put_back_reads_nothing_anew() -> None:
    assert next_progress(Progress(NOON), {}, {}, NOON - HOUR, set()).until_us == NOON


FIRST = Attachment("i-1", "/dev/sdf", NOON - HOUR)
SECOND = Attachment("i-2", "/dev/sdf", NOON)


def test_an_attachment_that_is_no_longer_listed_is_gone_from_then_on() -> None:
    told = history({"v": [SECOND]}, {"v": [FIRST]}, NOON + 1, is_complete=True)
    gone = Attachment("i-1", "/dev/sdf", NOON - HOUR, NOON + 1)
    assert told == {"v": [SECOND, gone]}
    assert history({"v": [SECOND]}, told, NOON + 2, is_complete=True) == told
    assert history({}, {"v": [FIRST]}, NOON, is_complete=True)["v"][0].gone_us == NOON


def test_of_volumes_on_lost_pages_nothing_is_known_and_of_the_others_all() -> None:
    remembered = {"lost": [FIRST], "read": [FIRST]}
    told = history({"read": []}, remembered, NOON, is_complete=False)
    assert [told[volume][0].gone_us for volume in ("lost", "read")] == [None, NOON]


def test_a_window_is_the_one_instances_that_had_the_volume_in_it() -> None:
    gone = Attachment("i-1", "/dev/sdf", NOON - HOUR, NOON + PERIOD_US)
    for is_shared in (False, True):
        assert holder([gone, SECOND], NOON - PERIOD_US, NOON, is_shared=is_shared) == gone
        assert holder([gone, SECOND], NOON + PERIOD_US, NOON + 2 * PERIOD_US, is_shared=is_shared) == SECOND
        assert holder([gone], NOON + PERIOD_US, NOON + 2 * PERIOD_US, is_shared=is_shared) is None
        assert holder([FIRST], NOON - 2 * HOUR, NOON - HOUR, is_shared=is_shared) is None


def test_a_window_of_several_is_the_last_ones_or_nobodys_where_they_had_it_at_once() -> None:
    gone = Attachment("i-1", "/dev/sdf", NOON - HOUR, NOON + PERIOD_US)
    assert holder([gone, SECOND], NOON, NOON + PERIOD_US, is_shared=False) == SECOND
    assert holder([SECOND, gone], NOON, NOON + PERIOD_US, is_shared=False) == SECOND
    assert holder([gone, SECOND], NOON, NOON + PERIOD_US, is_shared=True) is None
    again = Attachment("i-1", "/dev/sdf", NOON)
    assert holder([gone, again], NOON, NOON + PERIOD_US, is_shared=True) == again


def test_only_attachments_that_ended_before_all_that_is_read_are_forgotten() -> None:
    gone = Attachment("i-1", "/dev/sdf", NOON - HOUR, NOON)
    assert forgotten({"v": [gone], "w": [FIRST]}, NOON) == {"w": [FIRST]}
    assert forgotten({"v": [gone]}, NOON - 1) == {"v": [gone]}
