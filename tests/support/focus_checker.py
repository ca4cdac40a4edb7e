"""The public checker of FOCUS files, in an environment of its own: it needs other versions of our libraries."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

CHECKOUT = Path(__file__).parents[2]
CACHE = CHECKOUT / ".cache"
PINS = Path(__file__).with_name("focus-validator.txt")

PYTHON = "3.12"
"""Older Pythons get another checker without a word, and the newer have no wheel of the numpy that it needs."""

NOT_CLAIMED = (
    "AVAILABILITY_ZONE_SUPPORTED",
    "CAPACITY_RESERVATION_SUPPORTED",
    "COMMITMENT_DISCOUNT_SUPPORTED",
    "PRICING_BILLING_CURRENCY_DIFFERENCES_SUPPORTED",
    "VIRTUAL_CURRENCY_SUPPORTED",
)
"""What a provider may support and ioledger has no notion of; all else is claimed, or its rules would be skipped."""


@dataclass(frozen=True)
class Verdict:
    """What the checker says of a file: its rules that passed, that failed, and that it does not check."""

    passed: frozenset[str]
    failed: frozenset[str]
    skipped: frozenset[str]


@dataclass(frozen=True)
class Checker:
    """The environment that the checker is installed in."""

    environment: Path

    def judge(self, path: Path, scratch: Path) -> Verdict:
        """Check a file by FOCUS 1.2, in an empty directory; the checker's own exit code tells nothing."""
        (package,) = self.environment.glob("lib/python3*/site-packages/focus_validator")
        (scratch / package.name).symlink_to(package)  # it opens a list of currencies relative to where it runs
        report = scratch / "report.xml"
        base = [str(self.environment / "bin" / "focus-validator"), "--validate-version", "1.2", "--block-download"]
        base += ["--focus-dataset", "CostAndUsage"]
        listed = _succeed([*base, "--show-applicability-criteria"], scratch).splitlines()
        criteria = [line.split("\t")[0] for line in listed if "_SUPPORTED\t" in line]
        claimed = ",".join(name for name in criteria if name not in NOT_CLAIMED)
        _succeed(
            [*base, "--data-file", str(path), "--applicability-criteria", claimed,
             "--output-type", "unittest", "--output-destination", str(report)],
            scratch,
        )  # fmt: skip
        return _verdict(report)


def _verdict(report: Path) -> Verdict:
    found: dict[str, set[str]] = {"": set(), "failure": set(), "skipped": set()}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - a file that the test itself had made
        outcome = next((child.tag for child in case), "")
        found[outcome].add(case.attrib["name"].split(" ")[0])
    return Verdict(frozenset(found[""]), frozenset(found["failure"]), frozenset(found["skipped"]))


def checker() -> Checker | None:
    """Return the checker, installed by whichever test process comes first; None without a Python that it runs on."""
    python = _python()
    if python is None:
        return None
    CACHE.mkdir(exist_ok=True)
    environment = CACHE / "focus-validator"
    done = environment / "installed"
    with (CACHE / "focus-validator.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_bytes() != PINS.read_bytes():
            shutil.rmtree(environment, ignore_errors=True)
            _succeed([python, "-m", "venv", str(environment)], CACHE)
            pip = [str(environment / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
            _succeed([*pip, "install", "--requirement", str(PINS)], CACHE)
            done.write_bytes(PINS.read_bytes())
    return Checker(environment)


def _python() -> str | None:
    """Find a Python of the wanted version: on the PATH, or where pyenv and uv keep theirs."""
    managed = [
        *Path.home().glob(f".pyenv/versions/{PYTHON}.*/bin/python{PYTHON}"),
        *Path.home().glob(f".local/share/uv/python/cpython-{PYTHON}.*/bin/python{PYTHON}"),
    ]
    on_path = shutil.which(f"python{PYTHON}")
    for python in [*([on_path] if on_path else []), *map(str, managed)]:
        # A shim of pyenv's is on the PATH also where its version is not chosen, and Debian's may lack venv.
        if subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0:
            return python
    return None


def _succeed(command: list[str], directory: Path) -> str:
    # The tests' own environment must not leak into the one of the checker.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout
