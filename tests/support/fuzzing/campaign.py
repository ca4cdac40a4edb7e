"""Very many inputs by several processes: who reads what, and what became of it."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fuzzing.inputs import kept, made
from fuzzing.judging import Finding, Tally, begin, judged, judged_made
from fuzzing.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fuzzing.target import Target

_PIECE: Final = 2000
"""Inputs that a process reads before it says what became of them."""

_NOTES: Final = ".note"
_NOTE: Final = struct.Struct("32sq")


@dataclass(slots=True)
class Result:
    """What became of the inputs of one target, and the processor time that they took."""

    target: str
    taken: int = 0
    refused: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        """How many inputs there were."""
        return self.taken + self.refused + len(self.findings)

    def add(self, tally: Tally, seconds: float) -> None:
        """Add what became of a piece."""
        self.taken += tally.taken
        self.refused += tally.refused
        self.findings += tally.findings
        self.seconds += seconds


@dataclass(frozen=True, slots=True)
class Piece:
    """Some inputs of a target: those that are kept where there is no seed, or those of these numbers."""

    target: str
    seed: int
    numbers: range


def shares(targets: Sequence[Target], inputs: int) -> dict[str, int]:
    """Divide inputs among targets by their shares, at least one to each."""
    total = sum(target.share for target in targets)
    return {target.name: max(1, -(-inputs * target.share // total)) for target in targets}


def run(
    targets: Sequence[Target], inputs: int, seed: int, tell: Callable[[int], None] = lambda _: None
) -> dict[str, Result]:
    """Read what is kept and so many new inputs, by a process for each processor."""
    results = {target.name: Result(target.name) for target in targets}
    pieces = list(_pieces(targets, inputs, seed))
    done = 0
    while pieces:
        broken = False
        with tempfile.TemporaryDirectory() as notes, _workers(notes) as pool:  # pools end before their directory
            running = {pool.submit(_read, piece): piece for piece in pieces}
            for future in as_completed(running):
                try:
                    tally, seconds = future.result()
                except BrokenProcessPool:
                    broken = True
                    break
                piece = running[future]
                results[piece.target].add(tally, seconds)
                pieces.remove(piece)
                done += tally.inputs
                tell(done)
            if broken:
                _take_broken(Path(notes), pieces, results)
    return results


def _workers(notes: str) -> ProcessPoolExecutor:
    context = get_context("spawn")
    return ProcessPoolExecutor(os.cpu_count(), mp_context=context, initializer=_begin, initargs=(notes,))


def _pieces(targets: Sequence[Target], inputs: int, seed: int) -> Iterator[Piece]:
    for name, count in shares(targets, inputs).items():
        yield Piece(name, -1, range(len(kept(name))))
        for start in range(0, count, _PIECE):
            yield Piece(name, seed, range(start, min(count, start + _PIECE)))


_note: mmap.mmap | None = None


def _begin(notes: str) -> None:
    global _note  # noqa: PLW0603 - of this process
    begin()
    # A process of a pool runs nothing at its end that could remove what it made elsewhere.
    tempfile.tempdir = notes
    path = Path(notes) / f"{os.getpid()}{_NOTES}"
    path.write_bytes(bytes(_NOTE.size))
    with path.open("r+b") as file:
        _note = mmap.mmap(file.fileno(), _NOTE.size)


def _read(piece: Piece) -> tuple[Tally, float]:
    target = TARGETS[piece.target]
    assert _note is not None
    note = _note

    def tell(number: int) -> None:
        note[:] = _NOTE.pack(piece.target.encode(), piece.numbers.start + number)

    started = time.process_time()
    if piece.seed < 0:
        tally = judged(target, kept(target.name), tell)
    else:
        tally = judged_made(target, piece.seed, piece.numbers, tell)
    note[:] = bytes(_NOTE.size)
    return tally, time.process_time() - started


def _take_broken(notes: Path, pieces: list[Piece], results: dict[str, Result]) -> None:
    """Name the inputs that were being read when a process died, and leave their pieces out."""
    for path in notes.glob(f"*{_NOTES}"):
        raw, number = _NOTE.unpack(path.read_bytes())
        name = raw.rstrip(b"\0").decode()
        for piece in [each for each in pieces if each.target == name and number in each.numbers]:
            data = kept(name)[number] if piece.seed < 0 else made(TARGETS[name], piece.seed, number)
            results[name].findings.append(Finding(name, data, "the process died of it, or was ended after 10 s", name))
            pieces.remove(piece)
