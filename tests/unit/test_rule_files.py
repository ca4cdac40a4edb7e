from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ioledger.errors import DataError
from policies.rule import load_rules, parse_rule

if TYPE_CHECKING:
    from pathlib import Path

HEADER = """\
code = "QOS901"
name = "any_disk"
title = "A disk"
severity = "low"
what = "Every disk."
why = "It can."
example = "A disk."
mend = "Remove it."
origin = "A test."
moment = 2026-11-05T12:00:00Z

[[parameters]]
name = "grace_seconds"
unit = "seconds"
default = 60
meaning = "how long"

[given]
collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z },
]

[[fail]]
name = "a disk"
given.disk_io_stat = [{ source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:00:00Z, vm_id = "a", state = "ok" }]
expect = [{ status = "violation" }]

[[pass]]
name = "no disk"
"""
STATEMENT = "SELECT vm_id FROM disk_io_stat WHERE sampled_at < $period_start - to_seconds($grace_seconds)"
FILE = "rules/QOS901_any_disk.sql"


def text(header: str = HEADER, statement: str = STATEMENT) -> str:
    return f"/*\n{header}*/\n\n{statement}\n"


def test_reads_what_a_rule_says_of_itself() -> None:
    rule = parse_rule(text(), FILE)

    assert (rule.code, rule.severity, rule.defaults) == ("QOS901", "low", {"grace_seconds": 60})
    assert [case.name for case in rule.cases] == ["a disk", "no disk"]
    assert rule.statement.strip() == STATEMENT


def test_a_case_finds_the_common_rows_in_the_tables_for_which_it_gives_none() -> None:
    fails, passes = parse_rule(text(), FILE).cases

    assert set(fails.given) == {"collection_run", "disk_io_stat"}
    assert set(passes.given) == {"collection_run"}
    assert passes.moment.isoformat() == "2026-11-05T12:00:00+00:00"


def replaced(old: str, new: str) -> str:
    assert old in HEADER
    return text(HEADER.replace(old, new, 1))


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (STATEMENT, "line 1: a rule begins with a comment"),
        (text().replace("*/", ""), "line 1: the comment that begins here has no end"),
        (replaced('title = "A disk"', "title = A disk"), "is not TOML: Invalid value (at line 4, column 9)"),
        (replaced('why = "It can."\n', ""), "the key 'why' is missing"),
        (replaced('why = "It can."\n', 'why = "It can."\nwhence = "here"\n'), "unknown key 'whence'"),
        (replaced('"low"', '"lowly"'), "key 'severity': input should be 'critical', 'high', 'medium' or 'low'"),
        (replaced('what = "Every disk."', 'what = ""'), "key 'what': string should have at least 1 character"),
        (
            replaced("moment = 2026-11-05T12:00:00Z", "moment = 2026-11-05T12:00:00"),
            "key 'moment': input should have time",
        ),
        (replaced('"any_disk"', '"some_disk"'), "code and name make this file QOS901_some_disk.sql"),
        (replaced("default = 60", "default = -60"), "key 'parameters.0.default': input should be greater than"),
        (replaced('"grace_seconds"', '"period_start"'), "the parameter 'period_start' is there already"),
        (replaced('"grace_seconds"', '"patience"'), "uses $grace_seconds, which no [[parameters]] declares"),
        (text(statement="SELECT vm_id FROM disk_io_stat"), "the statement never uses the parameter $grace_seconds"),
        (text(statement="SELECT 1\nFORM x y"), 'is not SQL: Parser Error: syntax error at or near "x" LINE 34: FORM'),
        (text(statement="SELECT 1; SELECT 2"), "exactly one SELECT, not SELECT, SELECT"),
        (text(statement="COPY (SELECT 1) TO 'x'"), "exactly one SELECT, not COPY"),
        (text(statement=""), "exactly one SELECT, not none"),
        (replaced("[[pass]]\n", "[[fail]]\n"), "[[fail]] number 2: a [[fail]] lists its findings under 'expect'"),
        (text(f'{HEADER}expect = [{{ status = "unknown" }}]\n'), "[[pass]] number 1: a [[fail]] lists its findings"),
        (text(HEADER.partition("[[pass]]")[0]), "there is no case under [[pass]]"),
        (replaced("[[pass]]", "[pass]"), "there is no case under [[pass]]"),
        (replaced("collection_run = [", "collection_runs = ["), "given: no table 'collection_runs'"),
        (replaced("run_id =", "run ="), "given.collection_run: unknown name 'run' (did you mean"),
        (
            replaced("given.disk_io_stat", "given.disk_io_stats"),
            "no table 'disk_io_stats' (did you mean 'disk_io_stat'?)",
        ),
        (
            replaced("vm_id =", "vmid ="),
            "[[fail]] number 1: given.disk_io_stat: unknown name 'vmid' (did you mean 'vm_id'?)",
        ),
        (replaced("{ status", "{ state"), "[[fail]] number 1: expect: unknown name 'state'"),
        (
            replaced('name = "no disk"', "parameters = { grace = 1 }\nname = 'no disk'"),
            "parameters: unknown name 'grace'",
        ),
        (
            text(HEADER + 'settings = [{ valid_from = 2026-11-01T00:00:00Z, policy_mode = "storage" }]\n'),
            "[[pass]] number 1: key 'settings.0.policy_mode'",
        ),
    ],
)
def test_a_malformed_file_is_told_with_its_name_and_what_is_valid(rule: str, sentence: str) -> None:
    with pytest.raises(DataError) as told:
        parse_rule(rule, FILE)

    assert str(told.value).startswith(f"{FILE}:")
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)


def test_two_rules_with_one_code_are_told(tmp_path: Path) -> None:
    (tmp_path / "QOS901_any_disk.sql").write_text(text(), encoding="utf-8")
    (tmp_path / "QOS901_some_disk.sql").write_text(replaced("any_disk", "some_disk"), encoding="utf-8")

    with pytest.raises(DataError, match=r"QOS901_any_disk\.sql has the code QOS901 too"):
        load_rules(tmp_path)


def test_a_rule_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "QOS901_any_disk.sql").write_bytes(b"\xff\xfe")

    with pytest.raises(DataError, match=r"QOS901_any_disk\.sql: the rule cannot be read"):
        load_rules(tmp_path)
