"""The picture of a disk: well formed, whole, and safe whatever disks and volumes are called."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from defusedxml import ElementTree
from plotted import END, HISTORY, MINUTE, TEN, at, busy

from reports.plot.disk import Limit, Mark, Stretch
from reports.plot.svg import svg

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from reports.plot.disk import DiskHistory

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert('x')</script> & \"quoted\" ]]> \x1b[2J"


def drawn(history: DiskHistory, **size: int) -> Element:
    root: Element = ElementTree.fromstring(svg(history, **size))
    return root


def of_class(root: Element, name: str) -> list[Element]:
    return [each for each in root.iter() if name in each.get("class", "").split()]


def text_of(element: Element) -> str:
    return "".join(element.itertext())


def titles(root: Element, name: str) -> list[str]:
    return [text_of(title) for each in of_class(root, name) for title in each.iter(f"{SVG}title")]


def heights(root: Element, path: str) -> list[int]:
    """Return the values of the corners of a path of M, H and V, each once, in order, by the ticks of the axis."""
    ticks = {
        text_of(each): float(each.get("y", "0")) - 4
        for each in root.iter(f"{SVG}text")
        if each.get("text-anchor") == "end"
    }
    greatest = max((int(name.replace(",", "")), y) for name, y in ticks.items())
    pixels = (ticks["0"] - greatest[1]) / greatest[0]
    ys = [float(y) for y in re.findall(r"(?:M[\d.]+ |V)([\d.]+)", path)]
    return list(dict.fromkeys(round((ticks["0"] - y) / pixels) for y in ys))


@pytest.fixture(scope="module")
def root() -> Element:
    return drawn(HISTORY)


def test_a_picture_tells_what_it_shows_to_whoever_does_not_see_it(root: Element) -> None:
    named = [root.find(f".//*[@id='{each}']") for each in root.get("aria-labelledby", "").split()]

    assert root.get("role") == "img"
    title, description = (text_of(each) for each in named if each is not None)
    assert title == "data · vda of web"
    for told in ("1 November 2026, 10:00 to 11:20 UTC", "mean 46.2 IOPS", "at a cap for 10 min", "burst 150 IOPS",
                 "1 gap between readings", "1 Nov 11:10 moved to another host: kvm-a → kvm-b"):  # fmt: skip
        assert told in description


def test_every_stretch_and_mark_is_in_the_picture_once(root: Element) -> None:
    assert titles(root, "at-cap") == ["At a cap for 10 min, from 1 Nov 10:10"]
    assert titles(root, "gap") == ["No readings between for 20 min, from 1 Nov 10:40"]
    assert titles(root, "unobserved") == ["Not observed for 10 min, from 1 Nov 11:10"]
    assert titles(root, "event") == [
        "1 Nov 10:40: counters began again", "1 Nov 11:10: moved to another host, kvm-a → kvm-b"
    ]  # fmt: skip
    assert sorted(text_of(each) for each in of_class(root, "label")) == [
        "burst 150", "cap 100", "cap 200", "maximum 100", "minimum 50", "minimum 80"
    ]  # fmt: skip


def test_rates_are_drawn_as_steps_and_nothing_across_a_gap(root: Element) -> None:
    _, line = [each.get("d", "") for each in of_class(root, "line") if "total" in each.get("class", "")]

    assert heights(root, line) == [60, 100, 40, 11, 20]
    assert line.count("M") == 2


def test_limits_far_above_all_that_was_done_are_named_and_do_not_press_it_flat() -> None:
    far = replace(HISTORY, limits=[Limit("burst", "IOPS", TEN, END, 50_000), Limit("maximum", "IOPS", TEN, END, 120)])

    root = drawn(far)

    assert [text_of(each) for each in of_class(root, "label")] == ["↑ burst 50,000", "maximum 120"]
    assert not [each for each in of_class(root, "limit") if "burst" in each.get("class", "")]


def test_no_peak_is_lost_where_there_are_more_readings_than_pixels() -> None:
    root = drawn(busy(20_000))

    (band,) = [each.get("d", "") for each in of_class(root, "band") if "read" in each.get("class", "")]
    assert max(heights(root, band)) == pytest.approx(1000, abs=1)
    assert len(svg(busy(20_000))) < 100_000


def test_a_limit_on_bytes_gets_a_panel_of_its_own() -> None:
    capped = replace(HISTORY, limits=[Limit("cap", "bytes/s", TEN, END, 250_000)])

    root = drawn(capped)

    assert len(of_class(root, "panel")) == 2
    assert [text_of(each) for each in of_class(root, "label")] == ["cap 250 kB/s"]


@pytest.mark.parametrize("place", ["volume_id", "volume_name", "disk_names", "other_disks", "mark"])
def test_names_become_no_markup(place: str) -> None:
    change = {
        "mark": {"marks": [Mark("migration", at(20), HOSTILE)]},
        "disk_names": {"disk_names": [HOSTILE]},
        "other_disks": {"other_disks": [HOSTILE]},
        "volume_id": {"volume_id": HOSTILE, "volume_name": None},
        "volume_name": {"volume_name": HOSTILE},
    }[place]

    text = svg(replace(HISTORY, **change))

    root = ElementTree.fromstring(text)
    assert not list(root.iter(f"{SVG}script"))
    assert "alert('x')" in text_of(root)
    assert "\\x1b" in text_of(root)


def test_several_pictures_on_a_page_have_no_id_in_common() -> None:
    pictures = [drawn(HISTORY), drawn(replace(HISTORY, volume_id="vol-2"))]

    ids = [{each.get("id") for each in root.iter() if each.get("id")} for root in pictures]

    assert len(ids[0]) == 4
    assert not ids[0] & ids[1]


def test_equal_histories_give_equal_pictures() -> None:
    assert svg(HISTORY) == svg(replace(HISTORY))


def test_ticks_are_round_times_of_the_billing_zone_also_where_the_clock_changes() -> None:
    start = at(0).replace(month=10, day=24, hour=22)  # midnight in Berlin, a day before the clock goes back
    zone = ZoneInfo("Europe/Berlin")
    night = replace(HISTORY, start=start, end=start + timedelta(hours=49), zone=zone, steps=[], marks=[], gaps=[])

    texts = [text_of(each) for each in drawn(night).iter(f"{SVG}text") if each.get("text-anchor") == "middle"]

    assert texts == ["25 Oct", "06:00", "12:00", "18:00", "26 Oct", "06:00", "12:00", "18:00", "27 Oct"]


def test_an_hour_that_no_clock_shows_has_no_tick() -> None:
    start = at(0).replace(month=3, day=28, hour=23)  # midnight in Berlin, of the day on which the clock goes forward
    zone = ZoneInfo("Europe/Berlin")
    night = replace(HISTORY, start=start, end=start + timedelta(hours=6), zone=zone, steps=[], marks=[], gaps=[])

    texts = [text_of(each) for each in drawn(night).iter(f"{SVG}text") if each.get("text-anchor") == "middle"]

    assert texts == ["29 Mar", "01:00", "03:00", "04:00", "05:00", "06:00", "07:00"]


def test_hundreds_of_marks_are_all_there() -> None:
    marks = [Mark("reset", TEN + n * MINUTE / 10, "") for n in range(500)]

    assert len(of_class(drawn(replace(HISTORY, marks=marks)), "event")) == 500


def test_nothing_is_drawn_of_what_nobody_observed() -> None:
    empty = replace(HISTORY, steps=[], gaps=[], at_cap=[], marks=[], unobserved=[Stretch(TEN, END)], disk_names=[])

    root = drawn(empty)

    assert not of_class(root, "line")
    assert "No disk was read that had this volume" in text_of(root)
