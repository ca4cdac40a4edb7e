"""An explanation as a tree for people, in lines that fit a narrow terminal."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text
from rich.tree import Tree

from ioledger.errors import counted
from ioledger.terminal import for_people
from reports.pages.text import money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

SHOWN_AT_MOST: Final = 10
"""How many records, intervals, snapshots or runs the tree shows; JSON has all."""

_SHORT: Final = 12
_COUNTS: Final = (
    "read_ops", "write_ops", "flush_ops", "read_bytes", "write_bytes", "guaranteed_ops", "burst_ops", "throttled_ops",
    "best_effort_ops", "unclassified_ops", "observed_seconds", "gap_seconds", "at_cap_seconds", "cap_iops_seconds",
    "resets", "sold_iops_seconds", "guaranteed_iops_seconds", "deliverable_iops_seconds", "max_iops_seconds",
    "gib_seconds",
)  # fmt: skip
_LIMITS: Final = ("min_iops", "max_iops", "burst_iops", "min_enforced", "sold_min_iops", "sold_max_iops", "size_bytes",
                  "attached_count", "account_id", "offering_id", "pool_id")  # fmt: skip

Row = dict[str, Any]


def tree_of(explanation: Mapping[str, Any]) -> Tree:
    """Lay an explanation out as a tree."""
    return _charge(explanation) if explanation["kind"] == "charge" else _usage_record(explanation)


def _charge(told: Mapping[str, Any]) -> Tree:
    row = told["charge"]
    tree = Tree(_text(f"Charge {row['charge_id']}", "bold"), guide_style="dim")
    what = row["title"] or f"{row['meter']} without a price"
    tree.add(_text(f"{what}: {_amount(row)}", "bold"))
    whose = " ".join(
        filter(None, (row["account_name"], f"({row['account_id']})" if row["account_id"] else "no account"))
    )
    tree.add(_text(f"{whose}, bill of {row['billing_period']}"))
    _of_what(tree, row)
    tree.add(_text(f"used from {_time(row['charge_period_start'])} to {_time(row['charge_period_end'])}"))
    if row["reason"]:
        tree.add(_text(row["reason"]))
    _corrections(tree, told)
    if told["rate"]:
        _rate(tree.add(_text("Price", "bold")), told["rate"], row)
    steps = tree.add(_text("How the amount comes about", "bold"))
    for step in told["steps"]:
        _step(steps, step, row)
    _records(tree, told)
    _runs_in_short(tree, told["runs"])
    _file(tree, "This bill lies in", told["file"])
    tree.add(_verdict(told["agrees"]))
    return tree


def _amount(row: Row) -> str:
    if row["amount"] is None:
        return f"{row['charge_kind']}, not billed"
    return f"{money(row['amount'], row['currency'])} {row['currency']}"


def _of_what(tree: Tree, row: Row) -> None:
    parts = [
        f"volume {row['volume_name'] or row['volume_id']}" if row["volume_id"] else "",
        f"disk {row['device']}" if row["device"] else "",
        row["qos_class"] or "",
    ]
    tree.add(_text(", ".join(filter(None, parts)) or "the whole account"))
    if row["vm_id"]:
        tree.add(_text(f"guest {row['vm_id']}"))


def _corrections(tree: Tree, told: Mapping[str, Any]) -> None:
    row = told["charge"]
    if row["correction"]:
        node = tree.add(_text(f"Correction: {row['correction']} of a line of a closed month", "bold"))
        if told["corrects"]:
            was = told["corrects"]
            node.add(_text(f"charge {was['charge_id']}"))
            node.add(_text(f"of {was['billing_period']}, {_amount(was)}"))
        if row["corrects_usage_record_id"]:
            node.add(_text(f"{counted(row['corrected_record_count'], 'usage record')} changed, the first"))
            node.add(_text(row["corrects_usage_record_id"]))
    if told["corrected_by"]:
        node = tree.add(_text("Corrected on a later bill", "bold"))
        for each in told["corrected_by"]:
            node.add(_text(f"{each['correction']} of {each['billing_period']}, {_amount(each)}"))
            node.add(_text(f"charge {each['charge_id']}"))


def _rate(node: Tree, rate: Mapping[str, Any], row: Row) -> None:
    until = f" to {_time(rate['valid_to'])}" if rate["valid_to"] else " on"
    node.add(_text(f"rate card {rate['name']} version {rate['version']}"))
    node.add(_text(f"in force from {_time(rate['valid_from'])}{until}"))
    item = rate["item"]
    if item is None:
        node.add(_text("no item of it prices this"))
    else:
        unit = f"{rate['currency']} for {item['pricing_unit']}"
        node.add(_text(f"item {item['sku']}: {item['title']}"))
        if item["free"]:
            node.add(_text(f"{_number(item['free'])} free for each {item['tier_scope']}"))
        tiers = (
            node.add(_text(f"{item['tier_mode']} tiers of each {item['tier_scope']}"))
            if len(item["tiers"]) > 1
            else node
        )
        for number, tier in enumerate(item["tiers"], start=1):
            upper = f" to {_number(tier['to'])}" if tier["to"] is not None else ""
            span = f"tier {number}, from {_number(tier['from'])}{upper}: " if len(item["tiers"]) > 1 else ""
            mark = "  <- this line" if len(item["tiers"]) > 1 and row["tier"] == number else ""
            tiers.add(_text(f"{span}{_number(tier['price'])} {unit}{mark}"))
        if item["minimum"]:
            node.add(_text(f"at least {_number(item['minimum'])} {rate['currency']} for each {item['tier_scope']}"))
    whole = "each line" if rate["rounding"] == "line" else "the invoice as a whole"
    node.add(_text(f"rounded: {whole}, {rate['rounding_mode'].replace('_', ' ')}"))
    node.add(_text(f"while a policy conflict is open: {rate['open_conflict']}"))


def _step(node: Tree, step: Mapping[str, Any], row: Row) -> None:
    is_money = step["what"] in {"amount", "rounding_difference", "invoice", "unit_price"}

    def shown(value: object) -> str:
        if isinstance(value, Decimal):
            return money(value, row["currency"]) if is_money else _number(value)
        return "nothing" if value is None else _number(value)

    name = step["what"].replace("_", " ")
    if step["agrees"]:
        unit = f" {row['usage_unit']}" if step["what"] == "usage_quantity" else ""
        node.add(Text.assemble(_text(f"{name} {shown(step['stored'])}{unit} "), _text("= as stored", "green")))
    elif step["agrees"] is None:
        node.add(_text(f"{name} {shown(step['stored'])}: cannot be made again, {step['how']}", "yellow"))
    else:
        wrong = node.add(_text(f"{name} DIFFERS", "bold red"))
        wrong.add(_text(f"stored:     {shown(step['stored'])}"))
        wrong.add(_text(f"made again: {shown(step['computed'])}"))
        node = wrong
    if step["how"] and step["agrees"] is not None:
        (node.children[-1] if step["agrees"] else node).add(_text(step["how"], "dim"))


def _records(tree: Tree, told: Mapping[str, Any]) -> None:
    records = told["usage_records"]
    if not records:
        return
    node = tree.add(_text(counted(len(records), "usage record"), "bold"))
    unit = told["charge"]["usage_unit"]
    wrong = [each for each in records if not each["agrees"]]
    # What is not as it was comes first: people look for that.
    for each in (*wrong, *(each for each in records if each["agrees"]))[:SHOWN_AT_MOST]:
        row = each["record"]
        head = f"{_time(row['window_start'])}  {_number(each['amount'])} {unit} "
        one = node.add(Text.assemble(_text(head), _verdict_of_record(each)))
        one.add(_text(row["usage_record_id"], "dim"))
        if each["agrees"] is not None:
            one.add(_text(_made_of(each), "dim"))
        _differing(one, each)
    _more(node, len(records), "usage records")
    if len(records) > len(wrong):
        node.add(
            _text(
                f"`ioledger explain {records[0]['record']['usage_record_id'][:_SHORT]}` goes on from the first", "dim"
            )
        )


def _made_of(each: Mapping[str, Any]) -> str:
    counts = [
        counted(len(each["intervals"]), "interval") if each["intervals"] else "",
        counted(len(each["snapshots"]), "snapshot") if each["snapshots"] else "",
    ]
    return "made of " + (" and ".join(filter(None, counts)) or "nothing")


def _usage_record(told: Mapping[str, Any]) -> Tree:
    each = told["usage_records"][0]
    row = each["record"]
    tree = Tree(_text(f"Usage record {row['usage_record_id']}", "bold"), guide_style="dim")
    kind = "what a disk did" if row["kind"] == "io" else "what a volume held"
    tree.add(_text(f"{kind}, from {_time(row['window_start'])} to {_time(row['window_end'])}"))
    _of_what(tree, {"volume_name": None, **row})
    tree.add(_text(f"account {row['account_id'] or 'not known'}, offering {row['offering_id'] or 'not known'}"))
    amounts = tree.add(Text.assemble(_text("Amounts ", "bold"), _verdict_of_record(each)))
    for name in _COUNTS:
        if row[name]:
            amounts.add(_text(f"{name} {_number(row[name])}"))
    _differing(amounts, each)
    if each["agrees"] is not None:
        _intervals(tree, each["intervals"], row["kind"])
        _snapshots(tree, each["snapshots"])
    _runs(tree, told["runs"])
    _file(tree, "This record lies in", each["file"])
    tree.add(_verdict(told["agrees"]))
    return tree


def _differing(node: Tree, each: Mapping[str, Any]) -> None:
    for step in each["differing"]:
        _step(node, {**step, "how": ""}, each["record"])


def _intervals(tree: Tree, intervals: Sequence[Mapping[str, Any]], kind: str) -> None:
    if not intervals:
        return
    what = "between samples" if kind == "io" else "with a cap"
    node = tree.add(_text(f"{counted(len(intervals), 'interval')} {what}", "bold"))
    for each in intervals[:SHOWN_AT_MOST]:
        one = node.add(_text(f"{_time(each['piece_start'])} to {_time(each['piece_end'])}"))
        if (each["piece_start"], each["piece_end"]) != (each["interval_start"], each["interval_end"]):
            one.add(_text(f"cut from {_time(each['interval_start'])} to {_time(each['interval_end'])}"))
        if kind == "io":
            one.add(_text(f"{_number(each['read_ops'])} reads, {_number(each['write_ops'])} writes"))
            opening = each["opening"]
            one.add(_text("counts from zero" if opening is None else _sample("from", opening)))
            one.add(_text(_sample("to", each["closing"])))
            if each["resets"]:
                one.add(_text("the counters were restarted"))
            if each["is_gap"]:
                one.add(_text("longer than the gap limit: not classified"))
        else:
            one.add(_text(f"guest {each['vm_id']}, disk {each['device']}"))
            if each["cap_iops"] is not None:
                one.add(_text(f"cap of {_number(each['cap_iops'])} IOPS"))
    _more(node, len(intervals), "intervals")


def _sample(word: str, sample: Mapping[str, Any]) -> str:
    counters = f"{_number(sample['read_ops'])} r, {_number(sample['write_ops'])} w"
    return f"{word} {counters} of {sample['source']} {sample['run_id']}"


def _snapshots(tree: Tree, snapshots: Sequence[Mapping[str, Any]]) -> None:
    if not snapshots:
        return
    node = tree.add(_text("In force", "bold"))
    for each in snapshots[:SHOWN_AT_MOST]:
        row = each["row"]
        what = "allocation" if each["table"] == "provisioned_iops" else "sold"
        one = node.add(_text(f"{what} from {_time(each['valid_from'])} to {_time(each['valid_to'])}"))
        one.add(_text(f"told by {row['source']} {row['run_id']}"))
        for name in _LIMITS:
            if row.get(name) is not None:
                one.add(_text(f"{name} {_number(row[name])}"))
    _more(node, len(snapshots), "snapshots")


def _runs_in_short(tree: Tree, runs: Sequence[Mapping[str, Any]]) -> None:
    if runs:
        sources = sorted({run["source"] for run in runs})
        files = {file["path"] for run in runs for file in run["files"]}
        told = f"{counted(len(runs), 'run')} of {', '.join(sources)} in {counted(len(files), 'file')}"
        tree.add(_text(f"Read by {told}", "bold")).add(_text("--format json lists them with their digests", "dim"))


def _runs(tree: Tree, runs: Sequence[Mapping[str, Any]]) -> None:
    if not runs:
        return
    node = tree.add(_text("Read by", "bold"))
    for run in runs[:SHOWN_AT_MOST]:
        one = node.add(_text(f"{run['source']} {run['run_id']}, {run.get('status', 'not there any more')}"))
        for table, digest in sorted((run.get("digest") or {}).items()):
            one.add(_text(f"digest of {table}", "dim")).add(_text(digest, "dim"))
        for file in run["files"]:
            one.add(_text(file["path"], "dim")).add(_text(file["sha256"], "dim"))
    _more(node, len(runs), "runs")


def _file(tree: Tree, what: str, file: Mapping[str, str]) -> None:
    node = tree.add(_text(what, "bold"))
    node.add(_text(file["path"]))
    node.add(_text(f"SHA-256 {file['sha256']}", "dim"))


def _more(node: Tree, count: int, what: str) -> None:
    if count > SHOWN_AT_MOST:
        node.add(_text(f"and {count - SHOWN_AT_MOST} more {what}; --format json has all", "dim"))


def _verdict(agrees: bool | None) -> Text:  # noqa: FBT001 - three values, one argument
    if agrees:
        return _text("Everything is made again as it is stored.", "bold green")
    if agrees is None:
        return _text("Facts are gone: what could be made again is as it is stored.", "bold yellow")
    return _text("SOMETHING DIFFERS from what is stored.", "bold red")


def _verdict_of_record(each: Mapping[str, Any]) -> Text:
    if each["facts"] == "changed since":
        return _text("changed after it was closed", "yellow")
    if each["agrees"]:
        return _text("= as stored", "green")
    return _text("facts pruned", "yellow") if each["agrees"] is None else _text("DIFFERS", "bold red")


def _number(value: object) -> str:
    return for_people(value)


def _time(moment: datetime) -> str:
    return for_people(moment).replace("T", " ").removesuffix("Z").removesuffix(":00") + "Z"


def _text(text: Any, style: str = "") -> Text:  # noqa: ANN401 - whatever is told
    return Text(for_people(str(text)), style=style)
