"""Answers of XenServer: XML-RPC of a pool, and a host's statistics."""

from __future__ import annotations

import io
import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from fuzzing.mutation import XML
from fuzzing.rows import AT, require_reading
from fuzzing.target import Refused, Target, WrongError
from fuzzing.wire import SECRET, Clock, parts, unhurried

from collectors.hypervisors import xenserver_web
from collectors.hypervisors.xenserver import XenserverSource
from collectors.hypervisors.xenserver_rrd import COLUMN_OF, MINUTE, Disk, read_statistics
from collectors.source import Occasion
from ioledger.config import validated

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW: Final = int(AT.timestamp())
_METHOD: Final = re.compile(rb"<methodName>([^<]*)</methodName>")


class _Answer(io.BytesIO):
    status = 200
    reason = "OK"

    def getheader(self, _name: str, without: str = "") -> str:
        return without


class _Connection:
    """A connection over which what the input says comes back."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        self._answers = answers
        self._asked = ""

    def putrequest(self, *_arguments: object, **_options: object) -> None:
        """XML-RPC begins a request."""

    def putheader(self, *_arguments: object) -> None:
        """It has headers."""

    def endheaders(self, body: bytes) -> None:
        found = _METHOD.search(body)
        self._asked = found[1].decode() if found else ""

    def request(self, _method: str, url: str, **_options: object) -> None:
        self._asked = url.partition("?")[0]

    def getresponse(self) -> _Answer:
        return _Answer(self._answers.get(self._asked, self._answers.get("", b"")))

    def close(self) -> None:
        """Nothing is kept."""


def read_pool(data: bytes) -> None:
    answers = parts(data) or {"": data}
    keys = {"url": "http://xen", "username": "fuzz", "password": {"env": SECRET}, "run_seconds": 10}
    since = (NOW // MINUTE - 2) * MINUTE
    remembered = {"listed_at": since, "until": {}, "from": {}}
    with unhurried(), patch.object(xenserver_web.Web, "connection", lambda _web, _place: _Connection(answers)):
        source = XenserverSource(validated(XenserverSource.Settings, keys, "sources.xen"))
        reading = source.read(Occasion(Clock(), remembered))
    require_reading(reading, "hypervisor")


def read_rates(data: bytes) -> None:
    after, until = NOW - 600, NOW + 60
    try:
        told = read_statistics(io.BytesIO(data), after, until)  # type: ignore[arg-type]
    except (ValueError, ParseError, DefusedXmlException) as error:
        raise Refused("it is no answer of a host") from error
    said = _amounts_in(data, told.step)
    for disk, minutes in told.minutes.items():
        for minute in minutes:
            amounts = told.amounts(disk, minute) or {}
            for column, amount in amounts.items():
                if amount is not None and amount not in said.get((disk, minute, column), ()):
                    raise WrongError(
                        f"{column} of {disk} is {amount}, and the host says {said.get((disk, minute, column))}"
                    )


def _amounts_in(data: bytes, step: int) -> dict[tuple[Disk, int, str], set[int]]:
    """Add up each minute of each series; any of its steps may be left out as one that cannot be."""
    root: Any = ET.fromstring(data)  # noqa: S314 - it was read before
    series = []
    for place, entry in enumerate(next(root.iter("meta")).findall("legend/entry")):
        kind, *rest = (entry.text or "").split(":", 3)
        if kind == "AVERAGE" and len(rest) == 3 and rest[0] == "vm":
            name = rest[2].split("_", 2)
            if name[0] == "vbd" and len(name) == 3 and name[2] in COLUMN_OF:
                series.append((place, Disk(rest[1], name[1]), COLUMN_OF[name[2]]))
    sums: dict[tuple[Disk, int, str], list[Fraction]] = {}
    for row in root.iter("row"):
        end, *values = row
        minute = -(-int(end.text) // MINUTE) * MINUTE
        for place, disk, column in series:
            rate = Decimal(values[place].text or "0") if place < len(values) else Decimal("NaN")
            if rate.is_finite() and rate >= 0:
                sums.setdefault((disk, minute, column), []).append(Fraction(rate) * step)
    return {key: _possible(amounts) for key, amounts in sums.items()}


def _possible(amounts: list[Fraction]) -> Any:  # noqa: ANN401 - a set, or the range of what it may be
    most = sum(amounts)
    return range(int(min([*amounts, Fraction(0)])), _rounded(most) + 1)


def _rounded(amount: Fraction) -> int:
    return int((Decimal(amount.numerator) / Decimal(amount.denominator)).to_integral_value(ROUND_HALF_UP))


TARGETS: Final = (
    Target("xenserver", read_pool, XML, ("collectors.hypervisors.xenserver_inventory",), 6),
    Target("xen-statistics", read_rates, XML, ("collectors.hypervisors.xenserver_rrd",), 40),
)
