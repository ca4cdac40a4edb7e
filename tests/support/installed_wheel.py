"""The project as its users get it: a wheel, installed into an environment of its own."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
CONSTRAINTS = CHECKOUT / "constraints.txt"


@dataclass(frozen=True)
class Installation:
    """A wheel and the `ioledger` script of the environment that it is installed in."""

    wheel: Path
    script: Path

    def run(self, *arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
        """Run the script as a scheduled job would: from another directory, with next to no environment."""
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(directory)}
        return subprocess.run(
            [str(self.script), *arguments], cwd=directory, env=environment, capture_output=True, text=True, check=False
        )


def installation(directory: Path) -> Installation:
    """Return the installation in ``directory``, made by whichever test process comes first."""
    environment = directory / "environment"
    done = directory / "installed"
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _succeed([sys.executable, "-m", "build", "--outdir", str(directory), str(_fresh_copy(directory))])
            venv.create(environment)
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(environment)]
            constraints = ["--constraint", str(CONSTRAINTS)] if CONSTRAINTS.exists() else []
            _succeed([*pip, "install", "--no-compile", *constraints, f"{_wheel(directory)}[libvirt,postgres,sources]"])
            done.touch()
    return Installation(_wheel(directory), environment / "bin" / "ioledger")


def _fresh_copy(directory: Path) -> Path:
    # What an earlier build lists in its egg-info would find its way into the wheel, declared or not.
    left_by_tools = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build", "dist")
    return shutil.copytree(CHECKOUT, directory / "checkout", ignore=left_by_tools)


def _wheel(directory: Path) -> Path:
    (wheel,) = directory.glob("ioledger-*.whl")
    return wheel


def _succeed(command: list[str]) -> None:
    # The tests' own environment must not leak into the one that is made here.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")
