"""Nothing is installed that is not pinned by its SHA-256, and the pins are those of constraints.txt."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

CHECKOUT = Path(__file__).parents[2]
LOCKS = CHECKOUT / ".ci" / "requirements"
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
INSTALLATIONS = re.findall(r"^\$\(VENV\)/(\.installed\S*):", MAKEFILE, re.MULTILINE)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonical(name): version for name, version in found}


def asked_for(*extras: str) -> set[str]:
    """Give what pyproject.toml asks for, by extras, which may ask for others of ours."""
    optional = PROJECT["project"]["optional-dependencies"]
    wanted, left = set(PROJECT["project"]["dependencies"]), list(extras)
    while left:
        for line in optional[left.pop()]:
            if own := re.fullmatch(r"ioledger\[(.+)\]", line):
                left += own[1].split(",")
            else:
                wanted.add(line)
    return {canonical(re.match(r"[A-Za-z0-9._-]+", line)[0]) for line in wanted}  # type: ignore[index]


def wheel(directory: Path) -> Path:
    path = directory / "tiny-1-py3-none-any.whl"
    with ZipFile(path, "w") as packed:
        packed.writestr("tiny.py", "")
        packed.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
        packed.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr("tiny-1.dist-info/RECORD", "")
    return path


@pytest.mark.parametrize("is_right", [True, False])
def test_a_package_with_another_hash_is_not_installed(tmp_path: Path, *, is_right: bool) -> None:
    digest = hashlib.sha256(wheel(tmp_path).read_bytes()).hexdigest()
    lock = tmp_path / "lock.txt"
    lock.write_text(f"tiny==1 \\\n    --hash=sha256:{digest if is_right else '0' * 64}\n", encoding="utf-8")
    target = tmp_path / "target"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install"),
            *("--no-index", "--find-links", tmp_path, "--target", target, "--require-hashes", "--requirement", lock),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode == 0, (target / "tiny.py").exists()) == (is_right, is_right), done.stderr
    assert is_right or "DO NOT MATCH THE HASHES" in done.stderr


@pytest.mark.parametrize("target", INSTALLATIONS)
def test_every_installation_asks_for_hashes(target: str) -> None:
    shown = subprocess.run(
        ["make", "--dry-run", "--always-make", f".venv/{target}"],
        cwd=CHECKOUT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    installs = [line for line in shown.splitlines() if " pip " in line and " install " in line]

    assert len(installs) == 3
    for line in installs[:2]:
        assert "--require-hashes" in line
        assert "--requirement .ci/requirements/" in line
    assert installs[2].endswith("install --no-deps --no-build-isolation --editable .")


@pytest.mark.parametrize("path", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.stem)
def test_every_pin_has_hashes_and_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=\S)", text) if entry]

    assert entries
    for entry in entries:
        assert re.fullmatch(r"[a-z0-9-]+(\[\w+\])?==\S+( ; .+?)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n?", entry), (
            entry
        )
    assert "://" not in text


@pytest.mark.parametrize(
    ("purpose", "extras"),
    [
        ("demo", ()),
        ("live", ("libvirt",)),
        ("bench", ("bench",)),
        ("bench-peers", ("bench", "libvirt")),
        ("test", ("dev", "docs", "libvirt", "postgres", "sources")),
    ],
)
def test_the_locks_are_of_what_is_asked_for_and_pinned(purpose: str, extras: tuple[str, ...]) -> None:
    locked, pinned = pins(LOCKS / f"{purpose}.txt"), pins(CHECKOUT / "constraints.txt")

    assert asked_for(*extras) - locked.keys() == set(), "run `make locks`"
    assert {name: locked[name] for name in locked.keys() & pinned.keys() if locked[name] != pinned[name]} == {}


def test_every_pin_is_in_a_lock() -> None:
    locked = {name for path in LOCKS.glob("*.txt") for name in pins(path)}

    assert pins(CHECKOUT / "constraints.txt").keys() - locked == set(), "run `make locks`"


def test_what_builds_ioledger_is_locked_too() -> None:
    lines = (LOCKS / "build.in").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == PROJECT["build-system"]["requires"]
