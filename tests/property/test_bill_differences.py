"""The parts of a difference between two bills add up to it exactly, whatever the bills are."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from ioledger.model.tables import CHARGE_KINDS
from reports.charges.differences import REASONS, Rated, Step, differences
from reports.charges.meters import METERS
from reports.charges.parts import Part
from reports.charges.rate_card import Filter, Item, RateCard, Tier
from reports.charges.stored import table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = [None, "a", "b"]
START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
money = st.decimals(-(10**6), 10**6, places=12)
usage = st.decimals(0, 10**6, places=6)


@st.composite
def lines(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(CHARGE_KINDS))
    is_billed = kind not in {"held", "unpriced"}
    return {
        "charge_kind": kind,
        "account_id": draw(st.sampled_from(NAMES)),
        "currency": draw(st.sampled_from(["EUR", "JPY"])) if is_billed else draw(st.sampled_from([None, "EUR"])),
        "sku": None if kind == "unpriced" else draw(st.sampled_from(["reads", "size"])),
        "volume_id": draw(st.sampled_from(NAMES)),
        "vm_id": draw(st.sampled_from(NAMES)),
        "correction": draw(st.sampled_from([None, None, None, "reversal", "replacement"])),
        "usage_quantity": draw(usage),
        "pricing_quantity": draw(money),
        "pricing_unit": draw(st.sampled_from(["IOPS-Months", "Operations"])),
        "cost": draw(money) if is_billed else None,
        "amount": draw(st.decimals(-(10**6), 10**6, places=2)) if is_billed else None,
    }


@st.composite
def cards(draw: st.DrawFn) -> RateCard:
    def an_item(sku: str) -> Item:
        price, free = draw(usage), draw(st.sampled_from([Decimal(0), Decimal(5)]))
        borders = draw(st.sampled_from([(Decimal(0), None), (Decimal(0), Decimal(7), None)]))
        tiers = tuple(Tier(above or Decimal(0), to, price) for above, to in pairwise(borders))
        return Item(
            sku=sku, title="", meter=METERS["read_ops"], tiers=tiers, tier_mode="graduated", tier_scope="volume", per=1,
            per_month=False, free=free, minimum=Decimal(0), filter=Filter(),
        )  # fmt: skip

    skus = draw(st.sets(st.sampled_from(["reads", "size"])))
    return RateCard(
        "card", "1", "EUR", START, None, "line", "half_up", "hold", tuple(an_item(sku) for sku in sorted(skus))
    )


@st.composite
def bills(draw: st.DrawFn) -> Rated:
    found = draw(st.lists(lines(), max_size=12))
    return Rated(table_of(found), [Part(START, END, card) for card in draw(st.lists(cards(), max_size=2))])


@given(
    st.lists(bills(), min_size=2, max_size=4), st.lists(st.sampled_from(["prices", "usage"]), min_size=3, max_size=3)
)
def test_the_parts_add_up_to_the_difference(chain: Sequence[Rated], changes: Sequence[Any]) -> None:
    steps = [Step(kind, *pair) for kind, pair in zip(changes, pairwise(chain), strict=False)]

    rows = differences(chain[0], chain[-1], steps)

    totals = {(row["account_id"], row["currency"]): row for row in rows if row["reason"] == "total"}
    parts = [row for row in rows if row["reason"] != "total"]
    assert {row["reason"] for row in parts} <= set(REASONS)
    with localcontext(prec=60):
        for key, total in totals.items():
            of_key = [row["difference"] for row in parts if (row["account_id"], row["currency"]) == key]
            assert sum(of_key, Decimal(0)) == total["difference"] == total["after"] - total["before"]
        for side, name in ((chain[0], "before"), (chain[-1], "after")):
            billed = [row["amount"] for row in side.lines.to_pylist() if row["amount"] is not None]
            assert sum(billed, Decimal(0)) == sum((total[name] for total in totals.values()), Decimal(0))
