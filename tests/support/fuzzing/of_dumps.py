"""What another system counted, which `reconcile` compares with."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from fuzzing.mutation import CSV, JSON
from fuzzing.scratch import written
from fuzzing.target import Target, require

from reports.reconcile.dump import read

_BERLIN: Final = ZoneInfo("Europe/Berlin")


def read_usage(data: bytes) -> None:
    taken = read(written("usage.json", data), _BERLIN)
    text = data.decode("utf-8-sig")
    if not text.lstrip().startswith(("{", "[")):
        return
    said = sorted(
        int(Decimal(str(each["rawusage"]))) for each in _records(_decoded(text)) if each["usagetype"] in _KINDS
    )
    require(same=sorted(each.amount for each in taken), as_=said, what="the amounts")


_KINDS: Final = (21, 22, 23, 24)


def _decoded(text: str) -> list[Any]:
    decoder, found, place = json.JSONDecoder(parse_float=Decimal), [], 0
    while (rest := text[place:].lstrip(" \t\n\r,\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0")) and rest.strip():
        place = len(text) - len(rest)
        each, place = decoder.raw_decode(text, place)
        found.append(each)
    return found


def _records(told: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(told, list):
        return [record for each in told for record in _records(each)]
    if "usagetype" in told:
        return [told]
    return _records(told.get("listusagerecordsresponse", told.get("usagerecord", [])))


def read_csv(data: bytes) -> None:
    taken = read(written("usage.csv", data), _BERLIN)
    text = data.decode("utf-8-sig")
    if text.lstrip().startswith(("{", "[")):
        return
    said = []
    for row in csv.DictReader(io.StringIO(text, newline="")):
        whole = row.get("operations")
        operations = [whole] if whole else [row.get("read_ops"), row.get("write_ops")]
        both = (operations, [row.get("read_bytes"), row.get("write_bytes")])
        said += [sum(int(Decimal(each)) for each in names if each) for names in both if any(names)]
    require(same=sorted(each.amount for each in taken), as_=sorted(said), what="the amounts")


TARGETS: Final = (
    Target("usage-json", read_usage, JSON, ("reports.reconcile.dump",), 25),
    Target("usage-csv", read_csv, CSV, ("reports.reconcile.dump",), 40),
)
