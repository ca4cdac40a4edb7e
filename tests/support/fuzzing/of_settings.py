"""Files that people write in TOML: configuration, a lake's settings, rate cards, exemptions, rules."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from fuzzing.mutation import TOML, Shape
from fuzzing.scratch import lake, written
from fuzzing.target import Refused, Target, WrongError, require

from collectors.registry import settings_of
from ioledger import config
from ioledger.lake import layout, settings, watermark
from policies import exemptions
from policies.finding import Finding, Status
from policies.rule import load_rules, shipped_rules
from reports.charges import card_file

_BERLIN: Final = ZoneInfo("Europe/Berlin")


def _told(data: bytes) -> dict[str, Any]:
    text = data.decode().replace("\r\n", "\n").replace("\r", "\n")  # as Python reads a file of text
    return tomllib.loads(text, parse_float=_number)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # its exponent is beyond what a Decimal has
        return Decimal("Infinity")


def read_configuration(data: bytes) -> None:
    path = written("ioledger.toml", data)
    taken = config.load(path)
    told = _told(data)
    for name in ("rule_timeout_seconds", "memory_mib", "own_rules_memory_mib", "flap_damping_seconds"):
        if name in told.get("check", {}):
            require(same=getattr(taken.check, name), as_=told["check"][name], what=name)
    require(same=taken.rules, as_=told.get("rules", {}), what="rules")
    require(same=taken.lake, as_=told.get("lake", "lake"), what="lake")
    require(same=sorted(taken.sources), as_=sorted(told.get("sources", {})), what="sources")
    for name, found in settings_of(taken, path.parent).items():
        for key, value in told["sources"][name].items():
            if isinstance(secret := getattr(found, key, None), config.Secret) and (
                secret.env or "/" not in str(secret.file)
            ):
                secret.reveal()
            if type(value) in (int, bool) and hasattr(found, key):
                require(same=getattr(found, key), as_=value, what=key)


def read_settings(data: bytes) -> None:
    path = written(layout.SETTINGS, data)
    line = settings.load(path.parent)
    spans = settings.zone_spans(line)
    require(same=(spans[0][0], spans[-1][1]), as_=(line[0].valid_from, line[-1].valid_to), what="the time of the zones")
    tables = sorted(_told(data).get("settings", ()), key=lambda each: each["valid_from"])
    require(same=len(line), as_=len(tables) + 1, what="the number of settings")
    for before, taken in pairwise(line):
        require(same=before.valid_to, as_=taken.valid_from, what="the end of settings")
    known: dict[str, Any] = {}
    for taken, table in zip(line[1:], tables, strict=True):
        require(same=taken.valid_from, as_=table["valid_from"].astimezone(UTC), what="valid_from")
        known |= table
        for name in ("max_gap_seconds", "max_allocation_age_seconds", "correction_look_back_days", "billing_time_zone"):
            if name in known:
                require(same=getattr(taken, name), as_=known[name], what=name)


def read_marker(data: bytes) -> None:
    path = written(f"marked/{layout.MARKER}", data)
    layout.require(path.parent)
    if not 1 <= _told(data)["schema_version"] <= layout.SCHEMA_VERSION:
        raise WrongError("a lake of another version is taken")


def read_watermark(data: bytes) -> None:
    path = lake("pruned") / watermark.WATERMARK
    path.write_bytes(data)
    taken = watermark.pruned_before(path.parent)
    require(same=taken, as_=_told(data).get("pruned_before"), what="the day before which all is pruned")
    hours = [(_CHECKED, _CHECKED + timedelta(hours=1))]
    is_kept = taken is None or taken <= _CHECKED.date()
    require(same=bool(watermark.kept_hours(path.parent, hours)), as_=is_kept, what="whether an hour is kept")
    require(same=list(watermark.kept_hours(path.parent / "unpruned", hours)), as_=hours, what="hours of a whole lake")
    watermark.move(path.parent, _CHECKED.date())
    require(same=watermark.pruned_before(path.parent), as_=max(taken or date.min, _CHECKED.date()), what="the new day")


def read_cards(data: bytes) -> None:
    path = written("rates.toml", data)
    cards = card_file.load(path, _BERLIN)
    told = sorted(_told(data)["cards"], key=lambda each: _instant(each["valid_from"]))
    require(same=len(cards), as_=len(told), what="the number of cards")
    for card, said in zip(cards, told, strict=True):
        require(same=card.valid_from, as_=_instant(said["valid_from"]), what="valid_from")
        require(same=card.currency, as_=said["currency"], what="currency")
        require(
            same=(card.rounding, card.rounding_mode), as_=(said["rounding"], said["rounding_mode"]), what="rounding"
        )
        if "valid_to" in said:
            require(same=card.valid_to, as_=_instant(said["valid_to"]), what="valid_to")
        for item, line in zip(card.items, said["items"], strict=True):
            _require_item(item, line)


def _require_item(item: Any, said: dict[str, Any]) -> None:  # noqa: ANN401 - Item
    for name, without in (("per", 1), ("free", 0), ("minimum", 0)):
        require(same=Fraction(getattr(item, name)), as_=Fraction(said.get(name, without)), what=name)
    tiers = said.get("tiers", [{"from": 0, "price": said.get("price", 0)}])
    taken = [(Fraction(t.above), None if t.up_to is None else Fraction(t.up_to), Fraction(t.price)) for t in item.tiers]
    given = [(Fraction(t["from"]), Fraction(t["to"]) if "to" in t else None, Fraction(t["price"])) for t in tiers]
    require(same=taken, as_=given, what="the prices")
    for amount in (Fraction(0), Fraction(1, 1_000_000), Fraction(10**9), *(above for above, _, _ in given)):
        if sum(above <= amount and (to is None or amount < to) for above, to, _ in taken) != 1:
            raise WrongError(f"{amount} has no price, or two")


def _instant(value: date | datetime) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return datetime(value.year, value.month, value.day, tzinfo=_BERLIN).astimezone(UTC)


_CHECKED: Final = datetime(2026, 11, 28, tzinfo=UTC)
_PROBLEMS: Final[tuple[tuple[str, str, Status], ...]] = (
    ("QOS101", "vol-1", "violation"),
    ("QOS101", "vol-2", "violation"),
    ("QOS102", "vol-1", "error"),
)
_FOUND: Final = tuple(
    Finding(
        code=code, severity="high", status=status, resource_kind="volume", resource_id=volume, vm_id=None,
        volume_id=volume, account_id=None, interval_start=None, interval_end=None, observed=None, expected=None,
        unit=None, reason="it is so", first_seen_at=_CHECKED, last_seen_at=_CHECKED,
    )
    for code, volume, status in _PROBLEMS
)  # fmt: skip
_CODES: Final = tuple(rule.code for rule in shipped_rules())


def read_exemptions(data: bytes) -> None:
    path = written("exemptions.toml", data)
    taken = exemptions.load(path, _CODES)
    told = _told(data).get("exemptions", [])
    require(same=[each.expires for each in taken], as_=[each["expires"] for each in told], what="the last days")
    require(same=[each.rule for each in taken], as_=[each["rule"].strip() for each in told], what="the rules")
    for each in taken:
        at = datetime(each.expires.year, each.expires.month, each.expires.day, 23, 59, tzinfo=UTC)
        require(same=each.counts_at(at), as_=True, what="the last minute of an exemption")
    marked, leftovers = exemptions.applied(_FOUND, taken, _CHECKED)
    require(same=[each.code for each in marked], as_=[each.code for each in _FOUND], what="the findings")
    for each in leftovers:
        if len(str(each).splitlines()) != 1:
            raise WrongError(f"what is left over is told in no sentence: {each}")


_RULE_NAMES: Final = {rule.code.encode(): Path(rule.file).name for rule in shipped_rules()}


def read_rule(data: bytes) -> None:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Refused("it is no text") from error
    name = next((name for code, name in _RULE_NAMES.items() if code in data), "XX100_a_rule.sql")
    directory = written(f"rules/{name}", text.encode()).parent
    try:
        (rule,) = load_rules(directory)
    finally:
        (directory / name).unlink()
    told = _told(data[2:].partition(b"*/")[0])
    said = {each["name"]: each["default"] for each in told.get("parameters", [])}
    require(same=rule.defaults, as_=said, what="the parameters")


_RULE: Final = Shape(
    value=TOML.value,
    piece=TOML.piece,
    values=TOML.values,
    tokens=(
        *TOML.tokens, b"*/", b"/*", b"SELECT ", b"COPY x TO '/tmp/x'", b"read_csv('/etc/passwd')", b"; SELECT 1",
        b"now()",
        b"$period_start", b"FROM duckdb_settings()", b"(", b")", b"random()", b"ATTACH 'x'", b"PRAGMA version", b"'",
    ),
    deep=(b"(", b")"),
)  # fmt: skip

_FILES: Final = ("ioledger.toml_lines",)

TARGETS: Final = (
    Target("rate-cards", read_cards, TOML, ("reports.charges.card_file", *_FILES), 60),
    Target("lake-settings", read_settings, TOML, ("ioledger.lake.settings",), 20),
    Target("configuration", read_configuration, TOML, ("ioledger.config", "collectors.volume_rules"), 14),
    Target("exemptions", read_exemptions, TOML, ("policies.exemptions", *_FILES), 15),
    Target("rule", read_rule, _RULE, ("policies.rule", "policies.statement"), 6),
    Target("lake-marker", read_marker, TOML, (), 10),
    Target("watermark", read_watermark, TOML, ("ioledger.lake.watermark",), 10),
)
