"""The table of `ioledger volumes`: every side with its time, and nothing cut in a terminal of usual width."""

from __future__ import annotations

import csv
import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from policy_lake import ioledger
from side_lakes import MINUTE, NOON, a_disk, enforced, is_set, shown, sold, stored

Capture = pytest.CaptureFixture[str]

VOLUME = "5b1e0d3c-7f0a-4d55-9a53-0c8f7a2f6f10"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return stored(
        tmp_path,
        sold(
            {
                "volume_id": VOLUME, "volume_name": "root-web", "vm_id": "vm-1", "sold_min_iops": 2000,
                "sold_max_iops": 4000, "sold_cap_total_iops": 4000,
            },
            {"volume_id": "vol-only-sold"},
        ),
        is_set({"volume_id": VOLUME, "min_iops": 500, "max_iops": 4000, "min_enforced": False, "max_bps": 10**8}),
        enforced(a_disk(VOLUME, vm_name="web", cap_total_iops=3000, cap_io_size=4096)),
    )  # fmt: skip


def in_terminal(lake: Path, width: int, *arguments: str) -> str:
    """Run the command in a process whose stdout is a terminal of this width."""
    support = Path(__file__).parents[1] / "support"
    script = (
        f"import sys; sys.path.insert(0, {str(support)!r})\n"
        "from pathlib import Path\nfrom policy_lake import ioledger\nfrom side_lakes import NOON\n"
        f"sys.exit(ioledger(Path({str(lake)!r}), 'volumes', *{arguments!r}, now=NOON))"
    )
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(width), "NO_COLOR": "1", "TERM": "xterm"}
    # nobody reads before its end: the little that is shown fits into a terminal's buffer
    subprocess.run(
        [sys.executable, "-c", script], stdout=follower, stderr=subprocess.DEVNULL, env=environment, check=True
    )
    os.set_blocking(leader, False)
    text = os.read(leader, 65536).decode()
    os.close(follower)
    os.close(leader)
    return re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r", "")


def test_each_side_is_told_with_its_time(lake: Path, capsys: Capture) -> None:
    ioledger(lake, "volumes", now=NOON)

    heading, _, only_sold_or_all, other = capsys.readouterr().out.splitlines()
    assert heading.split() == ["volume", "sold", "set", "enforced", "deliverable", "differs"]
    assert [cell.strip() for cell in re.split(r" {2,}", only_sold_or_all.strip())] == [
        f"{VOLUME} (root-web), web/vda",
        "minimum 2000, maximum 4000, 4000 IOPS in total; cloud 2026-11-05 11:58 UTC",
        "minimum 500, maximum 4000, 100000000 bytes/s, not enforced; array 2026-11-05 11:57 UTC",
        "3000 IOPS in total, counted by 4096 bytes; kvm-01 2026-11-05 11:59 UTC",
        "0",
        "QOS103: 3000 for 4000; QOS201: 0 for 2000; QOS204: 3000 IOPS in total for 4000 IOPS in total",
    ]
    assert "no limits; cloud 2026-11-05 11:58 UTC" in other
    assert other.count("nobody tells") == 2


def test_a_table_fits_into_a_hundred_columns(lake: Path) -> None:
    text = in_terminal(lake, 100)

    lines = text.splitlines()
    assert lines[0].split() == ["volume", "sold", "set", "enforced", "deliverable", "differs"]
    assert max(map(len, lines)) <= 100
    assert "…" not in text
    assert {"QOS201:", "2000,", "11:59"} <= set(text.split())


def test_a_narrow_terminal_gets_blocks_of_lines(lake: Path) -> None:
    text = in_terminal(lake, 60, "--drift")

    lines = text.splitlines()
    assert max(map(len, lines)) <= 60
    assert [line.split()[0] for line in lines if re.match(r"[a-z]", line)] == [
        "volume", "sold", "set", "enforced", "deliverable", "differs",
    ]  # fmt: skip
    assert "only-sold" not in text


def test_sides_without_news_are_told(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(
        tmp_path,
        sold({"volume_id": "vol-a"}, at=NOON - 3000 * MINUTE),
        is_set({"volume_id": "vol-a"}, at=NOON - 90 * MINUTE),
        is_set(at=NOON - 30 * MINUTE),
        enforced(a_disk("vol-a", state="error")),
    )

    ioledger(lake, "volumes", now=NOON)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "vol-a" in line]
    assert "too old; cloud 2026-11-03 10:00 UTC" in line
    assert "no longer listed; array 2026-11-05 10:30 UTC" in line
    assert "could not be read; kvm-01 2026-11-05 11:59 UTC" in line


def test_csv_and_json_hold_the_same(lake: Path, capsys: Capture) -> None:
    rows = shown(lake, capsys)
    assert ioledger(lake, "volumes", "--format", "csv", now=NOON) == 0

    told = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    as_text = [
        {name: str(value).replace("True", "true").replace("False", "false") for name, value in row.items()}
        for row in rows
    ]
    assert [{name: value for name, value in row.items() if value} for row in told] == as_text


def test_the_page_names_every_column(lake: Path, capsys: Capture) -> None:
    page = (Path(__file__).parents[2] / "docs" / "volumes.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`.*?) \|", page.partition("\n## Columns\n")[2], re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`(\w+)", cell)]

    ioledger(lake, "volumes", "--format", "csv", now=NOON)
    columns = capsys.readouterr().out.splitlines()[0].split(",")
    assert [name for name in columns if name not in named and not re.match("(sold_)?cap_", name)] == []
    assert [name for name in named if name not in (*columns, "sold_cap_", "cap_")] == []
