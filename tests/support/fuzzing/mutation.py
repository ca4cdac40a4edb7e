"""How an input is made of another one: pieces of its format are replaced, moved, doubled or left out, or any bytes.

Every choice is made by the random numbers that are handed in, so that an input can be made again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from random import Random

NUMBERS: Final = (
    b"0", b"1", b"-1", b"-0", b"00", b"007", b"+5", b"1.0", b"1.5", b"0.1", b"1e3", b"1E400", b"1e-400", b"-1e9999",
    b"9007199254740993", b"2147483648", b"4294967296", b"9223372036854775807", b"9223372036854775808",
    b"-9223372036854775808", b"18446744073709551616", b"1" + b"0" * 38, b"9" * 400, b"9" * 5000, b"0x" + b"f" * 5000,
    b"NaN", b"nan", b"Infinity", b"-inf", b"1_000", b"1,5", b"\xd9\xa3", b"\xc2\xb2", b" 7 ", b"7\n", b"",
)  # fmt: skip
"""Numbers on which readers differ: at the ends of types, beyond Python's limit of digits, of other scripts, or none."""

TEXTS: Final = (
    b"", b" ", b"x" * 300, b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\x1b[31m", b"a\nb",
    b"../../etc/passwd", b"<script>", b"=1+1", b"'; DROP TABLE x; --", b"%s%n", b"null", b"true", b"\\ud800", b"\\n",
    b"\xf0\x9f\x92\xbe", b"a,b", b'"', b"'", b"]]>", b"&amp;", b"&#x0;", b"&lol;", b"\r", b"\x85",
)  # fmt: skip

TIMES: Final = (
    b"2026-11-22", b"2026-11-22T10:00:00Z", b"2026-11-22T10:00:00+01:00", b"2026-11-22T10:00:00", b"2026-02-30",
    b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59.999999-23:59", b"1969-12-31T23:59:59Z",
    b"2026-11-22T24:00:00Z", b"2026-11-22T10:00:60Z", b"2026-W47-7", b"20261122T100000Z",
    b"2026-11-22T10:00:00.1234567Z", b"2026-11-22 10:00:00+00:00:01", b"2026-10-25T02:30:00", b"2026-03-29T02:30:00",
)  # fmt: skip

VALUES: Final = NUMBERS + TEXTS + TIMES

ODD_JSON: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 1.5, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**40, 1e308, float("nan"),
    float("inf"), "", " ", "x", "0", "12", "-3", "1.5", "1e5", "9223372036854775808", "9" * 5000, "NaN", "\ud800",
    "a\nb", "\x00", "x" * 300, [], {}, [None], [[]], [{}], {"": None}, {"id": 1}, "2026-11-22T10:00:00+0000",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-22T10:00:00", "٣", "²",
)  # fmt: skip

_DEEP: Final = 3000
"""Deeper than Python's readers recurse."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a format is made of.

    ``value`` finds what can be replaced by one of ``values``: its first group, or all of it. ``piece`` finds what can
    be moved, doubled or left out. ``tokens`` are put anywhere. ``own`` makes an input of another one in a way of its
    own, or returns None where it cannot.
    """

    value: re.Pattern[bytes] = re.compile(rb"[\w.+-]+")
    piece: re.Pattern[bytes] = re.compile(rb"[^\n]*\n?")
    values: Sequence[bytes] = VALUES
    tokens: Sequence[bytes] = ()
    own: Callable[[Random, bytes], bytes | None] | None = None
    deep: tuple[bytes, bytes] = (b"[", b"]")


def mutated(random: Random, shape: Shape, data: bytes, other: bytes) -> bytes:
    """Make an input of ``data``; some of ``other`` may be in it."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5))):
        chance = random.random()
        if shape.own is not None and chance < _OWN:
            data = shape.own(random, data) or data
        elif chance < _REPLACED:
            data = _replaced(random, shape, data)
        elif chance < _MOVED:
            data = _moved(random, shape, data, other)
        else:
            data = _any_bytes(random, shape, data, other)
    return data


_OWN: Final = 0.6
_REPLACED: Final = 0.7
_MOVED: Final = 0.85


def _replaced(random: Random, shape: Shape, data: bytes) -> bytes:
    found = [match.span(1 if shape.value.groups else 0) for match in shape.value.finditer(data)]
    if not found:
        return data
    start, end = random.choice(found)
    # One of the input's own values in the place of another is taken more often than an odd one.
    if random.random() < _OWN_VALUE:
        first, last = random.choice(found)
        value = data[first:last]
    else:
        value = random.choice(shape.values)
    return data[:start] + value + data[end:]


_OWN_VALUE: Final = 0.2


def _moved(random: Random, shape: Shape, data: bytes, other: bytes) -> bytes:
    pieces = [piece for piece in shape.piece.findall(data) if piece]
    if not pieces:
        return data
    place = random.randrange(len(pieces))
    match random.randrange(5):
        case 0:
            del pieces[place]
        case 1:
            pieces.insert(place, random.choice(pieces))
        case 2:
            pieces.insert(random.randrange(len(pieces)), pieces.pop(place))
        case 3:
            pieces.insert(place, random.choice([piece for piece in shape.piece.findall(other) if piece] or pieces))
        case _:
            end = min(len(pieces), place + random.randrange(1, 4))
            pieces[place:end] = pieces[place:end] * random.choice((0, 2, 2, 30))
    return b"".join(pieces)


def _any_bytes(random: Random, shape: Shape, data: bytes, other: bytes) -> bytes:
    place = random.randrange(len(data) + 1)
    end = min(len(data), place + random.randrange(1, 40))
    before, some, after = data[:place], data[place:end], data[end:]
    match random.randrange(8):
        case 0:
            made = before
        case 1:
            made = before + bytes((random.randrange(256),)) + data[place + 1 :]
        case 2:
            made = before + random.choice(shape.tokens or shape.values) + some + after
        case 3:
            made = before + other[random.randrange(len(other) + 1) :]
        case 4:
            made = before + after
        case 5 if random.randrange(40) == 0:
            opening, closing = shape.deep
            made = before + opening * _DEEP + closing * _DEEP + some + after
        case 6:
            made = random.randbytes(random.randrange(64))
        case _:
            made = before + some + some * random.choice((1, 1, 2, 100)) + after
    return made


def odd_json(random: Random, data: bytes) -> bytes | None:
    """Replace, add, rename, double or remove something in JSON; None for what is none."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return None
    places = list(_places(tree))
    if not places or random.randrange(100) == 0:
        return _dumped(random.choice(ODD_JSON))
    _change(random, places, *random.choice(places))
    return _dumped(tree)


def _change(random: Random, places: Sequence[tuple[Any, Any]], holder: Any, key: Any) -> None:  # noqa: ANN401 - JSON
    value = holder[key]
    match random.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[random.choice(("id", "", "name", "count", "x" * 50))] = random.choice(ODD_JSON)
        case 1:
            holder.insert(key, random.choice(ODD_JSON))
        case 2:
            other, at = random.choice(places)
            holder[key] = json.loads(_dumped(other[at]))  # through text, or the tree could come to hold itself
        case 3 | 4 if isinstance(value, str):
            holder[key] = _odd_text(random, value)
        case 3 if isinstance(value, int):
            holder[key] = value + random.choice((-1, 1, 2**32, -(2**40)))
        case 4 if isinstance(value, int):
            holder[key] = random.choice((str(value), float(min(value, 2**60)), -value, 0))
        case _:
            holder[key] = random.choice(ODD_JSON)


def _odd_text(random: Random, text: str) -> str:
    place = random.randrange(len(text) + 1)
    return text[:place] + random.choice(("", "0", "-", "\n", "\ud800", "é", "/", "..", "'", '"')) + text[place + 1 :]


def _dumped(tree: object) -> bytes:
    try:
        return json.dumps(tree, ensure_ascii=True).encode()
    except (ValueError, RecursionError):
        return b"null"


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - JSON
    left = [tree]
    while left:
        holder = left.pop()
        inner = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        for key, value in inner:
            yield holder, key
            if isinstance(value, dict | list):
                left.append(value)


JSON: Final = Shape(
    value=re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null'),
    piece=re.compile(rb'[{}\[\],:]|"(?:[^"\\]|\\.)*"|[^{}\[\],:"]+|"'),
    values=(*NUMBERS, *(b'"%s"' % each for each in (*TEXTS, *NUMBERS, *TIMES)), b"null", b"true", b"[]", b"{}"),
    tokens=(b"{", b"}", b"[", b"]", b",", b":", b'"', b"null", b'"id":', b"NaN"),
    own=odd_json,
)

XML: Final = Shape(
    value=re.compile(rb"""(?:>|='|=")([^<>'"]*)(?=[<'"])"""),
    piece=re.compile(rb"<[^>]*>[^<]*|[^<]+"),
    tokens=(
        b"<!DOCTYPE a [<!ENTITY b 'cc'>]>", b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'>", b"&lt;", b"&#48;", b"&#x0;",
        b"<![CDATA[7]]>", b"<!-- -->", b"<?xml version='1.0' encoding='utf-16'?>", b" xmlns='urn:x'", b"<", b">", b"/>",
    ),
    deep=(b"<a>", b"</a>"),
)  # fmt: skip

TOML: Final = Shape(
    value=re.compile(rb"(?m)=[ \t]*([^\n]*?)[ \t]*(?:,|\}|$)"),
    values=(
        *(each for each in NUMBERS if each), *TIMES, *(b'"%s"' % each for each in (*TEXTS, *NUMBERS, *TIMES)),
        b"true", b"false", b"[]", b"{}", b"[1, 2]", b'["a", "b"]', b"{ a = 1 }", b"'''x'''", b"0b101", b"0o17", b"0xff",
        b"inf", b"-nan", b"10:00:00", b"1e999999999", b"1e-999999999", b"0e999999999", b"1e99999999999999999999",
        b"0.0000001", b"-0.0", b"1.", b"0x" + b"1" * 6000,
    ),
    tokens=(b"[[x]]", b"[x]", b"x = 1\n", b"\n", b"#", b"=", b'"""', b"'''", b".", b"a.b = 1\n", b"{", b"}", b","),
)  # fmt: skip

CSV: Final = Shape(
    value=re.compile(rb"(?:^|[,\n])([^,\n]*)"),
    tokens=(b",", b'"', b'""', b"\n", b"\r\n", b"\r", b";", b"\t", b"\x00", b"\xef\xbb\xbf"),
    deep=(b'"', b'"'),
)

TEXT: Final = Shape(piece=re.compile(rb"[0-9]+|[^0-9]"), tokens=(b"-", b":", b"+", b"T", b"Z", b".", b" ", b"d", b"h"))
