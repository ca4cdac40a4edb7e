"""Pictures of disks as a browser draws them: no text lies over other text, or outside, and pages turn dark."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from plotted import END, HISTORY, MINUTE, TEN, at, busy

from reports.plot.disk import Limit, Mark, Stretch
from reports.plot.svg import svg

if TYPE_CHECKING:
    from pathlib import Path

MANY_LIMITS = [
    Limit("burst", "IOPS", TEN, END, 90_000),
    Limit("maximum", "IOPS", TEN, END, 101),
    Limit("minimum", "IOPS", TEN, at(40), 99),
    Limit("unenforced minimum", "IOPS", at(40), END, 98),
    *(Limit("cap", "IOPS", at(n * 8), at(n * 8 + 8), 100 + n % 3) for n in range(10)),
    Limit("read cap", "IOPS", TEN, END, 2),
    Limit("write cap", "IOPS", TEN, END, 1),
    Limit("cap", "bytes/s", TEN, END, 1_234_567_890),
]
CROWDED = replace(
    HISTORY,
    volume_name="Wide Words MMMM WWWW " * 20,
    limits=MANY_LIMITS,
    gaps=[Stretch(at(40), at(60)), Stretch(at(71), at(72))],
    marks=[Mark(kind, TEN + n * n * MINUTE / 9, "kvm-WWWWW → kvm-MMMMM") for n, kind in
           enumerate(("reset", "migration", "attachment") * 8)],
    other_disks=["vdb of mail"],
    sharing_disks=2,
)  # fmt: skip

PICTURES = [
    svg(HISTORY), svg(HISTORY, width=480, height=280), svg(CROWDED, height=480), svg(CROWDED, width=480, height=480),
    svg(busy(5000, limits=MANY_LIMITS)),
]  # fmt: skip

SCRIPT = """
const found = [...document.querySelectorAll("svg")].map(svg => {
  const whole = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")]
    .map(text => ({ text: text.textContent, box: text.getBoundingClientRect() }));
  const before = (end, start, slack) => end <= start + slack;
  const apart = (a, b) => before(a.right, b.left, 1) || before(b.right, a.left, 1)
    || before(a.bottom, b.top, 3) || before(b.bottom, a.top, 3);
  return {
    texts: texts.length,
    outside: texts.filter(({ box }) => box.left < whole.left || box.right > whole.right || box.bottom > whole.bottom)
      .map(({ text }) => text),
    overlaps: texts.flatMap((a, n) => texts.slice(n + 1).filter(b => !apart(a.box, b.box)).map(b => [a.text, b.text])),
    paper: getComputedStyle(svg.querySelector(".paper")).fill,
    ink: getComputedStyle(svg.querySelector("text")).fill,
  };
});
document.body.textContent = JSON.stringify(found);
"""


def measured(directory: Path, *, scheme: int) -> list[dict[str, Any]]:
    """Have Chromium lay the pictures out on one page; ``scheme`` is 0 where pages are to be dark."""
    page = directory / "page.html"
    page.write_text(
        f"<!doctype html><meta charset=utf-8>{''.join(PICTURES)}<script>{SCRIPT}</script>", encoding="utf-8"
    )
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={directory / 'profile'}",
         f"--blink-settings=preferredColorScheme={scheme}", "--window-size=1000,2400", "--dump-dom", page.as_uri()],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    body = re.search(r"<body>(.*)</body>", done.stdout, flags=re.DOTALL)
    assert body, done.stdout
    found: list[dict[str, Any]] = json.loads(body[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
    return found


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return measured(tmp_path_factory.mktemp("light"), scheme=1)


def test_no_text_lies_over_other_text(light: list[dict[str, Any]]) -> None:
    assert [each["overlaps"] for each in light] == [[]] * len(PICTURES)
    assert min(each["texts"] for each in light) > 10


def test_no_text_leaves_the_picture(light: list[dict[str, Any]]) -> None:
    assert [each["outside"] for each in light] == [[]] * len(PICTURES)


def test_where_pages_are_dark_the_picture_is(light: list[dict[str, Any]], tmp_path: Path) -> None:
    dark = measured(tmp_path, scheme=0)

    assert {(each["paper"], each["ink"]) for each in light} == {("rgb(255, 255, 255)", "rgb(27, 31, 36)")}
    assert {(each["paper"], each["ink"]) for each in dark} == {("rgb(20, 24, 29)", "rgb(230, 234, 238)")}
