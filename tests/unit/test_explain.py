"""`explain`: from an amount to its samples, and what is not as it is made again."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lakes import a_run, new_lake, read, sample
from policy_lake import ioledger
from rate_cards import card, item
from usage_lakes import settle, store

from ioledger.lake import layout, settings
from ioledger.lake.compaction import compact
from ioledger.lake.pruning import prune
from ioledger.lake.writer import write_run
from ioledger.model.tables import USAGE_RECORD
from ioledger.terminal import console
from reports.charges import bill, stored
from reports.closing.frozen import freeze
from reports.explain.explanation import explain as explanation_of
from reports.explain.tree import tree_of
from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ioledger.model.records import Row, Run

MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE
EVENING = datetime(2026, 11, 10, 20, tzinfo=UTC)
MORNING = EVENING + 13 * HOUR
NOW = MORNING + 2 * HOUR
GIB = 2**30

CARDS = card(
    item(
        per_month="true", price="", tier_mode='"graduated"', tier_scope='"account"',
        tiers="[{ from = 0, to = 600, price = 6.5 }, { from = 600, price = 3.25 }]",
    ),
    item(sku='"size"', title='"Size"', meter='"gib"', price="0.001"),
    item(sku='"reads"', title='"Reads"', meter='"read_ops"', per="1000", price="0.07", free="5000",
         tier_scope='"account"'),
    item(sku='"writes"', title='"Writes"', meter='"write_ops"', per="1000", price="0.03", minimum="99",
         tier_scope='"volume"'),
    open_conflict='"deliverable"',
)  # fmt: skip


def runs(start: datetime, hours: int) -> list[Run]:
    """Give two guests on one host, each with a volume; db is provisioned and capped, web has nothing to limit it."""
    found = []
    for number in range(hours * 4 + 1):
        at = start + number * 15 * MINUTE
        done = int((at - start).total_seconds())
        found.append(
            a_run(
                *(
                    sample(
                        name, at, volume_id=f"vol-{name}", read_ops=done * rate, write_ops=done, read_bytes=done * 4096,
                        write_bytes=done * 512, cap_total_iops=300 if name == "db" else None,
                    )
                    for name, rate in (("db", 7), ("web", 3))
                ),
                at=at,
            )
        )  # fmt: skip
        if number % 4 == 0:
            volumes = [{"volume_id": "vol-db", "min_iops": 500, "max_iops": 900, "min_enforced": True,
                        "size_bytes": 100 * GIB, "pool_id": "p"}]  # fmt: skip
            sold = [
                {"volume_id": f"vol-{name}", "vm_id": name, "account_id": "acme", "account_name": "ACME [Ltd]",
                 "sold_min_iops": 500, "size_bytes": 100 * GIB}
                for name in ("db", "web")
            ]  # fmt: skip
            found.append(a_run(kind="storage", source="array", at=at, tables={"provisioned_iops": volumes}))
            found.append(a_run(kind="controlplane", source="shop", at=at, tables={"entitlement": sold}))
    return found


def rate(lake: Path, month: str, cards: str = CARDS) -> None:
    path = lake.parent / "rates.toml"
    path.write_text(cards, encoding="utf-8")
    made = bill.make(lake, stored.month_of(month, settings.load(lake)), cards, path)
    stored.store(lake, made.bill)


def strange_numbers(explained: dict[str, Any]) -> list[str]:
    """Give the numbers in the tree that are neither stored nor count what is shown."""
    told = io.StringIO()
    console(told).print(tree_of(explained))
    counts = r"\d[\d,]* (?:usage records?|intervals?|snapshots?|runs?|files?|lines|more)\b"
    tree = re.sub(counts, "", told.getvalue())
    known = {plain(value) for value in values_in(explained)}
    numbers = re.findall(r"(?<![\w.:/-])-?\d[\d,]*(?:\.\d+)?(?![\w:/-])", tree)
    assert numbers, tree
    return [number for number in numbers if plain(number.replace(",", "")) not in known]


def values_in(value: object) -> list[object]:
    if isinstance(value, dict):
        return [inner for each in value.values() for inner in values_in(each)]
    return [inner for each in value for inner in values_in(each)] if isinstance(value, list) else [value]


def plain(value: object) -> str:
    try:
        return f"{Decimal(str(value)).normalize():f}"
    except ArithmeticError:
        return str(value)


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = new_lake(tmp_path_factory.mktemp("rated"), *runs(EVENING, 13))
    build(lake, EVENING, MORNING)
    rate(lake, "2026-11")
    return lake


@pytest.fixture
def lake(tmp_path: Path, rated: Path) -> Path:
    shutil.copytree(rated, tmp_path / "lake")
    return tmp_path / "lake"


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    def call(lake: Path, name: str, *words: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = ioledger(lake, "explain", name, *(words or ("--format", "json")), now=NOW)
        shown = capsys.readouterr()
        return code, shown.out if words or code == 2 else json.loads(shown.out), shown.err

    return call


def ids(lake: Path, condition: str = "true", table: str = "charge") -> list[str]:
    return [name for (name,) in read(lake, f"SELECT {table}_id FROM {table} WHERE {condition} ORDER BY ALL")]  # noqa: S608


def wrong(explained: Any) -> list[str]:  # noqa: ANN401 - JSON
    return [step["what"] for step in explained.get("steps", []) if step["agrees"] is not True]


def retold(lake: Path, change: Callable[[Row], Row]) -> None:
    """Store the bill of November once more, as the product stores it, with lines that somebody changed."""
    month = stored.month_of("2026-11", settings.load(lake))
    found = stored.load(stored.path_of(lake, month), month)
    assert found is not None
    lines = stored.table_of([change(row) for row in found.lines.to_pylist()])
    stored.store(lake, stored.Bill(month, lines, found.made_of, found.rate_cards))


def test_every_charge_is_made_again_as_it_is_stored(rated: Path) -> None:
    kinds = set()
    for name in ids(rated):
        found = explanation_of(rated, name)
        assert (wrong(found), found["agrees"]) == ([], True), found["charge"]
        assert all(each["agrees"] for each in found["usage_records"])
        assert strange_numbers(found) == []
        kinds.add((found["charge"]["charge_kind"], found["charge"]["tier"]))
    assert kinds >= {("usage", 1), ("usage", 2), ("free", None), ("minimum", None)}


@pytest.mark.parametrize("kind", ["io", "allocation"])
def test_every_record_is_made_again_as_it_is_stored(rated: Path, kind: str) -> None:
    for name in ids(rated, f"kind = '{kind}' AND window_start = '2026-11-11 00:00:00+00'", "usage_record"):
        found = explanation_of(rated, name)
        assert found["agrees"] is True
        assert found["usage_records"][0]["record"]["usage_record_id"] == name
        assert strange_numbers(found) == []


def test_json_leads_from_the_amount_to_samples_and_files(rated: Path, explain: Any) -> None:  # noqa: ANN401 - a fixture
    (name,) = ids(rated, "sku = 'writes' AND volume_id = 'vol-db' AND charge_kind = 'usage'")
    _, found, _ = explain(rated, name[:12])

    line, records = found["charge"], found["usage_records"]
    assert found["id"] == line["charge_id"] == name
    assert found["rate"]["item"]["tiers"] == [{"from": "0", "to": None, "price": "0.03"}]
    assert (found["rate"]["open_conflict"], found["rate"]["rounding"]) == ("deliverable", "invoice")
    assert len(records) == line["usage_record_count"] == 13
    assert sum(Decimal(each["amount"]) for each in records) == Decimal(line["usage_quantity"]) == 13 * 3600
    for each in records:
        assert sum(interval["write_ops"] for interval in each["intervals"]) == each["record"]["write_ops"] == 3600
        for interval in each["intervals"]:
            rise = interval["closing"]["write_ops"] - interval["opening"]["write_ops"]
            assert rise == interval["write_ops"] == 900
        told = {(row["table"], row["row"]["source"]) for row in each["snapshots"]}
        assert told == {("provisioned_iops", "array"), ("entitlement", "shop")}
    in_runs = {(run["source"], run["run_id"]) for run in found["runs"]}
    ends = [interval[end] for each in records for interval in each["intervals"] for end in ("opening", "closing")]
    rows = [row["row"] for each in records for row in each["snapshots"]]
    assert in_runs == {(row["source"], row["run_id"]) for row in (*ends, *rows)}
    digests = dict(read(rated, "SELECT source || run_id, digest FROM collection_run"))
    for run in found["runs"]:
        assert run["status"] == "ok"
        assert run["digest"] == digests[run["source"] + run["run_id"]]
        assert {file["table"] for file in run["files"]} == {"collection_run", *run["digest"]}
    for file in [
        found["file"],
        *(each["file"] for each in records),
        *(f for run in found["runs"] for f in run["files"]),
    ]:
        assert hashlib.sha256((rated / file["path"]).read_bytes()).hexdigest() == file["sha256"]


def test_a_changed_amount_is_found(lake: Path, explain: Any) -> None:  # noqa: ANN401 - a fixture
    (name,) = ids(lake, "sku = 'size' AND volume_id = 'vol-db'")
    (other,) = ids(lake, "sku = 'size' AND volume_id = 'vol-web'")
    retold(lake, lambda row: {**row, "amount": row["amount"] + 1} if row["charge_id"] == name else row)

    code, found, told = explain(lake, name)
    assert (code, found["agrees"], wrong(found)) == (3, False, ["amount", "invoice"])
    step = next(step for step in found["steps"] if step["what"] == "amount")
    assert Decimal(step["stored"]) == Decimal(step["computed"]) + 1
    assert "not as it is made again" in told
    # the invoice of another line of it does not add up any more
    code, found, _ = explain(lake, other)
    assert (code, wrong(found)) == (3, ["invoice"])
    code, tree, _ = explain(lake, name, "--format", "tree")
    assert code == 3
    assert "amount DIFFERS" in tree
    assert "SOMETHING DIFFERS" in tree


@pytest.mark.parametrize(
    ("column", "steps"),
    [
        ("usage_quantity", ["usage_quantity", "pricing_quantity", "cost"]),
        ("unit_price", ["unit_price"]),
        ("cost", ["cost"]),
        ("rounding_difference", ["rounding_difference"]),
    ],
)
def test_other_changed_columns_are_found(lake: Path, explain: Any, column: str, steps: list[str]) -> None:  # noqa: ANN401 - a fixture
    (name,) = ids(lake, "sku = 'iops' AND tier = 2")
    retold(lake, lambda row: {**row, column: row[column] + 1000} if row["charge_id"] == name else row)

    code, found, _ = explain(lake, name)
    assert code == 3
    assert set(wrong(found)) >= set(steps)


def test_a_file_that_was_written_by_others_is_found(lake: Path, explain: Any) -> None:  # noqa: ANN401 - a fixture
    path = stored.path_of(lake, stored.month_of("2026-11", settings.load(lake)))
    pq.write_table(pq.read_table(path, partitioning=None), path)
    note = pq.read_metadata(path).metadata
    assert b"ioledger.rated" not in note

    code, found, _ = explain(lake, ids(lake, "sku = 'size'")[0])
    assert code == 3
    assert wrong(found)[0] == "file of the bill"


def test_a_changed_usage_record_is_found(lake: Path, explain: Any) -> None:  # noqa: ANN401 - a fixture
    (name,) = ids(lake, "kind = 'io' AND vm_id = 'web' AND window_start = '2026-11-11 03:00:00+00'", "usage_record")
    path = next(path for path in layout.files(lake, "usage_record") if "2026-11-11" in str(path))
    rows = pq.read_table(path, partitioning=None)
    changed = [{**row, "write_ops": row["write_ops"] + (row["usage_record_id"] == name)} for row in rows.to_pylist()]
    pq.write_table(pa.Table.from_pylist(changed, schema=rows.schema), path)

    code, found, _ = explain(lake, name)
    assert (code, found["agrees"]) == (3, False)
    assert found["usage_records"][0]["differing"] == [
        {"what": "write_ops", "stored": 3601, "computed": 3600, "how": "from the samples and snapshots below",
         "agrees": False}
    ]  # fmt: skip
    (charge,) = ids(lake, "sku = 'writes' AND volume_id = 'vol-web' AND charge_kind = 'usage'")
    code, found, _ = explain(lake, charge)
    assert (code, wrong(found)) == (3, ["usage_quantity"])
    _, tree, _ = explain(lake, charge, "--format", "tree")
    first = tree.partition("13 usage records")[2].splitlines()[1]
    assert "2026-11-11 03:00Z" in first, "what differs comes first"
    assert "DIFFERS" in first


def test_pruned_facts_are_told(lake: Path, explain: Any) -> None:  # noqa: ANN401 - a fixture
    prune(lake, date(2026, 11, 11), is_dry_run=False)
    (before,) = ids(lake, "kind = 'io' AND vm_id = 'db' AND window_start = '2026-11-10 22:00:00+00'", "usage_record")
    (after,) = ids(lake, "kind = 'io' AND vm_id = 'db' AND window_start = '2026-11-11 02:00:00+00'", "usage_record")

    code, found, told = explain(lake, before)
    assert (code, found["agrees"], found["usage_records"][0]["facts"]) == (3, None, "pruned")
    assert "facts are gone" in told
    assert explain(lake, after)[0] == 0
    (charge,) = ids(lake, "sku = 'writes' AND volume_id = 'vol-db' AND charge_kind = 'usage'")
    code, found, _ = explain(lake, charge)
    assert (code, found["agrees"], wrong(found)) == (3, None, [])
    assert [each["facts"] for each in found["usage_records"]].count("pruned") == 4
    _, tree, _ = explain(lake, charge, "--format", "tree")
    assert "facts pruned" in tree


def test_rows_are_found_in_compacted_files(lake: Path, explain: Any) -> None:  # noqa: ANN401 - a fixture
    (name,) = ids(lake, "sku = 'writes' AND volume_id = 'vol-db' AND charge_kind = 'usage'")
    before = {file["path"] for run in explain(lake, name)[1]["runs"] for file in run["files"]}
    compact(lake, NOW + timedelta(days=3))

    code, found, _ = explain(lake, name)
    after = {file["path"] for run in found["runs"] for file in run["files"]}
    assert (code, found["agrees"]) == (0, True)
    assert len(after) < len(before) / 4
    assert not before & after
    assert all(run["files"] for run in found["runs"])


def test_an_interval_that_began_long_ago_is_found(tmp_path: Path, explain: Any) -> None:  # noqa: ANN401 - a fixture
    start = datetime(2026, 11, 2, 10, tzinfo=UTC)
    lake = new_lake(tmp_path, *(a_run(sample(at=at), at=at) for at in (start, start + timedelta(days=10))))
    build(lake, start + timedelta(days=5), start + timedelta(days=5, hours=2))
    (name,) = ids(lake, "kind = 'io' AND window_start = '2026-11-07 10:00:00+00'", "usage_record")

    code, found, _ = explain(lake, name)
    assert (code, found["agrees"]) == (0, True)
    (interval,) = found["usage_records"][0]["intervals"]
    assert (interval["interval_start"], interval["piece_start"]) == ("2026-11-02T10:00:00Z", "2026-11-07T10:00:00Z")
    assert interval["is_gap"]


def test_corrections_lead_to_what_they_correct(tmp_path: Path, explain: Any) -> None:  # noqa: ANN401 - a fixture
    start = datetime(2026, 10, 20, 10, tzinfo=UTC)
    *in_time, last, _, _ = runs(start, 3)
    lake = new_lake(tmp_path, *in_time)
    build(lake, start, start + 3 * HOUR)
    rate(lake, "2026-10")
    october = stored.month_of("2026-10", settings.load(lake))
    billed = stored.load(stored.path_of(lake, october), october)
    assert billed is not None
    freeze(lake, billed, [], None, datetime(2026, 11, 2, tzinfo=UTC))
    write_run(lake, last)  # the last samples of October come after it was closed
    build(lake, start, start + 3 * HOUR)
    rate(lake, "2026-11")

    corrections = ids(lake, "correction IS NOT NULL AND sku = 'writes' AND volume_id = 'vol-db'")
    found = [explain(lake, name) for name in corrections]
    assert {each["charge"]["correction"] for _, each, _ in found} == {"reversal", "replacement"}
    for code, each, _ in found:
        assert (code, wrong(each)) == (0, []), each["charge"]
        if each["charge"]["corrects_charge_id"]:
            assert each["corrects"]["charge_id"] == each["charge"]["corrects_charge_id"]
    was = next(each["corrects"]["charge_id"] for _, each, _ in found if each["corrects"] and each["usage_records"])
    code, each, _ = explain(lake, was)
    assert code == 0
    assert {line["billing_period"] for line in each["corrected_by"]} == {"2026-11"}
    assert each["file"]["path"].startswith("closed/2026-10/")
    assert "changed since" in {record["facts"] for record in each["usage_records"]}
    reversal = next(each for each in each["corrected_by"] if each["correction"] == "reversal")
    _, tree, _ = explain(lake, reversal["charge_id"], "--format", "tree")
    assert "Correction: reversal of a line of a closed month" in tree
    assert f"charge {was}" in tree
    assert "changed after it was closed" in tree


def test_ids_are_named_where_several_begin_so(tmp_path: Path, explain: Any) -> None:  # noqa: ANN401 - a fixture
    lake = tmp_path / "lake"
    settle(lake, [])
    names = ["c0ffee00" + "1" * 56, "c0ffee00" + "2" * 56]
    exact = {column.name for column in USAGE_RECORD.columns if str(column.type).startswith("decimal")}
    amounts = {name: Decimal(0) if name in exact else 0 for name in USAGE_RECORD.names if name.endswith(
        ("_ops", "_bytes", "_seconds", "resets"))}  # fmt: skip
    store(
        lake,
        [
            {"usage_record_id": name, "kind": "io", "window_start": EVENING, "window_end": EVENING + HOUR,
             "vm_id": name[-1], "qos_class": "best_effort", "provisioned": False, "throttled": False, **amounts}
            for name in names
        ],
    )  # fmt: skip

    code, _, told = explain(lake, "c0ffee00")
    assert code == 2
    assert "the beginning of 2 ids" in told
    assert all(f"{name} (usage record)" in told for name in names)
    code, _, told = explain(lake, "deadbeef")
    assert code == 2
    assert "no charge and no usage record has an id that begins with deadbeef" in told
    for text in ("c0ffee0", "vol-shop-db", "C0FFEE00"):
        code, _, told = explain(lake, text)
        assert code == 2
        assert f"{text!r} is no id" in told
    # a record that no facts tell of
    assert explain(lake, names[0][:9])[0] == 0, "nothing is what no samples make"


def test_the_tree_is_plain_text_and_shows_ten_of_many(rated: Path, explain: Any) -> None:  # noqa: ANN401 - a fixture
    (name,) = ids(rated, "sku = 'writes' AND volume_id = 'vol-db' AND charge_kind = 'usage'")
    code, tree, _ = explain(rated, name, "--format", "tree")

    assert code == 0
    assert "\x1b" not in tree
    assert tree.count("3,600 Operations = as stored") == 10
    assert "and 3 more usage records; --format json has all" in tree
    assert "ACME [Ltd] (acme), bill of 2026-11" in tree
    assert max(map(len, tree.splitlines())) <= 80
