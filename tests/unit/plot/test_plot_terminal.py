"""The picture of a disk in a terminal: as wide as it may be, and told apart without colours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from plotted import HISTORY, TEN, at, busy
from rich.cells import cell_len
from rich.console import Console

from reports.plot.disk import DiskHistory, Limit, Mark
from reports.plot.terminal import drawn


def picture(history: DiskHistory = HISTORY, width: int = 100, **options: bool) -> list[str]:
    return drawn(history, width, **{"is_coloured": False, **options}).plain.split("\n")


def bars(lines: list[str]) -> list[str]:
    return [line[10:] for line in lines if line[9:10] in {"│", "|"}]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
@pytest.mark.parametrize("history", [HISTORY, busy(5000, volume_name="数据库" * 60)], ids=["story", "busy"])
def test_no_line_is_wider_than_the_terminal(history: DiskHistory, width: int) -> None:
    assert max(cell_len(line) for line in picture(history, width)) <= width


def test_a_picture_is_this_one() -> None:
    assert "\n".join(picture(width=100)) + "\n" == Path(__file__).with_name("story.txt").read_text(encoding="utf-8")


def test_a_narrow_picture_names_the_limits_below_it() -> None:
    lines = picture(width=60)

    assert all(any(name in line for line in lines) for name in ("━ cap 200", "╌ minimum 80", "┄ burst 150"))
    assert not any("cap 200" in line for line in lines if line[9:10] == "│")


def test_without_unicode_everything_is_ascii() -> None:
    lines = picture(replace(HISTORY, volume_name="Größe"), 60, is_unicode=False)

    assert "\n".join(lines).isascii()
    assert lines[0] == "Gr??e - vda of web"
    assert any("kvm-a -> kvm-b" in line for line in lines)


def test_with_colours_bars_are_finer_and_say_the_same() -> None:
    plain, coloured = (bars(picture(is_coloured=flag)) for flag in (False, True))

    assert len(plain) == len(coloured)
    assert any(part in line for line in coloured for part in "▁▂▃▄▅▆▇")
    console = Console(force_terminal=True, no_color=True, width=100, color_system="truecolor", _environ={})
    with console.capture() as captured:
        console.print(drawn(HISTORY, 100, is_coloured=True))
    assert "\x1b[3" not in captured.get()


def test_a_peak_within_a_column_is_to_be_seen() -> None:
    lines = bars(picture(busy(5000), 60))

    # of an axis that ends at 1,500: the peak of 1,005 reaches the tenth of fourteen rows, the mean of 15 none
    assert [line.count("░") for line in lines] == [0] * 5 + [1] * 9
    assert lines[-1].strip("░▁") == ""
    assert "most within a column" in "".join(picture(busy(5000), 60))


def test_events_are_marked_and_told_and_those_of_one_column_are_one_star() -> None:
    marks = [Mark("reset", at(10), ""), Mark("reset", at(10.1), ""), Mark("migration", at(40), "a → b")]
    many = [*marks, *(Mark("reset", at(41 + n), "") for n in range(20))]

    row = next(line for line in picture(replace(HISTORY, marks=marks)) if line.startswith("   events"))
    lines = picture(replace(HISTORY, marks=many))

    assert row.split() == ["events", "*", "M"]
    assert "M 1 Nov 10:40 moved to another host: a → b" in lines
    assert "and 15 more events" in lines


def test_a_cap_on_writes_alone_is_told_but_not_drawn_among_the_reads() -> None:
    lines = picture(replace(HISTORY, limits=[Limit("write cap", "IOPS", TEN, HISTORY.end, 70)]))

    assert any("cap on writes is 70" in line for line in lines)
    assert not any("━" in line for line in lines)


def test_names_move_no_cursor() -> None:
    assert "\x1b" not in "\n".join(picture(replace(HISTORY, volume_name="\x1b[2J", disk_names=["\x1b]0;x\x07"])))
