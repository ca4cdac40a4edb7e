"""Answers to ``/rrd_updates`` as they are read."""

from __future__ import annotations

import io
from typing import Any, cast

from collectors.hypervisors.xenserver_rrd import Disk, read_statistics

VM = "ecd8d7a0-1be3-4d91-bd0e-4888c0e30ab3"
NAMES = ("cpu0", "vbd_xvda_read_latency", "vbd_xvda_iops_read", "vbd_xvda_iops_total", "vif_0_rx", "vbd_hda_write")


def answer(consolidations: tuple[str, ...], values: dict[int, list[float]]) -> Any:  # noqa: ANN401 - what has read()
    """Write an answer whose columns are all names for the first consolidation, then for the next one."""
    legend = "".join(f"<entry>{how}:vm:{VM}:{name}</entry>" for how in consolidations for name in NAMES)
    host = "<entry>AVERAGE:host:x:vbd_xvda_iops_read</entry><entry>AVERAGE:sr:x:iops</entry><entry/>"
    rows = "".join(
        f"<row><t>{end}</t>{''.join(f'<v>{value}</v>' for value in told)}<v>7</v><v>7</v><v>7</v></row>"
        for end, told in values.items()
    )
    meta = f"<meta><start>0</start><step>5</step><end>{max(values)}</end><legend>{legend}{host}</legend></meta>"
    return cast("Any", io.BytesIO(f"<xport>{meta}<data>{rows}</data></xport>".encode()))


def test_averages_of_disks_are_read_and_nothing_else() -> None:
    told = read_statistics(answer(("AVERAGE", "MAX"), {120: [1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60]}), 0, 120)
    assert told.vms == {VM}
    assert told.counted == {Disk(VM, "xvda"): {"read_ops"}, Disk(VM, "hda"): {"write_bytes"}}
    assert told.amounts(Disk(VM, "xvda"), 120) == {
        "read_ops": 15, "write_ops": None, "read_bytes": None, "write_bytes": None,
    }  # fmt: skip


def test_minutes_that_are_not_wanted_or_not_over_are_none() -> None:
    values: list[float] = [0, 0, 1, 0, 0, 0]
    told = read_statistics(answer(("AVERAGE",), dict.fromkeys(range(185, 0, -5), values)), 60, 120)
    assert told.whole_until == 180
    assert [told.amounts(Disk(VM, "xvda"), end) is not None for end in (60, 120, 180, 240)] == [
        False, True, False, False,
    ]  # fmt: skip
