"""Billing months as hypothesis draws them: their hours, usage records in them, and rate cards to charge them by."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import usage_lakes
from hypothesis import strategies as st
from reference.facts import Settings, to_datetime, to_microseconds
from reference.prices import KEY
from reference.windows import rule_8_windows

from ioledger.model.tables import QOS_CLASSES, USAGE_AMOUNTS
from reports.charges.meters import METERS
from reports.charges.rate_card import Filter, Item, RateCard, Tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ioledger.model.records import Row

ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
CLASSES = ("guaranteed_ops", "burst_ops", "throttled_ops", "best_effort_ops", "unclassified_ops")
LEVELS = ("sold_iops", "guaranteed_iops", "deliverable_iops", "max_iops", "gib")


@dataclass(frozen=True)
class BilledMonth:
    """A month: its name, the settings of its lake, and its hours."""

    name: str
    tables: Sequence[Row]
    hours: Sequence[tuple[datetime, datetime]] = field(repr=False)

    @property
    def start(self) -> datetime:
        """Return its first moment."""
        return self.hours[0][0]


@cache
def month(name: str, *zones: tuple[datetime, str]) -> BilledMonth:
    """Return a month in the billing time zones that hold from some moments on."""
    tables = [{"valid_from": valid_from, "billing_time_zone": zone} for valid_from, zone in zones]
    middle = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC) + timedelta(days=15)
    counted = [{**table, "valid_from": to_microseconds(table["valid_from"])} for table in tables]
    around = (to_microseconds(middle + timedelta(days=days)) for days in (-18, 20))
    windows = [(to_datetime(each.start), to_datetime(each.end)) for each in rule_8_windows(Settings(counted), *around)]

    def local(moment: datetime) -> str:
        (zone,) = [zone for valid_from, zone in zones if valid_from <= moment][-1:]
        return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m}"

    return BilledMonth(name, tables, [hour for hour in windows if local(hour[0]) == name])


def months() -> st.SearchStrategy[BilledMonth]:
    """Give months with and without a change of the clock, of the calendar or of the billing time zone."""
    lakes = [
        ("2026-02", (ALWAYS, "UTC")),
        ("2025-03", (ALWAYS, "Europe/Berlin")),  # an hour less
        ("2025-10", (ALWAYS, "Europe/Berlin")),  # an hour twice
        ("2025-04", (ALWAYS, "Australia/Lord_Howe")),  # half an hour twice
        ("2011-12", (ALWAYS, "Pacific/Apia")),  # a day left out
        ("2025-06", (ALWAYS, "Asia/Kolkata"), (datetime(2025, 6, 12, 4, 10, tzinfo=UTC), "America/New_York")),
    ]
    return st.sampled_from(lakes).map(lambda told: month(*told))


def numbers(most: int, places: int) -> st.SearchStrategy[Decimal]:
    """Give numbers from 0, half of them round."""
    return st.one_of(
        st.integers(0, most // 100).map(lambda number: Decimal(number * 100)),
        st.integers(0, most * 10**places).map(lambda number: Decimal(number).scaleb(-places)),
    )


@st.composite
def keys(draw: st.DrawFn) -> Row:
    """Give a key whose parts are few, and often unknown."""
    few = {"account_id": ["a", "a", "b", None], "volume_id": ["v1", "v2", None], "vm_id": ["m1", "m2", None]}
    others = {name: [None, f"{name}-1"] for name in KEY if name not in few and name != "qos_class"}
    drawn = {name: draw(st.sampled_from(values)) for name, values in (few | others).items()}
    return {**drawn, "qos_class": draw(st.sampled_from(["conflicting", *QOS_CLASSES]))}


@st.composite
def records(draw: st.DrawFn, billed: BilledMonth, cuts: Sequence[datetime] = ()) -> list[Row]:
    """Give usage records: those of few keys in few hours, near changes and the ``cuts`` of rate cards."""
    lengths = {closes - opens for opens, closes in billed.hours} - {timedelta(hours=1)}
    odd = [number for number, (opens, closes) in enumerate(billed.hours) if closes - opens in lengths]
    near = [number for number, (opens, closes) in enumerate(billed.hours) for cut in cuts if opens <= cut < closes]
    spots = {0, 1, len(billed.hours) - 1, *odd, *near, *(max(0, number - 1) for number in near)}
    spots |= draw(st.sets(st.integers(0, len(billed.hours) - 1), max_size=3))
    drawn = draw(
        st.lists(
            st.tuples(st.sampled_from(sorted(spots)), st.sampled_from(draw(st.lists(keys(), min_size=1, max_size=4)))),
            min_size=1,
            max_size=14,
        )
    )
    unique = {(spot, kind, tuple(key.items())) for spot, key in drawn for kind in ("io", "allocation")}
    rows = []
    for spot, kind, key in sorted(unique, key=str):
        hour = billed.hours[spot]
        rows.append(record(kind, hour, dict(key), draw(amounts(kind, *hour))))
    return rows


def record(kind: str, hour: tuple[datetime, datetime], key: Row, counted: Row) -> Row:
    """Return a usage record without its identity."""
    provisioned, throttled = usage_lakes.CLASSES[key["qos_class"]]
    return {
        "kind": kind, "window_start": hour[0], "window_end": hour[1], **key, "provisioned": provisioned,
        "throttled": throttled, **counted,
    }  # fmt: skip


@st.composite
def amounts(draw: st.DrawFn, kind: str, opens: datetime, closes: datetime) -> Row:
    """Give what a record counts: a disk's operations add up to its classes, and a level holds for all or some of it."""
    found = usage_lakes.amounts(0) | {name: Decimal(0) if name in usage_lakes.EXACT else 0 for name in USAGE_AMOUNTS}

    def level() -> Decimal:
        held = draw(st.sampled_from([closes - opens, closes - opens, (closes - opens) / 3]))
        microseconds = held // timedelta(microseconds=1)
        return (draw(st.sampled_from([0, 1, 100, 3000, 3001, 5000])) * Decimal(microseconds)).scaleb(-6)

    if kind == "allocation":
        return found | {f"{name}_seconds": level() for name in LEVELS}
    counted = {name: draw(st.integers(0, 300)) for name in ("read_ops", "write_ops")}
    in_class = draw(st.integers(0, sum(counted.values())))
    one, other = draw(st.sampled_from(CLASSES)), draw(st.sampled_from(CLASSES))
    classes = {one: in_class, other: sum(counted.values()) - in_class + (in_class if one == other else 0)}
    in_bytes = {name.replace("ops", "bytes"): count * 512 for name, count in counted.items()}
    return found | counted | classes | in_bytes | {"cap_iops_seconds": level()}


@st.composite
def items(draw: st.DrawFn, number: int, ends: Sequence[datetime]) -> Item:
    """Give an item with bounds of the size of what is counted, which has a price from and to some of ``ends``."""
    meter = METERS[draw(st.sampled_from(sorted(METERS)))]
    most = 6000 if meter.level else 150_000 if meter.unit == "Bytes" else 1000
    borders = sorted(set(draw(st.lists(numbers(most, 6).filter(bool), max_size=3))))
    tiered = bool(borders) or draw(st.booleans())
    price = numbers(300, 4)
    minimum = Decimal(0) if meter.credit else draw(st.sampled_from([Decimal(0), Decimal("7.05"), Decimal(400)]))
    lists = {
        name: draw(st.sampled_from([(), (), (), (value,)]))
        for name, value in {
            "offering_id": "offering_id-1", "pool_id": "pool_id-1", "account_id": "a", "zone_id": "zone_id-1",
        }.items()
    }  # fmt: skip
    end = st.sampled_from([None, None, None, *ends])
    valid_from, valid_to = draw(end), draw(end)
    if valid_from and valid_to and valid_to <= valid_from:
        valid_from = None
    qos_class = draw(st.sampled_from([(), (), ("conflicting",), ("conflicting", "guaranteed"), ("best_effort",)]))
    return Item(
        sku=f"sku-{number}",
        title=f"Item {number}",
        meter=meter,
        tiers=tuple(
            Tier(above, up_to, draw(price))
            for above, up_to in zip([Decimal(0), *borders], [*borders, None], strict=True)
        ),
        tier_mode=draw(st.sampled_from(["graduated", "volume"])) if tiered else "graduated",
        tier_scope=draw(st.sampled_from(["volume", "account"])),
        per=draw(st.sampled_from([1, 1, 7, 1000])),
        per_month=meter.level and draw(st.booleans()),
        free=draw(st.sampled_from([Decimal(0), Decimal(0), *borders, draw(numbers(most, 6))])),
        minimum=minimum,
        filter=Filter(**lists, qos_class=qos_class),
        valid_from=valid_from,
        valid_to=valid_to,
    )


@st.composite
def rate_cards(draw: st.DrawFn, billed: BilledMonth, cuts: Sequence[datetime] = ()) -> list[RateCard]:
    """Give up to three cards after each other, which begin and end anywhere in the month, or at ``cuts``."""
    hours = [opens for opens, _ in billed.hours]
    ends = st.sampled_from(cuts or [*hours, *(opens + timedelta(minutes=20) for opens in hours)])
    borders = [ALWAYS, *sorted(draw(st.sets(ends, max_size=2))), datetime(2100, 1, 1, tzinfo=UTC)]
    begun = [max(opens for opens in hours if opens <= cut) for cut in cuts if cut >= hours[0]]
    cards = []
    for number, (valid_from, valid_to) in enumerate(pairwise(borders)):
        if number and draw(st.integers(0, 7)) == 0:
            continue  # nothing has a price for a time
        count = draw(st.integers(1, 4))
        cards.append(
            RateCard(
                name="drawn",
                version=str(number),
                currency=draw(st.sampled_from(["EUR", "JPY", "KWD"])),
                valid_from=valid_from,
                valid_to=draw(st.sampled_from([valid_to, None])) if number == len(borders) - 2 else valid_to,
                rounding=draw(st.sampled_from(["line", "invoice"])),
                rounding_mode=draw(st.sampled_from(["half_up", "half_even"])),
                open_conflict=draw(st.sampled_from(["deliverable", "sold", "hold"])),
                items=tuple(draw(items(n, begun or hours[:4])) for n in range(count)),
            )
        )
    return cards


def written(cards: Sequence[RateCard]) -> str:
    """Write rate cards as a file that people might write."""
    tables = [_table("cards", _of_card(card)) + "".join(map(_item, card.items)) for card in cards]
    return "".join(tables) or "cards = []\n"


def _of_card(card: RateCard) -> dict[str, Any]:
    names = ("name", "version", "currency", "valid_from", "valid_to", "rounding", "rounding_mode", "open_conflict")
    return {name: getattr(card, name) for name in names}


def _item(item: Item) -> str:
    tiers = ", ".join(
        f"{{ from = {tier.above:f}{'' if tier.up_to is None else f', to = {tier.up_to:f}'}, price = {tier.price:f} }}"
        for tier in item.tiers
    )
    lists = ", ".join(f"{name} = {list(getattr(item.filter, name))}" for name in item.filter.__slots__)
    values = {"sku": item.sku, "title": item.title, "meter": item.meter.name, "tier_mode": item.tier_mode,
              "tier_scope": item.tier_scope, "per": item.per, "per_month": item.per_month, "free": item.free,
              "minimum": item.minimum, "valid_from": item.valid_from, "valid_to": item.valid_to}  # fmt: skip
    return _table("cards.items", values) + f"tiers = [{tiers}]\nfilter = {{ {lists} }}\n"


def _table(header: str, values: dict[str, Any]) -> str:
    return f"[[{header}]]\n" + "".join(
        f"{name} = {_toml(value)}\n" for name, value in values.items() if value is not None
    )


def _toml(value: Any) -> str:  # noqa: ANN401 - whatever a key has
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else f"'{value}'" if isinstance(value, str) else str(value)
