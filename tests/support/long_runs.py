"""What long runs of tests keep for docs/promises.md: figures as JSON, with the day, the code and the command."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def heading(command: str) -> dict[str, Any]:
    """Return what figures begin with: ``date``, ``commit``, which is empty outside of a checkout, and ``command``."""
    asked = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "commit": commit.stdout.strip(), "command": command}


def keep_figures(path: Path, figures: Mapping[str, object]) -> None:
    """Write figures into a file, in the place of those of an earlier run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
