"""Files of another system: what is read from them, and what is told of those that cannot be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ioledger.errors import ConfigurationError, DataError
from reports.reconcile import dump

CLOUDSTACK = Path(__file__).with_name("cloudstack_usage") / "two_pages.json"
BERLIN = ZoneInfo("Europe/Berlin")
DAY = datetime(2026, 10, 4, 22, tzinfo=UTC)
ROOT, DATA = "d1c0a9b8-7e6f-4d5c-8b4a-39281706f5e4", "0e1d2c3b-4a59-4687-9786-a5b4c3d2e1f0"
RECORD = {
    "usagetype": 21,
    "usageid": "v",
    "rawusage": "5",
    "startdate": "2026-10-05T00:00:00+0000",
    "enddate": "2026-10-05T23:59:59+0000",
}


def read(directory: Path, content: str) -> list[tuple[str | None, datetime, str, int]]:
    path = directory / "file"
    path.write_text(content, encoding="utf-8")
    return [(each.volume_id, each.starts, each.unit, each.amount) for each in dump.read(path, BERLIN)]


def test_pages_of_cloudstack_give_operations_and_bytes_of_volumes_alone() -> None:
    hour = DAY + timedelta(hours=21)
    assert [(each.volume_id, each.starts, each.unit, each.amount) for each in dump.read(CLOUDSTACK, BERLIN)] == [
        (ROOT, DAY, "operations", 1_234_567),
        (ROOT, DAY, "operations", 77_160),  # of the type of bytes, as older releases have it
        (DATA, hour, "operations", 42),
        (None, hour, "bytes", 9_007_199_254_740_993),
    ]


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda record: record,
        lambda record: [record],
        lambda record: {"count": 1, "usagerecord": [record]},
        lambda record: {"listusagerecordsresponse": {"count": 1, "usagerecord": [record]}},
        lambda record: [{"listusagerecordsresponse": {"usagerecord": [record]}}, {"listusagerecordsresponse": {}}],
    ],
)
def test_the_answer_may_be_wrapped_in_any_way_it_comes(wrapped: object, tmp_path: Path) -> None:
    assert callable(wrapped)
    content = "\ufeff\n" + json.dumps(wrapped(RECORD))
    assert read(tmp_path, content) == [("v", datetime(2026, 10, 5, tzinfo=UTC), "operations", 5)]


def test_csv_takes_the_columns_it_knows_and_leaves_the_others(tmp_path: Path) -> None:
    content = (
        "Comment,day,volume_id,read_ops,write_ops,read_bytes,operations\r\n"
        '"a, ""b""\nc",2026-10-05,v,1,2,,\r\n'
        "x,2026-10-05,,1,2,4096,9\r\n"
    )
    noon = DAY + timedelta(hours=12)
    assert read(tmp_path, content) == [
        ("v", noon, "operations", 3),
        (None, noon, "operations", 9),
        (None, noon, "bytes", 4096),
    ]


def test_times_without_an_offset_are_in_the_billing_time_zone(tmp_path: Path) -> None:
    assert read(tmp_path, "start,volume_id,operations\n2026-10-05,v,1\n") == [("v", DAY, "operations", 1)]
    assert read(tmp_path, "start,volume_id,operations\n2026-10-05T00:00Z,v,1\n")[0][1] == DAY + timedelta(hours=2)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "needs volume_id, day or start, and one or more of operations, read_ops"),
        ("volume_id,day\nv,2026-10-05\n", "needs volume_id, day or start"),
        ("volume_id,read_ops\nv,1\n", "needs volume_id, day or start"),
        ("day,read_ops\n2026-10-05,1\n", "needs volume_id, day or start"),
        ("day,volume_id,operations\nyesterday,v,1\n", "line 2: day is 'yesterday'; write it as 2026-10-05"),
        ("day,volume_id,operations\n2026-10-05,v,1.5\n", "line 2, operations is '1.5'; valid are whole numbers"),
        ("day,volume_id,operations\n2026-10-05,v,NaN\n", "valid are whole numbers"),
        ("day,volume_id,operations\n2026-10-05,v,9223372036854775808\n", "valid are whole numbers between -2^63"),
        ("start,end,volume_id,operations\n2026-10-05,2026-10-07,v,1\n", "valid are records of a day at most"),
        ("start,end,volume_id,operations\n2026-10-05,2026-10-04,v,1\n", "valid are records of a day at most"),
        ('day,volume_id,operations\n2026-10-05,"v,1\n', "it has to be CSV as RFC 4180 has it"),
        ('{"usagerecord": [', "line 1: Expecting value; it has to be JSON to its end"),
        ('{"usagerecord": [7]}', "no answer of CloudStack's listUsageRecords"),
        ('{"errorcode": 401}', "no answer of CloudStack's listUsageRecords"),
        (json.dumps({**RECORD, "usagetype": None}), "usage record 1: usagetype is None"),
        (json.dumps({**RECORD, "rawusage": "5.25"}), "usage record 1, rawusage is '5.25'"),
        (json.dumps({**RECORD, "startdate": "soon"}), "usage record 1, startdate is 'soon'; write it as"),
        (json.dumps({**RECORD, "startdate": "yesterday"}), "usage record 1, startdate is 'yesterday'; write it as"),
        (json.dumps({**RECORD, "startdate": "-2h"}), "usage record 1, startdate is '-2h'; write it as"),
        (json.dumps({**RECORD, "startdate": None}), "usage record 1, startdate is None"),
        (json.dumps({**RECORD, "enddate": "2026-10-12T00:00:00+0000"}), "valid are records of a day at most"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(content: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        read(tmp_path, content)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="none cannot be read: No such file or directory"):
        dump.read(tmp_path / "none", BERLIN)
