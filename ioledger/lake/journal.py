"""Journals: files that have taken the place of others, told before their names say so.

A journal is a small JSON file in the lake's ``.journal``. From the moment in which it is there, the
files it calls new count, under their own name or still under a hidden one, and those it calls old do
not, whether they are still there or not. Journals are read in the order of their names.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Final

from ioledger.errors import UNREADABLE, LakeError, one_of, why_unreadable
from ioledger.lake import access

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

DIRECTORY: Final = ".journal"
HIDDEN_SUFFIX: Final = ".new"

_LONGEST_PART: Final = 255
_LONGEST_NAME: Final = 1024
"""What file systems and object stores take; names in a lake are far shorter."""


@dataclass(frozen=True, slots=True)
class Swap:
    """What one journal says: the hidden name of each new file by its own, and the old files.

    Names are relative to the lake. A name may be both: then the new file replaces the old one.
    """

    new: Mapping[str, str]
    old: Sequence[str]

    def to_json(self) -> bytes:
        """Write the swap as the content of a journal."""
        return json.dumps({"new": dict(self.new), "old": list(self.old)}, ensure_ascii=False, indent=1).encode()


def hidden(path: Path) -> Path:
    """Name a file that is to become ``path``: beside it, unseen by readers, and unlike any other such name."""
    return path.with_name(f".{path.name}.{token_hex(4)}{HIDDEN_SUFFIX}")


def own_name(path: Path) -> str:
    """Return the name that a file has or is to have."""
    if path.suffix != HIDDEN_SUFFIX:
        return path.name
    return path.name.removeprefix(".").removesuffix(HIDDEN_SUFFIX).rpartition(".")[0]


def pending(lake: Path) -> dict[Path, Swap]:
    """Read the journals of a lake, in order.

    Raises LakeError if one cannot be read: without it, rows would be read twice or not at all.
    """
    directory = lake / DIRECTORY
    while True:
        try:
            return {path: _read(path) for path in sorted(access.listed(directory)) if path.suffix == ".json"}
        except FileNotFoundError:  # a swap was finished while its journal was being read
            continue


def _read(path: Path) -> Swap:
    try:
        told = json.loads(path.read_bytes())
        swap = Swap(*names_of(told))
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        raise LakeError(f"the journal {path} cannot be read: {why_unreadable(error)}; restore it") from error
    if unknown := sorted(told.keys() - {"new", "old"}):
        named = " ".join(one_of(unknown).split())
        raise LakeError(
            f"the journal {path} has {named}, which this ioledger does not know; upgrade ioledger to the "
            "version that wrote it, or a newer one"
        )
    return swap


class NoNamesError(ValueError):
    """What should name files of the lake does not."""


def names_of(told: object) -> tuple[dict[str, str], list[str]]:
    """Return the new and the old names of a journal; raises NoNamesError where a name could lie outside of the lake.

    Files are moved and removed by these names.
    """
    new, old = (told.get("new"), told.get("old")) if isinstance(told, dict) else (None, None)
    if not isinstance(new, dict) or not isinstance(old, list):
        raise NoNamesError("it has no new and old names")
    for name in (*new, *new.values(), *old):
        if not isinstance(name, str) or not _is_within(name):
            raise NoNamesError(f"{name!r:.80} is no name of a file in the lake")
    return new, old


def _is_within(name: str) -> bool:
    parts = name.split("/")
    is_short = len(name) <= _LONGEST_NAME and all(len(part.encode()) <= _LONGEST_PART for part in parts)
    return name.isprintable() and is_short and not {"", ".", ".."} & {*parts}


def present(lake: Path, seen: Iterable[Path], swaps: Iterable[Swap], under: Path) -> dict[Path, Path]:
    """Return which files of a directory count, by their own name, and where each lies now.

    ``seen`` are the files that carry their own name, listed after the swaps were read.
    """
    found = {path: path for path in seen}
    for swap in swaps:
        for name in swap.old:
            found.pop(lake / name, None)
        for name, hidden_name in swap.new.items():
            path = lake / name
            if path.is_relative_to(under):
                found[path] = lake / hidden_name if (lake / hidden_name).exists() else path
    return found
