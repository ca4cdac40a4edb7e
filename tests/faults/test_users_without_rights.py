"""Somebody of the lake's group, who may read it and nothing else, sees and exports all, and changes nothing."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from command import SCRIPT
from faulted_sites import facts_and_bills, only_sentences
from kills import site

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from faulted_sites import Sites

AS_THE_GROUP = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner,-chown")
"""Root without these is a user like others: of the lake, which another has, it may do what its group may."""

OWNER = 12345


@pytest.fixture(scope="module")
def readable(made_sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a site whose lake somebody else owns, and this group may read."""
    work = made_sites.copied("export", tmp_path_factory.mktemp("readable") / "site")
    for path in (work / "lake", *(work / "lake").rglob("*")):
        path.chmod(0o750 if path.is_dir() else 0o640)
        os.chown(path, OWNER, os.getgid())
    return work


def call(work: Path, words: str, user: Sequence[str] = AS_THE_GROUP) -> tuple[int, str, str]:
    """Run a command as one who may read; return its exit code, its result and what it said beside it."""
    done = subprocess.run([*user, SCRIPT, *words.split()], cwd=work, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "words", ["lake stats", "lake verify", "lake audit", "usage show", f"close {site.MONTH} --verify", "volumes"]
)
def test_what_is_stored_is_seen_as_its_owner_sees_it(words: str, readable: Path) -> None:
    before = facts_and_bills(readable)
    assert call(readable, words) == call(readable, words, user=())
    assert facts_and_bills(readable) == before


def test_an_export_is_made_and_says_that_the_log_lacks_it(readable: Path) -> None:
    code, _, told = call(readable, f"export charges --period {site.MONTH} --as csv --to mine.csv")
    assert code == 0
    assert only_sentences(told) == [
        (
            "ioledger: the audit log has no entry of this export, for this user may not write lake/audit; keep a note "
            "of it, or run it as the user who owns the lake"
        )
    ]
    assert (readable / "mine.csv").read_text(encoding="utf-8").count("\n") > 1


@pytest.mark.parametrize(
    "words",
    [
        "collect",
        "lake compact",
        "usage build",
        "check",
        f"close {site.NEXT_MONTH}",
        f"rate --period {site.NEXT_MONTH} --rate-card rates.toml",
    ],
)
def test_nothing_is_changed(words: str, readable: Path) -> None:
    before = facts_and_bills(readable)
    code, _, told = call(readable, words)
    assert code == 2
    assert len(only_sentences(told)) == 1, told
    assert "Permission denied" in told
    assert facts_and_bills(readable) == before
