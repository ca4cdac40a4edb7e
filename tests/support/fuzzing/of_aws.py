"""Answers of AWS: XML of EC2 and what CloudWatch counted, as its own client reads them."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from botocore.awsrequest import AWSResponse
from fuzzing.mutation import XML, Shape
from fuzzing.rows import AT, require_reading
from fuzzing.target import Target, WrongError
from fuzzing.wire import SECRET, Clock, parts, unhurried

from collectors.source import Occasion
from collectors.storage.ebs import EbsSource
from collectors.storage.ebs_attachments import Attachment
from collectors.storage.ebs_client import Aws
from collectors.storage.ebs_progress import Progress
from ioledger.clock import to_us
from ioledger.config import validated

if TYPE_CHECKING:
    from collections.abc import Iterator

_answers: dict[str, bytes] = {}

_ATTACHED_US: Final = to_us(datetime(2026, 10, 1, 8, tzinfo=UTC))


class _Raw(io.BytesIO):
    def stream(self, *_arguments: object, **_options: object) -> Iterator[bytes]:
        yield self.read()


@cache
def _source() -> tuple[EbsSource, Aws]:
    keys = {
        "region": "eu-central-1", "access_key_id": {"env": SECRET}, "secret_access_key": {"env": SECRET},
        "run_seconds": 10, "endpoint_url": "http://aws",
        "volume_id": [{"from": "name", "pattern": "as-(.+)", "volume_id": "vol-{1}"}],
    }  # fmt: skip
    settings = validated(EbsSource.Settings, keys, "sources.ebs")
    source, aws = EbsSource(settings), Aws(settings)
    for client in (aws.ec2, aws.cloudwatch):
        client.meta.events.register("before-send.*.*", _answered)
    return source, aws


def _answered(request: Any, **_options: object) -> AWSResponse:  # noqa: ANN401 - botocore's
    body = request.body or b""
    name = parse_qs(body.decode() if isinstance(body, bytes) else body).get("Action", ["GetMetricData"])[0]
    content = _answers.get(name, _answers.get("", b""))
    status = 400 if b"<Response><Errors>" in content else 200
    return AWSResponse(request.url, status, {"Content-Type": "text/xml"}, _Raw(content))


def read_ebs(data: bytes) -> None:
    _answers.clear()
    _answers.update(parts(data) or {"": data})
    before = to_us(AT) - 1_800_000_000
    known = {"vol-001": [Attachment("i-01", "/dev/sda1", _ATTACHED_US), Attachment("i-09", "/dev/sdb", 0, before)]}
    remembered = Progress(
        until_us=before, attachments=known | {"vol-099": [Attachment("i-9", "/dev/x", 0)]}
    ).to_remember()
    with unhurried():
        source, aws = _source()
        source._aws = aws  # noqa: SLF001 - which it keeps between runs
        source.close = lambda: None  # type: ignore[method-assign]  # connections that are none
        reading = source.read(Occasion(Clock(), remembered))
    run = require_reading(reading, "storage")
    for row in run.tables["disk_io_stat"]:
        for column in ("read_ops", "write_ops", "read_bytes", "write_bytes"):
            if row.get(column) and not _says(row[column]):
                raise WrongError(f"{column} is {row[column]}, which no answer says")
    for row in run.tables["provisioned_iops"]:
        if row["min_iops"] and not _says(row["min_iops"]):
            raise WrongError(f"min_iops is {row['min_iops']}, which no answer says")


def _says(amount: object) -> bool:
    """Tell whether an amount is in an answer, digit by digit, or is a number there that is none in digits alone."""
    told = b"".join(_answers.values())
    return str(amount).encode() in told or any(letter in told for letter in (b"E", b"e+", b"_"))


_NAMES: Final = tuple(
    f"collectors.storage.ebs_{name}" for name in ("attachments", "performance", "progress", "statistics", "volumes")
)

TARGETS: Final = (
    Target("ebs", read_ebs, Shape(XML.value, XML.piece, XML.values, XML.tokens, deep=XML.deep), _NAMES, 7),
)
