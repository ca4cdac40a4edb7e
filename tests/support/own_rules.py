"""Rules of a user's own, as files in a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FINDING = """\
SELECT
    'violation' AS status,
    'disk' AS resource_kind,
    'a/vda' AS resource_id,
    'a' AS vm_id,
    NULL::VARCHAR AS volume_id,
    NULL::VARCHAR AS account_id,
    '1' AS observed,
    '2' AS expected,
    'disks' AS unit,
    {reason} AS reason,
    NULL::TIMESTAMPTZ AS interval_start,
    NULL::TIMESTAMPTZ AS interval_end
{rest}
"""

HEADER = """\
/*
code = "{code}"
name = "any_disk"
title = "A disk"
severity = "{severity}"
what = "Every disk."
why = "It can."
example = "A disk."
mend = "Remove it."
origin = "A test."
moment = 2026-11-05T12:00:00Z
{more}
[[fail]]
name = "always"
expect = [{{ status = "violation" }}]

[[pass]]
name = "never"
*/
"""

GRACE = """
[[parameters]]
name = "grace_seconds"
unit = "seconds"
default = 60
meaning = "how long"
"""

FIRST_LINE = HEADER.count("\n") + 1
"""The line of a rule's file on which its statement begins, without parameters."""


def select(reason: str = "'Too few.'", rest: str = "") -> str:
    """Write a SELECT of one finding, with an expression for its reason and what follows its columns."""
    return FINDING.format(reason=reason, rest=rest)


def text(statement: str, code: str = "ACME001", severity: str = "high", more: str = "") -> str:
    """Write the file of a rule."""
    return HEADER.format(code=code, severity=severity, more=more) + statement + "\n"


def write(directory: Path, statement: str, code: str = "ACME001", severity: str = "high", more: str = "") -> Path:
    """Put a rule into a directory, which is made if need be; return the rule's file."""
    directory.mkdir(exist_ok=True)
    path = directory / f"{code}_any_disk.sql"
    path.write_text(text(statement, code, severity, more), encoding="utf-8")
    return path
