"""What `doctor` looks at: who asks, whether it may, and whether the clocks agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, SSLError

from collectors.remote.certificates import MEND_UNTRUSTED
from collectors.remote.clocks import clock_check, header_time
from collectors.storage.ebs_client import FAILURES, is_refused
from collectors.storage.ebs_progress import PERIOD_US, newest_us
from collectors.storage.ebs_statistics import METRICS, query
from ioledger.clock import from_us, to_us
from ioledger.health.check import Check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collectors.storage.ebs_client import Aws
    from ioledger.clock import Clock

_NO_VOLUME: Final = "vol-00000000000000000"

_MEND_RIGHT: Final = "add it to the policy of who asks; docs/ebs.md has the whole policy"


def examine(aws: Aws, region: str, clock: Clock) -> list[Check]:
    """Look at the login, the clock and each right; no more than that where AWS does not know who asks."""
    login, date = _login(aws)
    checks = [login]
    if (at := header_time(date)) is not None:
        # "RequestExpired", Signature Version 4
        mend = "set the clock, by NTP or chrony: AWS refuses requests from 5 minutes on"
        checks.append(clock_check(clock.now(), at, "AWS", mend))
    if login.mend is None:
        checks += _rights(aws, region, to_us(clock.now()))
    return checks


def _login(aws: Aws) -> tuple[Check, str | None]:
    try:
        answer = aws.ask(aws.sts.get_caller_identity)
    except FAILURES as error:
        told: Any = error.response if isinstance(error, ClientError) else {}
        mend = "see that AWS can be reached from here"
        if is_refused(error):
            mend = "correct the keys or the profile"
        elif isinstance(error, SSLError):
            mend = MEND_UNTRUSTED
        return Check("login", aws.reason(error), mend), _date(told)
    return Check("login", f"{answer['Arn']} of account {answer['Account']}"), _date(answer)


def _date(answer: Any) -> str | None:  # noqa: ANN401 - boto3 has no types
    date: str | None = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return date


def _rights(aws: Aws, region: str, now_us: int) -> Iterator[Check]:
    """Try each call: those of EC2 as a dry run, that of CloudWatch for one metric of a volume that is none."""
    newest = newest_us(now_us)
    calls: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "ec2:DescribeVolumes": (aws.ec2.describe_volumes, {"DryRun": True}),
        "ec2:DescribeVolumesModifications": (aws.ec2.describe_volumes_modifications, {"DryRun": True}),
        "cloudwatch:GetMetricData": (
            aws.cloudwatch.get_metric_data,
            {
                "MetricDataQueries": [query("right", METRICS["read_ops"], _NO_VOLUME)],
                "StartTime": from_us(newest - PERIOD_US),
                "EndTime": from_us(newest),
            },
        ),
    }
    for right, (request, parameters) in calls.items():
        try:
            aws.ask(request, **parameters)
        except FAILURES as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] == "DryRunOperation":
                yield Check("rights", f"{right} in {region} is allowed")
            else:
                mend = _MEND_RIGHT if is_refused(error) else "see that the region's endpoint can be reached"
                yield Check("rights", f"{right} in {region}: {aws.reason(error)}", mend)
        else:
            yield Check("rights", f"{right} in {region} is allowed")
