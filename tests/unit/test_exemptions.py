"""exemptions.toml: what somebody answers for is stored and tallied, and counts again when its day is over."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from policy_lake import NOON, collect, collect_all, disk, ioledger, new_lake

from ioledger.lake import layout
from policies import cli
from policies.exemptions import applied, load
from policies.finding import Finding
from policies.rule import load_rules

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = timedelta(minutes=1)

CODES = ("QOS101", "QOS102", "QOS201", "QOS402")
RULES = [rule for rule in load_rules() if rule.code in CODES]

GOOD = {
    "rule": '"QOS101"',
    "resource": '"shop/vda"',
    "reason": '"moves to provisioned volumes"',
    "owner": '"ops"',
    "expires": "2026-12-31",
}


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cli, "shipped_rules", lambda: RULES)
    return new_lake(tmp_path)


def entry(**values: str) -> str:
    """Write an entry with other values for some keys; an empty one leaves the key out."""
    lines = [f"{key} = {value}" for key, value in {**GOOD, **values}.items() if value]
    return "\n".join(["[[exemptions]]", *lines, ""])


def exempt(lake: Path, *texts: str) -> Path:
    path = lake.parent / "exemptions.toml"
    path.write_text("\n".join(texts), encoding="utf-8")
    return path


def exempted(capsys: pytest.CaptureFixture[str], lake: Path, now: datetime = NOON) -> dict[str, str | None]:
    """Check; return what covers the finding of each rule."""
    capsys.readouterr()
    ioledger(lake, "check", "--format", "json", now=now)
    return {finding["code"]: finding["exempted_by"] for finding in json.loads(capsys.readouterr().out)}


def told(capsys: pytest.CaptureFixture[str], lake: Path, now: datetime = NOON) -> list[str]:
    capsys.readouterr()
    ioledger(lake, "check", now=now)
    return capsys.readouterr().err.splitlines()


def test_an_exempted_finding_is_stored_with_who_answers_for_it(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exempt(lake, entry())

    expected = {"QOS102": None, "QOS101": "ops, until 2026-12-31: moves to provisioned volumes"}
    assert exempted(capsys, lake) == expected

    (path,) = layout.files(lake, "finding")
    rows = pq.read_table(path, partitioning=None).to_pylist()
    assert {row["code"]: row["exempted_by"] for row in rows} == expected


def test_an_exempted_finding_does_not_count_for_the_exit_code(lake: Path) -> None:
    exempt(lake, entry())
    assert ioledger(lake, "check", "--fail-on", "high") == 1

    exempt(lake, entry(), entry(rule='"QOS102"'))
    assert ioledger(lake, "check", "--fail-on", "low") == 0


def test_what_could_not_be_judged_can_be_exempted_too(lake: Path) -> None:
    collect(lake, "hypervisor", NOON, {"disk_io_stat": [disk("web", "vol-w", NOON, state="timeout")]})
    assert ioledger(lake, "check", now=NOON + MINUTE) == 1

    exempt(lake, entry(rule='"*"', resource='"web/vda"'))

    assert ioledger(lake, "check", now=NOON + MINUTE) == 0


def test_people_see_what_counts_and_the_tally_of_the_rest(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exempt(lake, entry())
    ioledger(lake, "check")
    shown = capsys.readouterr()
    assert "QOS102" in shown.out
    assert "QOS101" not in shown.out
    assert " rules found 1 critical; 1 new, 0 resolved; exempted: 1; " in shown.err

    exempt(lake, entry(rule='"QOS*"'))
    ioledger(lake, "check")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.endswith(" rules found nothing; exempted: 2\n")


A_FINDING = Finding(
    code="QOS102", severity="critical", status="violation", resource_kind="disk", resource_id="shop/vda", vm_id="shop",
    volume_id=None, account_id=None, interval_start=None, interval_end=None, observed=None, expected=None, unit=None,
    reason="It is so.", first_seen_at=NOON, last_seen_at=NOON,
)  # fmt: skip


def covered(directory: Path, *texts: str, at: datetime = NOON) -> dict[str, str | None]:
    """Apply exemptions to a finding of each rule on shop/vda; return the owner of what covers it, by code."""
    path = directory / "exemptions.toml"
    path.write_text("\n".join(texts), encoding="utf-8")
    found = [replace(A_FINDING, code=code) for code in CODES]
    marked, _ = applied(found, load(path, CODES), at)
    return {finding.code: finding.exempted_by and finding.exempted_by.partition(",")[0] for finding in marked}


@pytest.mark.parametrize(
    ("rule", "resource", "codes"),
    [
        ("QOS101", "shop/vda", {"QOS101"}),
        ("QOS1*", "shop/*", {"QOS101", "QOS102"}),
        ("QOS10[13-9]", "*", {"QOS101"}),
        ("QOS?02", "sh[!a]p/vd?", {"QOS102", "QOS402"}),
        ("QOS101", "SHOP/vda", set()),
        ("QOS101", "shop", set()),
        ("QOS101", "hop/vda", set()),
    ],
)
def test_rule_and_resource_are_patterns_of_the_whole_name(
    tmp_path: Path, rule: str, resource: str, codes: set[str]
) -> None:
    by = covered(tmp_path, entry(rule=f'"{rule}"', resource=f'"{resource}"'))

    assert {code for code, owner in by.items() if owner} == codes


def test_an_exemption_counts_to_the_end_of_its_day_in_utc(tmp_path: Path) -> None:
    until = entry(expires="2026-11-05")
    east = timezone(timedelta(hours=5, minutes=30))
    midnight = datetime(2026, 11, 6, 5, 30, tzinfo=east)

    assert covered(tmp_path, until, at=midnight - timedelta(microseconds=1))["QOS101"]
    assert not covered(tmp_path, until, at=midnight)["QOS101"]


def test_of_several_the_first_that_has_not_expired_is_named(tmp_path: Path) -> None:
    expired, second, third = entry(expires="2026-11-04"), entry(owner='"second"'), entry(owner='"third"')

    assert covered(tmp_path, expired, second, third)["QOS101"] == "second"


def test_a_check_of_the_past_counts_what_had_not_expired_then(lake: Path) -> None:
    exempt(lake, entry(expires="2026-11-05"), entry(rule='"QOS102"', expires="9999-12-31"))

    assert ioledger(lake, "check", "--at", "2026-11-05T23:00Z", now=NOON + timedelta(days=30)) == 0
    assert ioledger(lake, "check", "--at", "2026-11-06T00:00Z", now=NOON + timedelta(days=30)) == 1


def test_an_expired_one_is_told_with_what_counts_again(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = exempt(lake, entry(rule='"QOS1*"', expires="2026-11-04"), entry(expires="2026-11-04", resource='"web/vda"'))

    first, second, _ = told(capsys, lake)
    assert first.startswith(f"{path}: line 1: the exemption of QOS1* on shop/vda by ops expired with 2026-11-04 and no")
    assert first.endswith(" covers the 2 findings that it matches; mend the problem, or agree on a new date")
    assert second.startswith(f"{path}: line 8: the exemption of QOS101 on web/vda by ops expired with 2026-11-04;")
    assert second.endswith("; remove it")


def test_one_that_matches_nothing_is_told_and_one_that_another_precedes_is_not(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = exempt(lake, entry(), entry(owner='"second"'), entry(resource='"web/vda"'))

    only, _ = told(capsys, lake)
    assert only.startswith(f"{path}: line 15: the exemption of QOS101 on web/vda by ops matches nothing; remove it if")


def test_an_exemption_changes_neither_what_a_finding_is_nor_since_when(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ioledger(lake, "check")
    exempt(lake, entry(reason='"""\nmoves\n  soon"""'))
    collect_all(lake, NOON + MINUTE)
    capsys.readouterr()
    ioledger(lake, "check", "--format", "json", now=NOON + 2 * MINUTE)

    (finding,) = (f for f in json.loads(capsys.readouterr().out) if f["exempted_by"])
    assert finding["exempted_by"] == "ops, until 2026-12-31: moves soon"
    assert finding["first_seen_at"] == "2026-11-05T12:00:00Z"


def test_a_rule_that_failed_is_exempted_by_nobody_and_nobody_says_it_would_match_nothing(tmp_path: Path) -> None:
    path = tmp_path / "exemptions.toml"
    path.write_text(entry(resource='"*"'), encoding="utf-8")
    failed = replace(A_FINDING, code="QOS101", status="error", resource_kind="rule", resource_id="QOS101")

    assert applied([failed], load(path, CODES), NOON) == ([failed], [])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (entry(expires=""), "line 3: the key 'expires' is missing; add it"),
        (
            entry(expires='"2026-12-31"'),
            "received '2026-12-31'; valid is a date without quotes and without a time: 2026-12-31",
        ),
        (entry(expires='"next year"'), "line 3: key 'expires': received 'next year'; valid is a date"),
        (entry(expires="2026-12-31T12:00:00Z"), "line 3: key 'expires': received '2026-12-31 12:00:00+00:00'; valid"),
        (entry(expires="0"), "line 3: key 'expires': received '0'; valid is a date"),
        (entry(expires="2026-02-30"), "cannot be read as TOML: Invalid date or datetime (at line 8, column 11)"),
        (entry(expires="31.12.2026"), "cannot be read as TOML: Expected newline or end of document after a statement"),
        (
            entry(rule='"QOS103"'),
            "'QOS103' (did you mean 'QOS102'?); valid are QOS101, QOS102, QOS201, QOS402 and patterns of them such as",
        ),
        (entry(rule='"QOS9*"'), "line 3: key 'rule': there is no rule 'QOS9*'"),
        (entry(owner=""), "line 3: the key 'owner' is missing"),
        (entry(owner='"  "'), "line 3: key 'owner': string should have at least 1 character"),
        (entry(reason='""'), "line 3: key 'reason': string should have at least 1 character"),
        (entry(resource="7"), "line 3: key 'resource': input should be a valid string"),
        (
            entry(expires="", expire="2026-12-31"),
            "key 'expire' (did you mean 'expires'?); valid keys are expires, owner, reason, resource, rule\n",
        ),
        (
            entry().replace("exemptions", "exemption"),
            "line 3: unknown key 'exemption' (did you mean 'exemptions'?); valid keys are exemptions",
        ),
        (entry().replace("[[exemptions]]", "[exemptions]"), "line 3: key 'exemptions': input should be a valid list"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_nothing_is_checked(
    lake: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    path = exempt(lake, "# each exemptions entry is agreed on with the customer", "", text)

    assert ioledger(lake, "check") == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"ioledger: {path}")
    assert sentence in err
    assert err.count("\n") == 1
    assert layout.files(lake, "finding") == []


def test_the_line_is_that_of_the_entry_whatever_its_texts_say(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tricky = entry(reason='"""\n[[exemptions]]\nis how one begins\n"""')
    path = exempt(lake, tricky, "  [[ exemptions ]] # the second\n" + entry(owner="").partition("\n")[2])

    assert ioledger(lake, "check") == 2
    assert f"{path}: line 11: the key 'owner' is missing" in capsys.readouterr().err


INLINE = ", ".join(f"{key} = {value}" for key, value in GOOD.items())


@pytest.mark.parametrize(
    "text",
    [
        f"exemptions = [\n  {{ {INLINE} }},\n  {{ {INLINE.replace('owner', 'owners')} }},\n]",
        entry().replace("exemptions", "'exemptions'") + entry(owners="'ops'"),
    ],
)
def test_where_entries_have_other_headers_one_is_named_by_its_number(
    lake: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = exempt(lake, text)

    assert ioledger(lake, "check") == 2
    assert f"{path}: exemption number 2: unknown key 'owners'" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_told_and_never_taken_for_none(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lake.parent / "exemptions.toml"
    path.mkdir()

    assert ioledger(lake, "check") == 2
    assert f"{path} cannot be read" in capsys.readouterr().err
