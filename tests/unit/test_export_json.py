"""CloudEvents and CloudStack's usage records: what their readers expect, with every digit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import charge_rows
import exported
import pytest

from ioledger.model.columns import COLUMNS
from ioledger.model.tables import CHARGE, OPERATION_CLASSES, USAGE_RECORD

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.records import Row
    from ioledger.model.tables import Table

GIB = 2**30


def events(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    return [json.loads(line) for line in lines]


def parsed(name: str, value: object) -> object:
    kind = str(COLUMNS[name].type)
    if isinstance(value, str) and kind.startswith("decimal"):
        return Decimal(value)
    if isinstance(value, str) and kind.startswith("timestamp"):
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return value


@pytest.mark.parametrize("table", [USAGE_RECORD, CHARGE], ids=["usage", "charges"])
def test_the_data_of_events_are_the_rows(tmp_path: Path, table: Table) -> None:
    charges = [charge_rows.charge(account_id=name, account_name=name) for name in exported.NAMES]
    lake = exported.lake_with(tmp_path, exported.month_of_usage(), [*charges, *charge_rows.plausible()])
    found = events(exported.export(lake, table, "cloudevents", tmp_path / "events"))

    data = [{name: parsed(name, value) for name, value in event["data"].items()} for event in found]
    assert data == exported.rows(lake, table)
    numbers = [value for event in found for value in event["data"].values() if not isinstance(value, str | None)]
    assert {type(value) for value in numbers} <= {int, bool}


def test_an_event_has_the_attributes_that_cloudevents_asks_for(tmp_path: Path) -> None:
    usage = [exported.usage_row(0), exported.usage_row(1, account_id=None), exported.usage_row(2, account_id="")]
    lake = exported.lake_with(tmp_path, usage, [charge_rows.charge()])
    of_usage = events(exported.export(lake, USAGE_RECORD, "cloudevents", tmp_path / "usage"))
    (of_charge,) = events(exported.export(lake, CHARGE, "cloudevents", tmp_path / "charges"))

    data = of_usage[0].pop("data")
    assert of_usage[0] == {
        "specversion": "1.0", "id": data["usage_record_id"], "source": "ioledger", "type": "ioledger.usage_record",
        "subject": "acme", "time": "2026-10-01T00:00:00Z", "datacontenttype": "application/json",
    }  # fmt: skip
    assert [event.get("subject", "none") for event in of_usage] == ["acme", "none", "none"]
    assert (of_charge["id"], of_charge["type"]) == (of_charge["data"]["charge_id"], "ioledger.charge")
    assert (of_charge["subject"], of_charge["time"]) == ("acme", "2026-10-01T00:00:00Z")


def test_a_time_keeps_its_microseconds(tmp_path: Path) -> None:
    at = datetime(2026, 10, 1, 0, 0, 0, 1, tzinfo=UTC)
    lake = exported.lake_with(tmp_path, [exported.usage_row(0, window_start=at)])
    (event,) = events(exported.export(lake, USAGE_RECORD, "cloudevents", tmp_path / "usage"))

    assert event["time"] == "2026-10-01T00:00:00.000001Z"


def cloudstack(directory: Path, *rows: Row) -> list[dict[str, Any]]:
    lake = exported.lake_with(directory, rows)
    path = exported.export(lake, USAGE_RECORD, "cloudstack", directory / "usage.json")
    response = json.loads(path.read_text(encoding="utf-8"))["listusagerecordsresponse"]
    assert response["count"] == len(response["usagerecord"])
    return list(response["usagerecord"])


def test_what_a_disk_did_is_four_records_of_cloudstack(tmp_path: Path) -> None:
    row = exported.usage_row(5, zone_id="zone-1", project_id="web", read_bytes=2**63 - 1)
    found = cloudstack(tmp_path, row)

    shared = {
        "type": "VirtualMachine", "accountid": "acme", "projectid": "web", "zoneid": "zone-1",
        "virtualmachineid": "vm-1", "usageid": "vol-1", "startdate": "2026-10-01T05:00:00+0000",
        "enddate": "2026-10-01T05:59:59+0000", "usagerecordid": row["usage_record_id"], "qosclass": "guaranteed",
    }  # fmt: skip
    split = {
        f"{name}operations": str(row[column])
        for name, column in zip(
            ("guaranteed", "burst", "throttled", "besteffort", "unclassified"), OPERATION_CLASSES, strict=True
        )
    }
    assert [{name: record[name] for name in shared} for record in found] == [shared] * 4
    assert [{name: record[name] for name in record if name not in shared} for record in found] == [
        {"usagetype": 21, "description": "Disk I/O read requests", "usage": f"{row['read_ops']} io read",
         "rawusage": str(row["read_ops"]), **split},
        {"usagetype": 22, "description": "Disk I/O write requests", "usage": f"{row['write_ops']} io write",
         "rawusage": str(row["write_ops"])},
        {"usagetype": 23, "description": "Disk I/O read bytes", "usage": "9223372036854775807 bytes read",
         "rawusage": "9223372036854775807"},
        {"usagetype": 24, "description": "Disk I/O write bytes", "usage": f"{row['write_bytes']} bytes write",
         "rawusage": str(row["write_bytes"])},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "gib_seconds", "hours", "size_bytes"),
    [
        (60, Decimal(3600 * 100), "1", 100 * GIB),
        (60, Decimal(1800 * 100), "1", 50 * GIB),
        (30, Decimal(1800 * 100), "0.5", 100 * GIB),
        (20, Decimal(1200), "0.333333", GIB),
        (60, Decimal("0.000001"), "1", 0),
    ],
)
def test_what_a_volume_held_is_its_bytes_on_average_over_the_hour(
    tmp_path: Path, minutes: int, gib_seconds: Decimal, hours: str, size_bytes: int
) -> None:
    opens = datetime(2026, 10, 1, tzinfo=UTC)
    row = exported.usage_row(
        0, kind="allocation", device=None, offering_id="gold", gib_seconds=gib_seconds,
        window_end=opens + timedelta(minutes=minutes),
    )  # fmt: skip
    (record,) = cloudstack(tmp_path, row)

    assert (record["usagetype"], record["usage"], record["rawusage"]) == (6, f"{hours} Hrs", hours)
    assert (record["size"], record["offeringid"], record["usageid"]) == (size_bytes, "gold", "vol-1")
    assert Decimal(record["gibseconds"]) == gib_seconds


def test_names_that_trouble_formats_reach_cloudstack_as_they_are(tmp_path: Path) -> None:
    rows = [exported.usage_row(n, kind="allocation", account_id=name) for n, name in enumerate(exported.NAMES)]

    assert [record["accountid"] for record in cloudstack(tmp_path, *rows)] == list(exported.NAMES)


def test_what_is_not_known_is_left_out_as_cloudstack_does(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("account_id", "project_id", "zone_id", "vm_id", "volume_id", "offering_id"))
    records = cloudstack(
        tmp_path, exported.usage_row(0, **nothing), exported.usage_row(1, kind="allocation", **nothing)
    )

    assert {name for record in records for name in record if record[name] is None} == set()
    assert not {"accountid", "usageid", "virtualmachineid", "offeringid"} & {name for each in records for name in each}
