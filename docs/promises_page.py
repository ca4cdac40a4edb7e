"""The page of docs/ that says what ioledger promises, and what tests did last to break it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

FIGURES: Final = Path(__file__).parent / "promises"
"""What each kind of test wrote of its last long run."""

_MIB: Final = 2**20

_PROMISES: Final = (
    ("Promise", "What could break it", "What tries to"),
    ("---", "---", "---"),
    (
        "**No sample that was acknowledged is lost**",
        "crashes, power cuts, disks that are full or go away, merging, many months",
        "[simulated lives](simulation.md), [kills and other faults](faults.md), [a simulated year](soak.md)",
    ),
    (
        "**No operation is billed twice**",
        "reruns after a crash, two commands at once, guests that are read twice, samples that come late",
        "simulated lives, kills, [pairs of commands](concurrency.md), the simulated year",
    ),
    (
        "**A wrong input never becomes a wrong bill**",
        "odd answers, files that somebody wrote by hand, damaged files, files of newer versions",
        "[fuzzing](fuzzing.md), faults, [lakes of other versions](upgrades.md)",
    ),
    (
        "**Nobody reads or writes what they should not**",
        "names that are SQL, markup, formulas or paths; other tenants; whoever is on the way",
        "what [SECURITY.md](../SECURITY.md) lists, threat by threat",
    ),
)

_HEAD: Final = """# What is promised, and how it is shown

{promises}

It holds for a lake in an object store as well: commands work on a copy of it, and `tests/property/test_store_copies.py`
lets two machines, lost answers and killed processes get between the two.

## What was tried last

Each row was written by its command, and counts what is lost, doubled or wrong.

{rows}

`make test` does a bounded part of each for every change, with the same code. `make test-long` does all of it, for
hours, and writes these figures. That tests fail where the code is wrong is shown by [seeded
mistakes](seeded-defects.md), and by those that simulation, kills and fuzzing make on purpose.
"""


def promises_page() -> str:
    """Return docs/promises.md, with a row for each kind of test that has figures."""
    rows = [
        ("What", "How much", "Wrong", "When", "Command"),
        ("---", "---", "---:", "---", "---"),
        *(row(_told(name)) for name, row in _ROWS.items() if (FIGURES / f"{name}.json").exists()),
    ]
    return _HEAD.format(promises=_table(_PROMISES), rows=_table(rows))


def _table(rows: Any) -> str:  # noqa: ANN401 - tuples of cells
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _told(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8"))
    return told


def _simulation(told: dict[str, Any]) -> tuple[str, ...]:
    crashes = told["crashes"]
    much = (
        f"{told['lives']:,} lives, {told['file_calls']:,} calls on files; killed at {crashes.get('kill', 0):,}, power "
        f"lost at {crashes.get('power', 0):,}, other faults at {sum(told['faults'].values()):,}"
    )
    return "Simulated lives", much, str(told["failed"]), told["date"], f"`{told['command']}`"


def _kills(told: dict[str, Any]) -> tuple[str, ...]:
    inside = ", ".join(f"{step} {count}" for step, count in told["inside_of"].items())
    much = (
        f"{told['kills']:,} times SIGKILL, inside of: {inside}; {told['lakes_healed']:,} lakes healed by a rerun, "
        f"{told['bills_compared_with_the_truth']:,} bills compared with the truth"
    )
    return "Real commands killed", much, str(len(told["findings"])), told["date"], f"`{told['command']}`"


def _fuzzing(told: dict[str, Any]) -> tuple[str, ...]:
    least = min(each["percent"] for each in told["branches"].values())
    much = (
        f"{told['inputs']:,} inputs for {len(told['parsers'])} parsers, {told['taken']:,} taken and "
        f"{told['refused']:,} refused; at least {least} % of the branches of each parser reached"
    )
    return "Inputs", much, str(told["broken"]), told["date"], f"`{told['command']}`"


def _pairs(told: dict[str, Any]) -> tuple[str, ...]:
    much = (
        f"{told['pairs']:,} of {told['pairs_of']:,} ordered pairs of {told['commands']} commands, at "
        f"{told['points']:,} points: both ran at {told['both_ran']:,}, one waited at {told['one_waited']:,}, one gave "
        f"way at {told['one_refused']:,}"
    )
    return "Two commands at once", much, str(told["wrong"]), told["date"], f"`{told['command']}`"


def _faults(told: dict[str, Any]) -> tuple[str, ...]:
    much = ", ".join(f"{what} {count:,}" for what, count in told["tried"].items())
    return "Other faults", much, str(told["failed"]), told["date"], f"`{told['command']}`"


def _soak(told: dict[str, Any]) -> tuple[str, ...]:
    first, last = told["days"][0], told["days"][-1]
    troubles = sum(told["events"].values())
    memory = f"{first['memory_bytes'] / _MIB:.0f} MiB of memory on the first day and {last['memory_bytes'] / _MIB:.0f}"
    much = (
        f"{told['simulated_days']:,} days of {told['disks']:,} disks: {told['runs']:,} runs, {told['samples']:,} "
        f"samples, {troubles:,} ends of runs and troubles; {memory} on the last, {last['handles']} open files"
    )
    wrong = (
        sum(not each["is_flat"] for each in told["judged"])
        + len(told["failures"])
        + (told["reads_stored"] != told["reads_metered"])
    )
    return "A service for long", much, str(wrong), told["date"], f"`{told['command']}`"


_ROWS: Final = {
    "simulation": _simulation,
    "kills": _kills,
    "faults": _faults,
    "fuzzing": _fuzzing,
    "pairs": _pairs,
    "soak": _soak,
}
