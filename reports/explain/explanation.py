"""Puts an explanation together: the charge, its records, what these were made of, and the files of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ioledger.lake import derived, layout, reader, settings
from ioledger.model.period import utc_day
from ioledger.model.tables import USAGE_AMOUNTS, USAGE_RECORD
from reports.charges.meters import METERS
from reports.charges.rating import USAGE_PLACES, decimal_of
from reports.explain import search
from reports.explain.facts import Subject, are_pruned, differing, key_of, make_again
from reports.explain.line_usage import Charged, amount_of, disks_of, records_of, usage_files
from reports.explain.pricing import amount_steps, rating_of
from reports.explain.runs import Digests, RunKey, runs_of
from reports.explain.steps import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from reports.charges.splitting import Usage
    from reports.explain.facts import MadeAgain, Row
    from reports.explain.pricing import Rating
    from reports.explain.search import Found

_SAMPLE: Final = (
    "source", "run_id", "sampled_at", "epoch", "epoch_started_at", "window_start", "read_ops", "write_ops", "flush_ops",
    "read_bytes", "write_bytes", "cap_total_iops", "cap_read_iops", "cap_write_iops", "cap_total_bps", "cap_read_bps",
    "cap_write_bps", "cap_io_size",
)  # fmt: skip
_PIECE: Final = (
    "vm_id", "device", "volume_id", "qos_class", "interval_start", "interval_end", "piece_start", "piece_end", "is_gap",
    "read_ops", "write_ops", "flush_ops", "read_bytes", "write_bytes", "guaranteed_ops", "burst_ops", "throttled_ops",
    "best_effort_ops", "unclassified_ops", "at_cap_us", "cap_iops", "resets",
)  # fmt: skip


def explain(lake: Path, text: str) -> dict[str, Any]:
    """Explain the charge or usage record that an id, or its beginning, names.

    The answer has only texts, numbers, times, lists and tables of them. ``agrees`` is true where
    everything that was made again is as it is stored, false where something differs, and null where
    nothing differs but facts are gone. Raises ConfigurationError for an id that names nothing, or
    several things, and LakeError if the lake cannot be read.
    """
    return derived.consistently(layout.require(lake), lambda: _explain(lake, text))


def _explain(lake: Path, text: str) -> dict[str, Any]:
    with reader.open_lake(lake) as opened:
        explainer = _Explainer(opened, lake)
        found = search.find(opened, lake, text)
        return explainer.charge(found) if found.kind == "charge" else explainer.record(found)


class _Explainer:
    def __init__(self, opened: OpenLake, lake: Path) -> None:
        self._opened = opened
        self._lake = lake
        self._line = settings.load(lake)
        self._digests = Digests(lake)

    def charge(self, found: Found) -> dict[str, Any]:
        row = found.row
        charged = Charged(self._opened, self._lake, self._line, row)
        rating = rating_of(charged, found.path)
        usage = usage_files(charged)
        is_metered = row["charge_kind"] != "minimum"
        records = records_of(self._opened, usage, row) if is_metered else []
        corrected = search.charge(self._opened, self._lake, row["corrects_charge_id"] or "")
        steps = amount_steps(charged, rating, [record for record, _ in records], corrected)
        open_conflict = rating.card.open_conflict if rating.card else None
        told, runs = self._records(usage, records)
        later = search.corrected_by(self._opened, self._lake, row["charge_id"])
        is_corrected = bool(later) or row["correction"] == "reversal"
        for each in told:
            if each["facts"] == "changed since" and is_corrected:
                each["agrees"] = True  # what it was closed with does not come out again, and a correction says so
            each["amount"] = decimal_of(amount_of(each["record"], row["meter"], open_conflict), USAGE_PLACES)
        return {
            "kind": "charge",
            "id": row["charge_id"],
            "agrees": _agree([*(step.agrees for step in steps), *(each["agrees"] for each in told)]),
            "charge": row,
            "file": self._digests.file(found.path),
            "rate": _rate(rating),
            "steps": [step.told() for step in steps],
            "corrects": corrected,
            "corrected_by": later,
            "usage_records": told,
            "runs": runs,
        }

    def record(self, found: Found) -> dict[str, Any]:
        files = search.files_of(self._lake, "usage_record")
        told, runs = self._records(layout.by_day(files), [(found.row, found.path)])
        return {
            "kind": "usage_record",
            "id": found.row["usage_record_id"],
            "agrees": told[0]["agrees"],
            "usage_records": told,
            "runs": runs,
        }

    def _records(
        self, usage: Usage, records: Sequence[tuple[Row, Path]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Make records of one subject again; return what is to say of each, and the runs behind them."""
        kept = [row for row, _ in records if not are_pruned(self._lake, row)]
        made = self._made(usage, kept) if kept else None
        by_hour: dict[datetime, list[Row]] = {}
        for piece in made.pieces if made else ():
            by_hour.setdefault(piece["window_start"], []).append(piece)
        told = [
            self._record(row, path, None if are_pruned(self._lake, row) else made, by_hour.get(row["window_start"], ()))
            for row, path in records
        ]
        runs = runs_of(self._opened, _runs_in(told), made.days if made else None, self._digests)
        return told, runs

    def _made(self, usage: Usage, records: list[Row]) -> MadeAgain:
        first = records[0]
        is_io = first["kind"] == "io"
        vm_ids = [first["vm_id"]] if is_io else disks_of(self._opened, usage, records)
        subject = Subject(first["kind"], first["volume_id"], vm_ids)
        return make_again(self._opened, self._line, subject, records)

    def _record(self, row: Row, path: Path, made: MadeAgain | None, of_hour: Iterable[Row]) -> dict[str, Any]:
        steps: list[Step] = []
        pieces: list[Row] = []
        snapshots: list[Row] = []
        facts = "pruned"
        if made is not None:
            facts = "read"
            again = made.records.get(key_of(row))
            steps = [
                Step(name, row[name], again[name] if again else 0, "from the samples and snapshots below")
                for name in differing(row, again)
            ]
            if steps and self._is_late(row, path, again):
                facts = "changed since"
            pieces = [piece for piece in of_hour if _belongs(piece, row)]
            snapshots = [
                each for each in made.snapshots
                if each["valid_from"] < row["window_end"] and each["valid_to"] > row["window_start"]
            ]  # fmt: skip
        return {
            "record": row,
            "file": self._digests.file(path),
            "agrees": None if made is None else not steps,
            "facts": facts,
            "differing": [step.told() for step in steps],
            "intervals": [_interval(piece) for piece in pieces],
            "snapshots": [_snapshot(each) for each in snapshots],
        }

    def _is_late(self, row: Row, path: Path, again: Row | None) -> bool:
        """Tell whether a record was as it is stored when its month was closed, and its facts changed since."""
        if layout.CLOSED_MONTHS not in path.relative_to(self._lake).parts[:1]:
            return False
        paths = layout.files_of_days(self._lake, USAGE_RECORD.name, [utc_day(row["window_start"])])
        present = search.rows(
            self._opened,
            USAGE_RECORD.name,
            paths,
            "window_start = $1 AND kind = $2",
            [row["window_start"], row["kind"]],
        )
        now = next((each for each in present if key_of(each) == key_of(row)), None)
        if now is None or again is None:
            return now is again
        return not differing(now, again)


def _agree(found: Iterable[bool | None]) -> bool | None:
    told = list(found)
    return False if False in told else None if None in told else True


def _belongs(piece: Row, record: Row) -> bool:
    """Tell whether a piece is part of a record, or lowers what its volume could deliver."""
    if piece["volume_id"] != record["volume_id"]:
        return False
    if record["kind"] == "allocation":
        return bool(piece["capped"])
    names = ("vm_id", "device", "account_id", "project_id", "offering_id", "pool_id", "zone_id", "qos_class")
    return all(piece[name] == record[name] for name in names)


def _interval(piece: Row) -> dict[str, Any]:
    told = {name: int(piece[name]) if name in USAGE_AMOUNTS else piece[name] for name in _PIECE}
    for end in ("opening", "closing"):
        sample = piece[end]
        told[end] = {name: sample[name] for name in _SAMPLE} if sample else None
    return told


def _snapshot(each: Row) -> dict[str, Any]:
    row = each["snapshot"] if each["table"] == "provisioned_iops" else each["entitlement"]
    kept = {name: value for name, value in row.items() if value is not None and name not in {"valid_from", "valid_to"}}
    return {"table": each["table"], "valid_from": each["valid_from"], "valid_to": each["valid_to"], "row": kept}


def _runs_in(records: Iterable[dict[str, Any]]) -> set[RunKey]:
    found = set()
    for each in records:
        found |= {RunKey(row["row"]["source"], row["row"]["run_id"]) for row in each["snapshots"]}
        for interval in each["intervals"]:
            ends = (interval["opening"], interval["closing"])
            found |= {RunKey(end["source"], end["run_id"]) for end in ends if end}
    return found


def _rate(rating: Rating) -> dict[str, Any] | None:
    card, item = rating.card, rating.item
    if card is None:
        return None
    told = {
        "name": card.name,
        "version": card.version,
        "currency": card.currency,
        "valid_from": card.valid_from,
        "valid_to": card.valid_to,
        "rounding": card.rounding,
        "rounding_mode": card.rounding_mode,
        "open_conflict": card.open_conflict,
        "item": None,
    }
    if item is not None:
        told["item"] = {
            "sku": item.sku,
            "title": item.title,
            "meter": item.meter.name,
            "column": METERS[item.meter.name].column,
            "tiers": [{"from": tier.above, "to": tier.up_to, "price": tier.price} for tier in item.tiers],
            "tier_mode": item.tier_mode,
            "tier_scope": item.tier_scope,
            "per": item.per,
            "per_month": item.per_month,
            "pricing_unit": item.pricing_unit,
            "free": item.free,
            "minimum": item.minimum,
            "filter": {name: list(getattr(item.filter, name)) for name in item.filter.__slots__},
        }
    return told
