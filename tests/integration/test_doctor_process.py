"""`ioledger doctor` as a user runs it who may not write the lake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from command import ioledger
from lakes import a_run, content, new_lake, sample
from permissions import read_only, without_overriding_permissions

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    new_lake(tmp_path, a_run(sample()))
    (tmp_path / "ioledger.toml").write_text("")
    return tmp_path


def test_a_lake_that_this_user_may_not_write_is_told_and_the_rest_is_as_well(site: Path) -> None:
    before = content(site)
    with read_only(site / "lake"):
        done = ioledger("doctor", "--format", "json", cwd=site, prefix=without_overriding_permissions())
    assert done.returncode == 3
    rows = {row["check"]: row for row in json.loads(done.stdout)}
    writing = rows["writing"]
    assert writing["found"] == "this user cannot write the lake at lake: Permission denied"
    assert "run doctor as the user who collects" in writing["mend"]
    assert "cannot read and write 8 places in the lake, such as lake" in rows["lake access"]["found"]
    assert {"clock", "disk space", "runs", "packages", "time zone"} <= rows.keys()
    assert content(site) == before


def test_a_day_whose_files_this_user_may_list_and_not_see_is_told(site: Path) -> None:
    (day,) = (site / "lake" / "disk_io_stat").glob("date=*")
    mode = day.stat().st_mode
    day.chmod(0o644)
    try:
        done = ioledger("doctor", "--format", "json", cwd=site, prefix=without_overriding_permissions())
    finally:
        day.chmod(mode)
    assert done.returncode == 3
    rows = {row["check"]: row for row in json.loads(done.stdout)}
    assert {"lake access", "disk space", "inodes"} <= rows.keys()
    assert rows["lake access"]["mend"]


def test_a_configuration_that_cannot_be_read_is_a_sentence(site: Path) -> None:
    (site / "ioledger.toml").chmod(0)
    done = ioledger("doctor", cwd=site, prefix=without_overriding_permissions())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "ioledger: ioledger.toml cannot be read: Permission denied; put a file there that this user can read\n"
    )
