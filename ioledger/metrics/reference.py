"""Renders all metrics as the page docs/metrics.md, from where they are declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ioledger.metrics.family import Part


def metrics_page(parts: Iterable[Part]) -> str:
    """Return the page, in Markdown."""
    lines = [
        "# The metrics",
        "",
        "What `ioledger metrics` writes. All are gauges; times are seconds since 1970. [monitoring.md](monitoring.md)",
        "says how to have them scraped, what 0 and NaN mean, and which alerts rest on them.",
    ]
    for part in parts:
        lines += ["", f"## {part.title}", "", "| metric | labels | is |", "|---|---|---|"]
        for family in part.families:
            labels = ", ".join(f"`{label}`" for label in family.labels)
            lines.append(f"| `{family.name}` | {labels} | {family.meaning} |")
    return "\n".join(lines) + "\n"
