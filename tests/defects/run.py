"""Makes the mistakes of defects.toml, one at a time, and says which test notices each.

``python tests/defects/run.py`` tries all and writes docs/seeded-defects.md; with numbers it tries
those alone. Each defect gets a copy of the tree of its own, in which the same tests run. The exit
code is 1 if a defect survives, or if the tests fail without any.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import click

TREE: Final = Path(__file__).parents[2]
LIST: Final = Path(__file__).with_name("defects.toml")
PAGE: Final = TREE / "docs" / "seeded-defects.md"
TESTS: Final = (  # the quickest to notice a defect come first
    "tests/unit/test_rounding.py",
    "tests/unit/test_pricing.py",
    "tests/unit/test_day_plan.py",
    "tests/golden",
    "tests/unit/lake",
    "tests/unit/test_build.py",
    "tests/unit/test_incremental_build.py",
    "tests/unit/test_kept_edges.py",
    "tests/property/test_windows.py",
    "tests/property/test_streamed_plan.py",
    "tests/property/test_usage_against_reference.py",
)
PYTEST: Final = (
    "-m", "pytest", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=unshrunk", *TESTS,
)  # fmt: skip
PACKAGES: Final = ("ioledger", "reports")
NOT_COPIED: Final = (".*", "__pycache__", "*.egg-info", "build", "dist")
AT_ONCE: Final = 2  # the cores of a small machine; within one defect the tests keep their order
FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)

HEADING: Final = """\
# Seeded defects

`make defects` makes each of these mistakes in a copy of the code, one at a time, and runs the tests of metering and
of prices there, the same for all. A test that is not told of the mistake has to fail. The exact texts are in
[defects.toml](../tests/defects/defects.toml); this page is what the last run wrote.

| | Defect | What it would do to a bill | File | Caught by |
|---|---|---|---|---|
"""


class Defect(NamedTuple):
    """One mistake: in ``file``, ``replace`` stands where ``find`` should."""

    number: int
    title: str
    bill: str
    file: str
    find: str
    replace: str


def defects() -> list[Defect]:
    """Return the list, in its order."""
    content = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return [Defect(**table) for table in content["defects"]]


def with_defect(defect: Defect, tree: Path = TREE) -> str:
    """Return the text of the defect's file with the mistake in it; ValueError if it has no clear place there."""
    text = (tree / defect.file).read_text(encoding="utf-8")
    count = text.count(defect.find)
    if count != 1:
        raise ValueError(f"defect {defect.number}: {defect.file} holds its text {count} times; it must be there once")
    return text.replace(defect.find, defect.replace)


def page(caught_by: dict[int, str]) -> str:
    """Write the page: one line per defect, with the test that caught it, or that none did."""
    lines = [
        f"| {defect.number} | {defect.title} | {defect.bill} | `{defect.file}` | {_shown(caught_by[defect.number])} |\n"
        for defect in defects()
    ]
    return HEADING + "".join(lines)


def failing_test(defect: Defect | None, original: Path) -> str:
    """Run the tests on a copy of ``original`` with the defect in it; name the first that fails, empty if none does."""
    with TemporaryDirectory(prefix="defect-") as directory:
        tree = Path(directory) / "tree"
        shutil.copytree(original, tree)
        if defect:
            (tree / defect.file).write_text(with_defect(defect, tree), encoding="utf-8")
        _refuse_other_code(tree)
        ran = _python(tree, *PYTEST)
    if ran.returncode == 0:
        return ""
    failed = FAILED.search(ran.stdout)
    if ran.returncode != 1 or not failed:
        raise RuntimeError(f"the tests could not run:\n{ran.stdout}{ran.stderr}")
    return failed[1]


def _refuse_other_code(tree: Path) -> None:
    """Make sure that the copy tests itself, and not the code that is installed."""
    for package in PACKAGES:
        found = _python(tree, "-c", f"import {package}; print({package}.__file__)").stdout.strip()
        if not Path(found).is_relative_to(tree):
            raise RuntimeError(f"{package} is imported from {found or 'nowhere'} and not from the copy of the tree")


def _python(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def _shown(test: str) -> str:
    return f"`{test.removeprefix('tests/')}`" if test else "**none: it survived**"


def main(numbers: list[int]) -> int:
    """Try the defects of these numbers, or all; return the exit code."""
    chosen = [defect for defect in defects() if not numbers or defect.number in numbers]
    if not chosen or set(numbers) - {defect.number for defect in chosen}:
        click.echo(f"there is no such defect; valid are 1 to {len(defects())}", err=True)
        return 2
    with TemporaryDirectory(prefix="defects-") as directory:
        original = Path(directory) / "tree"  # somebody may go on working while this runs
        shutil.copytree(TREE, original, ignore=shutil.ignore_patterns(*NOT_COPIED))
        broken = failing_test(None, original)
        if broken:
            click.echo(f"{broken} fails without any defect; mend that first", err=True)
            return 1
        caught_by = _tried(chosen, original)
    if not numbers:
        PAGE.write_text(page(caught_by), encoding="utf-8")
    return 0 if all(caught_by.values()) else 1


def _tried(chosen: list[Defect], original: Path) -> dict[int, str]:
    """Try some defects, say of each what came of it, and return by number which test caught it."""
    caught_by: dict[int, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for defect, test in zip(chosen, pool.map(failing_test, chosen, [original] * len(chosen)), strict=True):
            caught_by[defect.number] = test
            click.echo(f"{defect.number:2} {defect.title}: {f'caught by {test}' if test else 'SURVIVED'}")
    return caught_by


if __name__ == "__main__":
    sys.exit(main([int(number) for number in sys.argv[1:]]))
