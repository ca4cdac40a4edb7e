"""A lake lives through whatever a seed says, keeps every promise, and does exactly the same again."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from simulation.life import BILLS_EVERY
from simulation.mutants import MUTANTS
from simulation.seeds import first_seed, simulated

TREE = Path(__file__).parents[2]
SEEDS = Path(__file__).with_name("seeds.toml")

FEW = (3, BILLS_EVERY)
"""Enough to notice when a promise is broken outright; `make simulate SEEDS=1..1000` finds the rest."""

QUICKLY_FOUND = {
    "directories are not flushed": 4,
    "a swap has no journal": 1,
    "old files go before the journal is there": 1,
}
"""Mistakes by the seed that found them last; where the code makes other calls now, the next ones are tried as well."""

TRIED = 30


def failed_once() -> list[int]:
    return [each["seed"] for each in tomllib.loads(SEEDS.read_text(encoding="utf-8"))["failed"]]


@pytest.mark.parametrize("seed", sorted({*FEW, *failed_once()}))
def test_every_promise_is_kept(seed: int) -> None:
    result = simulated(seed)
    if result.finding:
        pytest.fail("\n".join([result.finding, *result.trace[-25:]]), pytrace=False)
    assert result.figures.steps["fsync"], "the simulation no longer sees what is flushed"


def test_a_seed_does_the_same_again_in_any_process(tmp_path: Path) -> None:
    script = tmp_path / "again.py"
    script.write_text(f"from simulation.seeds import simulated\nprint(simulated({FEW[0]}).digest)\n", encoding="utf-8")
    paths = os.pathsep.join([str(TREE), str(TREE / "tests" / "support")])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "1"}
    told = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, env=environment)
    assert told.stdout == simulated(FEW[0]).digest + "\n"


@pytest.mark.parametrize("mistake", QUICKLY_FOUND)
def test_a_mistake_is_found(mistake: str) -> None:
    assert mistake in MUTANTS
    seeds = [QUICKLY_FOUND[mistake], *(seed for seed in range(1, TRIED) if seed % BILLS_EVERY)]
    assert first_seed(mistake, seeds), "no seed finds it"
