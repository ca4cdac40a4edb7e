"""A process that reads usage and exports again and again while others write, until a file appears.

Two disks are always written alike, in one build. Each answer has to be that of a whole commit: the same for both,
and never less than one before.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.compute as pc
from month_end import END, FIRST

from ioledger.errors import BusyError
from ioledger.lake.derived import consistently
from ioledger.model.tables import USAGE_RECORD
from reports.exports.rows import open_export
from reports.usage.show import totals

DISKS = ("twin-1", "twin-2")


def shown(lake: Path) -> dict[str, int]:
    """Ask as `usage show --by vm` does."""
    found = dict.fromkeys(DISKS, 0)
    for row in totals(lake, "vm", FIRST, END).rows:
        if row["id"] in found:
            found[row["id"]] += row["read_ops"]
    return found


def exported(lake: Path) -> dict[str, int]:
    """Add up what an export of the month gives; it raises an error if that is not what its totals say."""

    def read() -> dict[str, int]:
        found = dict.fromkeys(DISKS, 0)
        with open_export(lake, USAGE_RECORD, "2026-10") as export:
            for batch in export.batches():
                for name in DISKS:
                    found[name] += pc.sum(batch.filter(pc.equal(batch["vm_id"], name))["read_ops"]).as_py() or 0
        return found

    return consistently(lake, read, (FIRST, END))


def main(lake: Path, done: Path) -> None:
    """Read until the file is there, and tell how often, how often in vain, and how many answers differed."""
    rounds, busy, last, seen = 0, 0, 0, set()
    while not done.exists():
        for ask in (shown, exported):
            try:
                found = ask(lake)
            except BusyError:
                busy += 1
                continue
            assert found[DISKS[0]] == found[DISKS[1]], f"{ask.__name__} gave half of a build: {found}"
            assert found[DISKS[0]] >= last, f"{ask.__name__} gave {found} after {last}"
            last = found[DISKS[0]]
            seen.add(last)
        rounds += 1
    sys.stdout.write(json.dumps([rounds, busy, sorted(seen)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
