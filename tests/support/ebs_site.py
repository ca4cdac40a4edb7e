"""An account of AWS with volumes: moto's server, filled through its backends, behind pages and a proxy.

moto gives all volumes on one page and knows one state of a modification and one attachment of a volume;
pages are cut here, and what else AWS documents is answered by the proxy in moto's place.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from http_proxy import proxied
from moto.cloudwatch import cloudwatch_backends
from moto.cloudwatch.models import MetricDatum
from moto.ec2 import ec2_backends
from moto.ec2.models.elastic_block_store import VolumeAttachment
from moto.moto_api._internal import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from source_site import Rig
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import run_wsgi_app

from collectors.storage.ebs_statistics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from http_proxy import Proxy

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ZONE = "eu-central-1a"
MINUTE = timedelta(minutes=1)

ACCESS_KEY_ID = "AKIAIOLEDGERTESTS001"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/of+the/tests/alone"  # noqa: S105 - of no account

VOLUMES = "Action=DescribeVolumes&"
MODIFICATIONS = "Action=DescribeVolumesModifications&"
STATISTICS = "MetricDataQueries"
IDENTITY = "Action=GetCallerIdentity"

_LISTS = {"DescribeVolumes": "volumeSet", "DescribeVolumesModifications": "volumeModificationSet"}
_EC2 = "http://ec2.amazonaws.com/doc/2016-11-15/"


class Account:
    """What there is in the account; the proxy before it disturbs and answers. ``key_ids`` are the keys that signed."""

    def __init__(self, proxy: Proxy, key_ids: set[str]) -> None:
        self.proxy = proxy
        self.key_ids = key_ids
        self.ec2 = ec2_backends[ACCOUNT][REGION]
        self.cloudwatch = cloudwatch_backends[ACCOUNT][REGION]
        self.settings: dict[str, object] = {
            "region": REGION,
            "endpoint_url": proxy.url,
            "access_key_id": {"env": "EBS_ACCESS_KEY_ID"},
            "secret_access_key": {"env": "EBS_SECRET_ACCESS_KEY"},
            "timeout_seconds": 10,
            "requests_per_second": 1000,
        }
        self.environment = {"EBS_ACCESS_KEY_ID": ACCESS_KEY_ID, "EBS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}
        self.secrets = (ACCESS_KEY_ID, SECRET_ACCESS_KEY)

    def volume(
        self, kind: str = "gp3", size_gib: int = 10, name: str | None = None, **settings: int | bool | None
    ) -> str:
        """Make a volume; return its id."""
        made = self.ec2.create_volume(size=size_gib, zone_name=ZONE, volume_type=kind, **settings)
        if name is not None:
            made.add_tags({"Name": name})
        return str(made.id)

    def attach(self, volume: str, instance: str, since: datetime, device: str = "/dev/sdf") -> None:
        """Give a volume to an instance, instead of the one that has it."""
        held = self.ec2.get_volume(volume)
        held.attachment = VolumeAttachment(held, SimpleNamespace(id=instance), device, "attached")
        held.attachment.attach_time = since.replace(tzinfo=None)

    def detach(self, volume: str) -> None:
        self.ec2.get_volume(volume).attachment = None

    def delete(self, volume: str) -> None:
        self.ec2.delete_volume(volume)

    def sums(self, volume: str, minute: datetime, **counts: int) -> None:
        """Have CloudWatch know what a volume did in a minute: counts by the column that they end up in."""
        dimensions = [{"Name": "VolumeId", "Value": volume}]
        at = minute.replace(tzinfo=None)
        self.cloudwatch.metric_data += [
            MetricDatum("AWS/EBS", METRICS[column], count, dimensions, at) for column, count in counts.items()
        ]

    def clear(self) -> None:
        """Be empty, and undisturbed."""
        self.ec2.volumes.clear()
        self.cloudwatch.metric_data.clear()
        self.proxy.mend()
        self.proxy.requests.clear()
        self.key_ids.clear()

    def asked(self, what: str) -> list[str]:
        """Return the bodies of the requests in which ``what`` is found."""
        return [each.body.decode() for each in self.proxy.requests if each.matches(what)]

    def lose_part(self) -> None:
        self.proxy.fail(f"{VOLUMES}.*NextToken")

    def hang(self) -> None:
        self.proxy.hang()

    def refuse(self) -> None:
        self.proxy.answer("Action=", *refusal("AuthFailure"))

    def mend(self) -> None:
        self.proxy.mend()


def refusal(
    code: str, message: str = "AWS was not able to validate the provided access credentials"
) -> tuple[bytes, int]:
    """Return an error as EC2 words it (Amazon EC2 API reference, "Error codes"), and its status."""
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>".encode(), 401


def listing(action: str, *items: str, next_token: str | None = None) -> bytes:
    """Return a page of a list as the Amazon EC2 API reference has it; items are XML."""
    name, token = _LISTS[action], f"<nextToken>{next_token}</nextToken>" if next_token else ""
    inner = "".join(f"<item>{item}</item>" for item in items)
    return f'<{action}Response xmlns="{_EC2}"><{name}>{inner}</{name}>{token}</{action}Response>'.encode()


def elements(**values: object) -> str:
    """Return values as XML elements."""
    return "".join(f"<{name}>{value}</{name}>" for name, value in values.items() if value is not None)


def metric_data(*results: dict[str, Any], next_token: str | None = None) -> bytes:
    """Return an answer of GetMetricData as the Amazon CloudWatch API reference has it."""
    token = {"NextToken": next_token} if next_token else {}
    return json.dumps({"MetricDataResults": results, "Messages": [], **token}).encode()


class _Paged:
    """moto's application, which is asked for the volumes of one page at a time: at most ``most_items``."""

    def __init__(self, most_items: int) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._most_items = most_items
        self.key_ids: set[str] = set()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.key_ids.add(environ["HTTP_AUTHORIZATION"].partition("Credential=")[2].partition("/")[0])
        asked = dict(parse_qsl(body.decode()))
        action, most = asked.get("Action", ""), asked.pop("MaxResults", None)
        if action not in _LISTS or most is None:
            environ["wsgi.input"] = BytesIO(body)
            return self._moto(environ, start_response)
        held = ec2_backends[ACCOUNT][REGION].volumes.values()
        volumes = [each.id for each in held if action == "DescribeVolumes" or each.modifications]
        first = int(asked.pop("NextToken", "0"))
        last = first + min(int(most), self._most_items)
        asked |= {f"VolumeId.{number}": volume for number, volume in enumerate(volumes[first:last], start=1)}
        page = urlencode(asked).encode()
        environ |= {"wsgi.input": BytesIO(page), "CONTENT_LENGTH": str(len(page))}
        parts, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
        token = f"<nextToken>{last}</nextToken>" if last < len(volumes) else ""
        end = f"</{action}Response>"
        answer = b"".join(parts).replace(end.encode(), f"{token}{end}".encode())
        headers.set("Content-Length", str(len(answer)))
        start_response(status, headers.to_wsgi_list())
        return [answer]


class _Silent(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Tests read the proxy's requests, and nobody a log."""


@contextmanager
def account(page_items: int = 500) -> Iterator[Account]:
    """Have an empty account of AWS for the block."""
    moto_api_backend.reset()
    application = _Paged(page_items)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Silent)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        with proxied(f"http://127.0.0.1:{server.server_port}") as proxy:
            yield Account(proxy, application.key_ids)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def running(items: int) -> Iterator[Account]:
    """Have an account with so many volumes, of which one in fifty is attached and has done something."""
    with account(page_items=min(500, items // 3 + 1)) as site:
        window = _minutes_ago(15)
        for number in range(items):
            match number % 5:
                case 0:
                    volume = site.volume("io2", iops=1000 + number)
                case 1:
                    volume = site.volume("gp3", iops=3000, throughput=125, name="data" if number < 100 else None)
                case 2:
                    volume = site.volume("gp2", size_gib=100 + number % 1000)
                case 3:
                    volume = site.volume("st1", size_gib=500)
                case _:
                    volume = site.volume("standard")
            if number % 50 == 0:
                site.attach(volume, f"i-{number:017x}", window - 60 * MINUTE)
                site.sums(volume, window, read_ops=0, write_ops=number, read_bytes=0, write_bytes=4096 * number)
        yield site


def _minutes_ago(minutes: int) -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0) - minutes * MINUTE


RIG = Rig(
    source_type="ebs",
    tables=("provisioned_iops", "volume_alias", "disk_io_stat"),
    items_in="provisioned_iops",
    running=running,
)
