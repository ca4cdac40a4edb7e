"""Reads rate cards: a TOML file with ``[[cards]]``, each with its ``[[cards.items]]``; docs/rate-cards.md."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo, model_validator

from ioledger.clock import utc_text
from ioledger.config import StrictModel, validated
from ioledger.errors import UNREADABLE, ConfigurationError, did_you_mean, one_of, unreadable_toml
from ioledger.model.tables import QOS_CLASSES
from ioledger.toml_lines import header_lines, line_of_key, place
from reports.charges.meters import METERS
from reports.charges.rate_card import (
    MINOR_DIGITS,
    Filter,
    Item,
    OpenConflict,
    RateCard,
    Rounding,
    RoundingMode,
    Tier,
    TierMode,
    TierScope,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9998
_MOST_DECIMALS: Final = 12
_MOST_DECIMALS_OF_USAGE: Final = 6
_MOST_DIGITS: Final = 15
_MOST_BITS: Final = 128


def _known(what: str, valid: Collection[str]) -> Callable[[object], object]:
    """Return the check of a closed vocabulary."""

    def check(value: object) -> object:
        if not isinstance(value, str) or value not in valid:
            near = did_you_mean(value, valid) if isinstance(value, str) else ""
            raise ValueError(f"received {value!r}, which is no {what}{near}; valid are {one_of(valid)}")
        return value

    return check


def _currency(code: str) -> str:
    if code not in MINOR_DIGITS:
        near = did_you_mean(code.upper(), MINOR_DIGITS)
        raise ValueError(
            f"received {code!r}, which is no currency{near}; valid are codes of ISO 4217 with a smallest amount, "
            "such as EUR, USD or JPY"
        )
    return code


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"received {value!r}; valid is a number from 0, without quotes")  # noqa: TRY004 - pydantic reports a ValueError
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:  # no text of it can be made
        raise ValueError(
            f"received a number that is too long; valid are at most {_MOST_DIGITS} digits before the decimal point"
        )
    number = Decimal(value)
    if not number.is_finite() or number < 0:
        raise ValueError(
            f"received {value}; valid is a number from 0 (what is paid back is an item of the meter undelivered_iops)"
        )
    if number.adjusted() >= _MOST_DIGITS or -int(number.as_tuple().exponent) > _MOST_DECIMALS:
        raise ValueError(
            f"received {value}; valid are at most {_MOST_DIGITS} digits before the decimal point "
            f"and {_MOST_DECIMALS} after it"
        )
    return number.copy_abs()


def _of_usage(number: Decimal) -> Decimal:
    if -int(number.as_tuple().exponent) > _MOST_DECIMALS_OF_USAGE:
        raise ValueError(
            f"received {number:f}; usage is measured in millionths, so valid are at most {_MOST_DECIMALS_OF_USAGE} "
            "digits after the decimal point"
        )
    return number


def _moment(value: object, info: ValidationInfo) -> datetime:
    zone: tzinfo = (info.context or {})["zone"]
    if type(value) is date:
        moment = datetime(value.year, value.month, value.day, tzinfo=zone)
    elif isinstance(value, datetime) and value.tzinfo:
        moment = value
    else:
        raise ValueError(
            f"received {str(value)!r}; valid is a date or a date-time with its offset, without quotes: "
            "2026-11-01 or 2026-11-01T00:00:00+01:00"
        )
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"received {str(value)!r}; valid are the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return moment.astimezone(UTC)


_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Number = Annotated[Decimal, BeforeValidator(_number)]
_Usage = Annotated[_Number, AfterValidator(_of_usage)]
_Moment = Annotated[datetime, BeforeValidator(_moment)]
_Values = Annotated[list[_Text], Field(default_factory=list)]
_QosClass = Annotated[str, BeforeValidator(_known("QoS class", QOS_CLASSES))]


class _TierTable(StrictModel):
    above: _Usage = Field(alias="from")
    up_to: _Usage | None = Field(alias="to", default=None)
    price: _Number


class _FilterTable(StrictModel):
    offering_id: _Values
    pool_id: _Values
    account_id: _Values
    zone_id: _Values
    qos_class: Annotated[list[_QosClass], Field(default_factory=list)]


class _ItemTable(StrictModel):
    sku: _Text
    title: _Text
    meter: Annotated[str, BeforeValidator(_known("meter", METERS))]
    price: _Number | None = None
    tiers: list[_TierTable] | None = None
    tier_mode: Annotated[TierMode, BeforeValidator(_known("tier mode", ("graduated", "volume")))] | None = None
    tier_scope: Annotated[TierScope, BeforeValidator(_known("tier scope", ("volume", "account")))] | None = None
    per: Annotated[int, Field(ge=1, lt=10**_MOST_DIGITS)] = 1
    per_month: bool = False
    free: _Usage = Decimal(0)
    minimum: _Number = Decimal(0)
    filter: Annotated[_FilterTable, Field(default_factory=_FilterTable)]
    valid_from: _Moment | None = None
    valid_to: _Moment | None = None

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if (self.price is None) == (self.tiers is None):
            received = "neither" if self.price is None else "both"
            raise ValueError(f"received {received} of price and tiers; an item has one of the two")
        if (self.tiers is None) != (self.tier_mode is None):
            raise ValueError("tiers and tier_mode (graduated or volume) go together; give both, or a price alone")
        if self.tiers is not None:
            _check_tiers(self.tiers)
        return self

    @model_validator(mode="after")
    def _fits_its_meter(self) -> Self:
        meter = METERS[self.meter]
        if self.per_month and not meter.level:
            levels = one_of(name for name, other in METERS.items() if other.level)
            raise ValueError(f"per_month is for levels and {self.meter} is a count; leave it out, or meter {levels}")
        if meter.credit and self.minimum:
            raise ValueError(f"a minimum is what is owed, and {self.meter} pays back; leave it out")
        if self.tier_scope is None and (self.tiers is not None or self.free or self.minimum):
            raise ValueError(
                "tiers, free and minimum each count for a scope; add tier_scope, which is volume or account"
            )
        return self

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.valid_from is not None:
            _check_order(self.valid_from, self.valid_to)
        return self


class _CardTable(StrictModel):
    name: _Text
    version: _Text
    currency: Annotated[str, AfterValidator(_currency)]
    valid_from: _Moment
    valid_to: _Moment | None = None
    rounding: Annotated[Rounding, BeforeValidator(_known("rounding", ("line", "invoice")))]
    rounding_mode: Annotated[RoundingMode, BeforeValidator(_known("rounding mode", ("half_up", "half_even")))]
    open_conflict: Annotated[
        OpenConflict, BeforeValidator(_known("way to price an open conflict", ("deliverable", "sold", "hold")))
    ]
    items: Annotated[list[dict[str, Any]], Field(min_length=1)]

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        _check_order(self.valid_from, self.valid_to)
        return self


class _File(StrictModel):
    cards: list[dict[str, Any]]


def _check_order(valid_from: datetime, valid_to: datetime | None) -> None:
    if valid_to is not None and valid_to <= valid_from:
        raise ValueError("valid_to is not after valid_from; correct one of them, or leave valid_to out")


def _check_tiers(tiers: list[_TierTable]) -> None:
    if not tiers:
        raise ValueError("received no tiers; give at least one, or a price")
    if tiers[0].above:
        raise ValueError(f"the first tier is from {tiers[0].above}; it has to be from 0, so that all has a price")
    for number, tier in enumerate(tiers, start=1):
        if tier.up_to is not None and tier.up_to <= tier.above:
            raise ValueError(
                f"tier {number} is from {tier.above} to {tier.up_to}; tiers ascend, so `to` has to be greater"
            )
    for number, (tier, following) in enumerate(pairwise(tiers), start=1):
        if tier.up_to is None:
            raise ValueError(f"tier {number} has no `to`, which only the last may lack; add it")
        if following.above != tier.up_to:
            wrong = "overlap" if following.above < tier.up_to else "leave a gap"
            raise ValueError(
                f"tiers {number} and {number + 1} {wrong}: one is to {tier.up_to}, the next from {following.above}; "
                "each has to be from where the one before it ends"
            )
    if tiers[-1].up_to is not None:
        raise ValueError(f"the last tier is to {tiers[-1].up_to}; leave its `to` out, so that all has a price")


def load(path: Path, zone: tzinfo = UTC) -> tuple[RateCard, ...]:
    """Read the rate cards of a file in the order of time; a date means its first moment in ``zone``.

    Raises ConfigurationError if the file cannot be read, and as ``parse`` does.
    """
    return parse(text_of(path), path, zone)


def text_of(path: Path) -> str:
    """Return the text of a file of rate cards; raises ConfigurationError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"there is no rate card at {path}; write one as docs/rate-cards.md shows, or name another file"
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(unreadable_toml(path, error)) from error


def parse(text: str, path: Path, zone: tzinfo = UTC) -> tuple[RateCard, ...]:
    """Read the text of a file of rate cards.

    Raises ConfigurationError, which names the file and the line of the card or item, for a file that is
    malformed, an unknown key, a missing or bad value, tiers that overlap, leave a gap or end, a sku that
    comes twice in a card, and two cards that are in force at once or have one name and version.
    """
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except UNREADABLE as error:
        raise ConfigurationError(unreadable_toml(path, error)) from error
    mistaken = next((key for key in values if key != "cards"), "cards")
    tables = validated(_File, values, place(path, line_of_key(text, mistaken))).cards
    places = _places(path, text, tables)
    cards = [
        (_card(table, card_place, item_places, zone), card_place)
        for table, (card_place, item_places) in zip(tables, places, strict=True)
    ]
    cards.sort(key=lambda found: found[0].valid_from)
    for (card, _), (following, where) in pairwise(cards):
        if card.valid_to is None or following.valid_from < card.valid_to:
            raise ConfigurationError(
                f"{where}: key 'valid_from': two cards are in force from {utc_text(following.valid_from)} on, "
                f"{_named(card)} and {_named(following)}; let valid_to end one before the other begins"
            )
    versions: set[tuple[str, str]] = set()
    for card, where in cards:
        if (card.name, card.version) in versions:
            raise ConfigurationError(f"{where}: there is another card {_named(card)}; give this one its own version")
        versions.add((card.name, card.version))
    return tuple(card for card, _ in cards)


def _named(card: RateCard) -> str:
    return f"{card.name!r} version {card.version!r}"


def _places(path: Path, text: str, tables: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Name the place of each card and of its items: by line or, where headers are written otherwise, by number."""
    counts = [len(items) if isinstance(items := table.get("items"), list) else 0 for table in tables]
    lines: list[tuple[int, list[int]]] = []
    for name, line in header_lines(text, "cards", "cards.items"):
        if name == "cards":
            lines.append((line, []))
        elif lines:
            lines[-1][1].append(line)
    if [len(items) for _, items in lines] == counts:
        return [(place(path, card), [place(path, item) for item in items]) for card, items in lines]
    return [
        (f"{path}: card number {n}", [f"{path}: card number {n}, item number {m}" for m in range(1, count + 1)])
        for n, count in enumerate(counts, start=1)
    ]


def _card(table: dict[str, Any], where: str, item_places: list[str], zone: tzinfo) -> RateCard:
    valid = validated(_CardTable, table, where, {"zone": zone})
    items = [_item(item, item_place, zone) for item, item_place in zip(valid.items, item_places, strict=True)]
    first_places: dict[str, str] = {}
    for item, item_place in zip(items, item_places, strict=True):
        if item.sku in first_places:
            raise ConfigurationError(
                f"{item_place}: key 'sku': {item.sku!r} is also the sku of {first_places[item.sku]}; "
                "a sku names one item of a card, so change one"
            )
        first_places[item.sku] = item_place
    return RateCard(**{**dict(valid), "items": tuple(items)})


def _item(table: dict[str, Any], where: str, zone: tzinfo) -> Item:
    valid = validated(_ItemTable, table, where, {"zone": zone})
    if valid.tiers is None:
        tiers: tuple[Tier, ...] = (Tier(Decimal(0), None, valid.price or Decimal(0)),)
    else:
        tiers = tuple(Tier(**dict(tier)) for tier in valid.tiers)
    return Item(
        sku=valid.sku,
        title=valid.title,
        meter=METERS[valid.meter],
        tiers=tiers,
        tier_mode=valid.tier_mode or "graduated",
        tier_scope=valid.tier_scope or "volume",
        per=valid.per,
        per_month=valid.per_month,
        free=valid.free,
        minimum=valid.minimum,
        filter=Filter(**{key: tuple(values) for key, values in valid.filter}),
        valid_from=valid.valid_from,
        valid_to=valid.valid_to,
    )
