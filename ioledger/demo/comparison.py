"""What ioledger answers, beside what was worked out by hand."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from ioledger.lake import reader
from ioledger.model.tables import OPERATION_CLASSES
from ioledger.terminal import for_people, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ioledger.demo.stage import Stage

_Row = dict[str, Any]

_NOTHING: Final = Decimal("0.00")


def compare(stage: Stage, lake: Path, story: _Row) -> list[str]:
    """Show what the guests did, was found and has to be paid, by hand and by ioledger; return what differs."""
    with reader.connect(lake) as connection:
        usage, found, charged = (
            connection.sql(packaged(f"{name}.sql")).to_arrow_table().to_pylist()
            for name in ("usage_by_volume", "finding_key", "charge_by_item")
        )
    stage.chapter("By hand, and by ioledger", "What the guests did, and what was metered:")
    differences = [*_operations(story["truth"], usage)]
    stage.say("What the accounts have to pay, and what was billed:")
    differences += _amounts(story, charged)
    unlike = [*_findings(story["finding"], found)]
    stage.say(f"{len(found)} findings, {'not those that were planted' if unlike else 'each of them planted'}.")
    return differences + unlike


def packaged(name: str) -> str:
    """Return the text of a file of the demo."""
    return resources.files("ioledger.demo").joinpath(name).read_text(encoding="utf-8")


def _operations(truths: Sequence[_Row], usage: Sequence[_Row]) -> Iterator[str]:
    nothing = dict.fromkeys(OPERATION_CLASSES, 0)
    by_volume = {row["volume_id"]: row for row in usage}
    rows = []
    for truth in truths:
        metered = by_volume.pop(truth["volume_id"], nothing)
        numbers = {name: (truth[name], metered[name]) for name in OPERATION_CLASSES}
        total = sum(metered[name] for name in OPERATION_CLASSES)
        numbers["operations in all"] = (truth["done_ops"] - truth["lost_ops"], total)
        wrong = [*_unequal(truth["volume_id"], numbers)]
        rows.append({**truth, "metered_ops": total, "verdict": "DIFFERS" if wrong else "equal"})
        yield from wrong
    for volume_id in by_volume:
        yield f"{volume_id}: usage of a volume that is not in the story"
    show(rows, ("volume_id", "done_ops", "lost_ops", "metered_ops", "verdict"), "table")


def _findings(expected: Sequence[_Row], found: Sequence[_Row]) -> Iterator[str]:
    planted, had = (
        Counter((row["code"], row["resource_id"], row.get("volume_id")) for row in rows) for rows in (expected, found)
    )
    for code, resource_id, _ in planted - had:
        yield f"{code} of {resource_id}: planted, and not found"
    for code, resource_id, _ in had - planted:
        yield f"{code} of {resource_id}: found, and not planted"


def _amounts(story: _Row, charged: Sequence[_Row]) -> Iterator[str]:
    """Compare bills item by item; the rows of the table are accounts and months."""
    kept: dict[tuple[str, bool], _Row] = {}
    for row in charged:
        kept.setdefault((row["account_id"], row["is_correction"]), {})[row["sku"]] = row["amount"]
    rows = []
    for name, is_correction in (("charge", False), ("correction", True)):
        for expected in story[name]:
            billed = kept.pop((expected["account_id"], is_correction), {})
            whose = f"{name} of {expected['account_id']}"
            total = sum(billed.values(), _NOTHING)
            amounts = {
                sku: (expected["items"].get(sku, _NOTHING), billed.get(sku, _NOTHING))
                for sku in sorted({*expected["items"], *billed})
            }
            wrong = [*_unequal(whose, {**amounts, "total": (expected["total"], total)})]
            rows.append(
                {
                    "account_id": expected["account_id"],
                    "bill": "November, correction of October" if is_correction else "October",
                    "by_hand": _in_words(expected["total"]),
                    "billed": _in_words(total),
                    "verdict": "DIFFERS" if wrong else "equal",
                }
            )
            yield from wrong
    for account_id, _is_correction in kept:
        yield f"charges of {account_id}, which is not in the story"
    show(rows, ("account_id", "bill", "by_hand", "billed", "verdict"), "table")


def _unequal(what: str, numbers: dict[str, tuple[Any, Any]]) -> Iterator[str]:
    for name, (by_hand, answered) in numbers.items():
        if by_hand != answered:
            yield f"{what}: {name} is {_in_words(by_hand)} by hand and {_in_words(answered)} by ioledger"


def _in_words(number: int | Decimal) -> str:
    return f"{number:,.2f}" if isinstance(number, Decimal) else for_people(number)
