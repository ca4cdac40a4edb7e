"""How many branches of the parsers the inputs reach: what is kept, and a sample of new inputs.

It is measured apart, for measuring takes several times as long as reading.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fuzzing.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SAMPLE: Final = 100
"""New inputs of each target."""


def reached(names: Sequence[str], sample: int = SAMPLE) -> Mapping[str, Mapping[str, Any]]:
    """Return for each parser's module its branches, how many are reached, and which lines' are not."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [sys.executable, "-m", "fuzzing.reached", str(report), str(sample), *names]
        path = os.pathsep.join(sys.path)  # whoever runs this found the parsers and their targets by it
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path})
        return _told(json.loads(report.read_text(encoding="utf-8"))["files"], _modules(names))


def _modules(names: Iterable[str]) -> dict[str, Path]:
    modules = sorted({module for name in names for module in TARGETS[name].parsers})
    specs = {module: importlib.util.find_spec(module) for module in modules}
    return {module: Path(str(spec.origin)) for module, spec in specs.items() if spec is not None}


def _told(files: Mapping[str, Any], modules: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    by_path = {Path(name).resolve(): found for name, found in files.items()}
    told = {}
    for module, path in modules.items():
        found = by_path[path.resolve()]
        branches, met = found["summary"]["num_branches"], found["summary"]["covered_branches"]
        told[module] = {
            "branches": branches,
            "reached": met,
            "percent": round(100 * met / branches, 1) if branches else 100.0,
            "missing": [f"{start}->{end}" for start, end in found["missing_branches"]],
        }
    return told


def _measure(report: Path, sample: int, names: Sequence[str]) -> None:
    from coverage import Coverage  # noqa: PLC0415 - only this process needs it
    from fuzzing.inputs import kept, made  # noqa: PLC0415 - likewise
    from fuzzing.judging import begin, judged  # noqa: PLC0415 - likewise

    found = [str(path) for path in _modules(names).values()]
    measured = Coverage(branch=True, include=found, data_file=None, config_file=False)
    begin()
    measured.start()
    for name in names:
        target = TARGETS[name]
        judged(target, kept(name))
        judged(target, (made(target, -1, number) for number in range(sample)))
    measured.stop()
    measured.json_report(outfile=str(report))


if __name__ == "__main__":
    _measure(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
