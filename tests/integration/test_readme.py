"""README.md is run as written: what a newcomer types has to work, on a copy of what is committed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that git knows, as a fresh clone would have them."""
    copy = tmp_path_factory.mktemp("readme") / "ioledger"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def followed(checkout: Path) -> subprocess.CompletedProcess[str]:
    """What came of all that the README has a newcomer type, from top to bottom; it is there for what comes after."""
    return bash("\n".join(blocks("sh")), checkout)


def bash(script: str, directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=directory, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_readme_works_from_top_to_bottom(checkout: Path, followed: subprocess.CompletedProcess[str]) -> None:
    assert followed.returncode == 0, followed.stdout + followed.stderr
    assert "Every number is as it was worked out by hand." in followed.stdout
    assert "disk_io_stat" in followed.stdout
    python = f". venv/bin/activate; cd first; python - <<'END'\n{blocks('python')[0]}END"
    assert "vda" in bash(python, checkout).stdout


@pytest.mark.usefixtures("followed")
def test_pictures_in_the_docs_are_what_the_demo_gives(checkout: Path) -> None:
    for volume, name in (("vol-web", "plot-example.svg"), ("vol-mail", "plot-example-gap.svg")):
        period = "--from 2026-10-31T18:00Z --to 2026-11-01"
        plot = f".venv/bin/ioledger --config .cache/demo/ioledger.toml plot {volume} {period} --to-file {name}"

        done = bash(plot, checkout)

        assert done.returncode == 0, done.stderr
        made, committed = ((path / name).read_text(encoding="utf-8") for path in (checkout, ROOT / "docs"))
        assert made == committed, f"{plot} gives another picture than docs/{name}"


@pytest.mark.usefixtures("followed")
def test_scheduled_commands_of_the_readme_work(checkout: Path) -> None:
    commands = [line.split(maxsplit=5)[5] for line in blocks("cron")[0].splitlines()]
    assert len(commands) == 5
    for command in commands:
        here = command.replace("/srv/ioledger", str(checkout / "first"))
        done = bash(f". {checkout}/venv/bin/activate; {here}", checkout)
        assert done.returncode == 0, command + done.stderr


def test_links_of_the_readme_and_docs_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken
